"""A sign-in at an identity provider that began in one browser: what only that browser can end.

Nothing is kept here while somebody is away at the provider: the browser's cookie holds random bits, from which the
state, the nonce and the verifier follow under the console's key. So a link that is looked at ahead changes nothing, and
whoever opens it a million times fills no table.
"""

from __future__ import annotations

import base64
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: for so long somebody may be away at the provider
LASTS = timedelta(minutes=10)
_PURPOSE = b"syncer.console.oidc.v1"
_COOKIE = re.compile(r"([0-9]{10})\.[A-Za-z0-9_-]{43}\.([A-Za-z0-9_-]{0,4000})")


@dataclass(frozen=True, slots=True)
class SignInElsewhere:
    """A sign-in that began: `cookie` is what the browser keeps, `to` where somebody wants to go afterwards."""

    cookie: str
    to: str
    until: datetime
    state: str
    nonce: str
    verifier: str


def begin(key: bytes, to: str, now: datetime) -> SignInElsewhere:
    """Begin a sign-in under the console's key, after which somebody wants to go to a path."""
    cookie = f"{int(now.timestamp()):010}.{secrets.token_urlsafe(32)}.{_b64(to.encode())}"
    found = of_cookie(key, cookie, now)
    assert found is not None
    return found


def of_cookie(key: bytes, cookie: str, now: datetime) -> SignInElsewhere | None:
    """Return the sign-in of a cookie; None for one that is none, or began too long ago. Only its state proves it."""
    parts = _COOKIE.fullmatch(cookie)
    if parts is None:
        return None
    begun = datetime.fromtimestamp(int(parts[1]), UTC)
    if not timedelta(minutes=-1) <= now - begun <= LASTS:
        return None
    state, nonce, verifier = (_derived(key, name, cookie) for name in (b"state", b"nonce", b"verifier"))
    try:
        to = base64.urlsafe_b64decode(parts[2] + "=" * (-len(parts[2]) % 4)).decode()
    except ValueError:
        return None
    return SignInElsewhere(cookie, to, begun + LASTS, state, nonce, verifier)


def _derived(key: bytes, name: bytes, cookie: str) -> str:
    return _b64(hmac.digest(key, b"\0".join((_PURPOSE, name, cookie.encode())), "sha256"))


def _b64(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")
