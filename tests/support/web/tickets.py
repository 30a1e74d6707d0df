"""Tickets as the plugin of WordPress makes them, and as a liar does."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from datetime import datetime
from typing import Any

SECRET = "0123456789abcdef0123456789abcdef"
ISSUER, AUDIENCE = "https://shop.example.org/", "http://localhost:8484/"


def said(now: datetime, **changed: Any) -> dict[str, Any]:
    """What a good ticket says; `changed` are lies, and None leaves a field out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "1:7", "iat": int(now.timestamp()), "to": "/requests/"}
    good |= {"exp": int(now.timestamp()) + 60, "jti": secrets.token_hex(16)}
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(content: Any, secret: str = SECRET, purpose: bytes = b"syncer-ticket-v1") -> str:
    """Sign what a ticket says: bytes as they are, anything else as JSON."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return f"{plain(raw)}.{plain(hmac.digest(secret.encode(), purpose + raw, 'sha256'))}"


def ticket(now: datetime, **changed: Any) -> str:
    """Make a ticket."""
    return signed(said(now, **changed))


def plain(octets: bytes) -> str:
    """Base64 for addresses, without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()
