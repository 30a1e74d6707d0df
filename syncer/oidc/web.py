"""Asking an identity provider: https or this machine, no redirects, one answer that is short and soon there.

With the standard library: `requests` reads whole answers, follows redirects and has no time for the whole.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit

from syncer.oidc.refusals import ProviderAway, ProviderRefuses

#: seconds until something comes, and until all is there
_PATIENCE, _WHOLE = 5.0, 10.0
#: bytes of an answer
LONGEST = 262_144
_LOCAL = ("localhost", "127.0.0.1", "::1")
_PLACE = re.compile(r"https://[^\s/@?#]+[^\s#]*|http://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?([/?][^\s#]*)?")
#: a provider that dribbles holds no more threads than these
_at_once = threading.BoundedSemaphore(2)


class _Here(urllib.request.HTTPRedirectHandler):
    """Go nowhere else: what is sent has a secret in it."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        return None


def is_place(url: object) -> bool:
    """Say whether this is an address that may be asked: https, or http on this machine alone."""
    return isinstance(url, str) and url.isascii() and url.isprintable() and _PLACE.fullmatch(url) is not None


def ask(url: str, form: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None) -> bytes:
    """Return what is at an address, to which a form may be sent. Raises ProviderAway."""
    if not is_place(url):
        raise ProviderAway("it names an address that is not https")
    data = None if form is None else urlencode(form).encode()
    asked = urllib.request.Request(url, data, {"Accept": "application/json", **(headers or {})})  # noqa: S310 (is_place)
    if not _at_once.acquire(timeout=_PATIENCE):
        raise ProviderAway("it is slow, and others wait for it already")
    try:
        return _content(asked)
    except HTTPError as error:
        error.close()
        if error.code == http.client.BAD_REQUEST:
            raise ProviderRefuses("it refuses what it was asked for") from None
        raise ProviderAway(f"it answered with HTTP status {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError):
        raise ProviderAway("it cannot be reached") from None
    finally:
        _at_once.release()


def _content(asked: urllib.request.Request) -> bytes:
    local = urlsplit(asked.full_url).hostname in _LOCAL
    handlers = [_Here(), *([urllib.request.ProxyHandler({})] if local else [])]
    end, found = time.monotonic() + _WHOLE, b""
    with urllib.request.build_opener(*handlers).open(asked, timeout=_PATIENCE) as answer:
        while piece := answer.read1(65_536):
            found += piece
            if len(found) > LONGEST:
                raise ProviderAway("its answer is too long")
            if time.monotonic() > end:
                raise ProviderAway("its answer takes too long")
    return found
