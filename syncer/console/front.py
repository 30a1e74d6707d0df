"""What every request meets first: the prefix, what proxies say, a database that is not there yet, and the last resort.

A WSGI application around the site, which comes once the installation is open.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from syncer.console.guardrails import headers_of, is_trusted_peer
from syncer.console.plain import plain_page, wished_language
from syncer.language.texts import _, speaking
from syncer.log import get_logger

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from syncer.settings.console.table import ConsoleSettings

#: what proxies write; only X-Forwarded-For of a trusted one says anything here
_FORWARDED = ("X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_FORWARDED_PORT", "X_FORWARDED_BY", "X_FORWARDED_PREFIX")
#: seconds after which a browser may ask again while the database is away
_AGAIN = 10


class Front:
    """Answers until there is a site that the database is away, and from then on with the site.

    `busy_at_most` is how many requests are answered at one time.
    """

    def __init__(self, settings: ConsoleSettings, busy_at_most: int) -> None:
        self._settings = settings
        self._busy_at_most = busy_at_most
        self._site: WSGIApplication | None = None
        self._headers = headers_of(settings)
        self._log = get_logger("syncer.console")
        self._counting = threading.Lock()
        self._in_hand = 0
        self._ended_at = time.monotonic()

    def open(self, site: WSGIApplication) -> None:
        """Answer with the site from the next request on."""
        self._site = site

    def moves(self, seconds: float) -> bool:
        """Say whether a request could be answered: not all threads are busy, or one came free within `seconds`."""
        return self._in_hand < self._busy_at_most or time.monotonic() - self._ended_at < seconds

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self._whole(environ, _Begun(start_response))

    def _whole(self, environ: WSGIEnvironment, begun: _Begun) -> Iterator[bytes]:
        """Yield the answer; whatever fails in making it, at its first byte or its last, is told and logged here."""
        with self._counting:
            self._in_hand += 1
        try:
            with closing(_Closable(self._answered(environ, begun))) as answer:
                yield from answer.parts
        except Exception as error:  # noqa: BLE001 — the last resort: no type, no path, nothing of the request
            number = uuid.uuid4().hex[:12]
            self._log.error("page.failed", reason=number, error=type(error).__name__, exc_info=error)
            if begun.status is not None:
                raise _CutOff from None  # half of an answer is under way: the connection ends with it
            yield from self._plain(environ, begun, 500, number=number)
        finally:
            with self._counting:
                self._in_hand -= 1
                self._ended_at = time.monotonic()

    def _answered(self, environ: WSGIEnvironment, begun: _Begun) -> Iterable[bytes]:
        self._believe_proxies(environ)
        if not self._enter(environ):
            return self._plain(environ, begun, 404)
        if self._site is None:
            return self._plain(environ, begun, 503)
        return self._site(environ, begun)

    def _believe_proxies(self, environ: WSGIEnvironment) -> None:
        """Leave X-Forwarded-For where a proxy of ours wrote it, and nothing else that a proxy may say."""
        for name in _FORWARDED:
            environ.pop(f"HTTP_{name}", None)
        environ.pop("HTTP_FORWARDED", None)
        if not is_trusted_peer(environ.get("REMOTE_ADDR", ""), self._settings):
            environ.pop("HTTP_X_FORWARDED_FOR", None)

    def _enter(self, environ: WSGIEnvironment) -> bool:
        """Take the prefix off the path; say whether it was there. Nothing is answered beside it."""
        prefix, path = self._settings.prefix, environ.get("PATH_INFO", "")
        if path != prefix and not path.startswith(f"{prefix}/"):
            return False
        environ["SCRIPT_NAME"], environ["PATH_INFO"] = prefix, path.removeprefix(prefix)
        return True

    def _plain(
        self, environ: WSGIEnvironment, start_response: StartResponse, code: int, number: str | None = None
    ) -> Iterable[bytes]:
        with speaking(wished_language(environ.get("HTTP_ACCEPT_LANGUAGE", ""), self._settings.language)):
            title, said = _SAID[code]()
            answer = plain_page(code, title, said, number)
        answer.headers.update(self._headers)
        if code == HTTPStatus.SERVICE_UNAVAILABLE:
            answer.headers["Retry-After"] = str(_AGAIN)
        return answer(environ, start_response)


class _CutOff(Exception):
    """Raised into waitress, which then ends the connection; the log has the failure under its number."""


class _Begun:
    """start_response, which remembers whether an answer has begun."""

    def __init__(self, start_response: StartResponse) -> None:
        self._start_response = start_response
        self.status: str | None = None

    def __call__(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        """Begin the answer."""
        self.status = status
        return self._start_response(status, headers, exc_info)


class _Closable:
    """An answer's parts, closed as WSGI asks for."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self.parts = parts

    def close(self) -> None:
        """Close what can be closed."""
        if (close := getattr(self.parts, "close", None)) is not None:
            close()


#: HTTP status -> what is said, made when it is said: in the language that is spoken then
_SAID: Mapping[int, Callable[[], tuple[str, str]]] = {
    404: lambda: (_("There is no such page"), _("The address may be mistyped, or what it named is not here.")),
    500: lambda: (
        _("Something went wrong here"),
        _("It was noted, and nothing of it is shown. Tell whoever runs syncer the number below."),
    ),
    503: lambda: (
        _("The database is away"),
        _("Nothing is lost: what was asked for is carried out once it is back. Try it again in a few seconds."),
    ),
}
