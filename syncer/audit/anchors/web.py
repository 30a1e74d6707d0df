"""One HTTP request of an anchor: no redirects, no proxies, a deadline for the whole, and a cap on the answer."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from syncer.audit.anchors.cutoff import SECONDS, WHOLE, Cutoff
from syncer.audit.anchors.place import AnchorError

LARGEST = 256 * 1024  # bytes of an answer


class NoAnswer(Exception):
    """Raised when no whole answer came; the text says why, without the address."""


class _CutConnection(http.client.HTTPConnection):
    """A connection whose socket the cutoff can shut down, under TLS where a context is given."""

    def __init__(self, host: str, port: int, cutoff: Cutoff, context: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=SECONDS)
        self._cutoff = cutoff
        self._context = context

    def connect(self) -> None:
        plain = self._cutoff.connect(self.host, self.port)
        self.sock = plain if self._context is None else self._context.wrap_socket(plain, server_hostname=self.host)


def send(
    method: str, url: str, content: bytes, headers: Mapping[str, str], seconds: float = WHOLE
) -> tuple[int, bytes]:
    """Return status and body. Raises AnchorError when no whole answer comes within `seconds`, drips or not."""
    try:
        return exchange(method, url, content, headers, seconds)
    except NoAnswer as error:
        raise AnchorError(f"{urlsplit(url).netloc} {error}") from None


def exchange(
    method: str, url: str, content: bytes, headers: Mapping[str, str], seconds: float = WHOLE
) -> tuple[int, bytes]:
    """Do the same for an address that is a secret. Raises NoAnswer."""
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    try:
        with Cutoff(seconds) as cutoff:
            port = parts.port or (443 if secure else 80)
            connection = _CutConnection(parts.hostname or "", port, cutoff, _context() if secure else None)
            try:
                target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
                named = {} if any(name.lower() == "host" for name in headers) else {"Host": parts.netloc}
                connection.request(method, target, body=content, headers={**named, **headers})
                with connection.getresponse() as answer:  # one that is not read to its end would stay open
                    body = answer.read(LARGEST + 1)
                    status, whole = answer.status, answer.length in (None, 0)
            finally:
                connection.close()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NoAnswer(f"gave no answer ({type(error).__name__})") from None
    if len(body) > LARGEST or not whole:
        raise NoAnswer("answered too much or not to the end")
    return status, body


def _context() -> ssl.SSLContext:
    from requests.utils import DEFAULT_CA_BUNDLE_PATH  # the roots that the destinations are held against, too

    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
