"""Codes of an authenticator app (TOTP, RFC 6238): a new secret, its QR code, and which step a code belongs to."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import datetime
from io import BytesIO
from urllib.parse import quote

#: seconds for which a code stands
STEP_SECONDS = 30
#: steps before and after the present one that count too: clocks differ, and people type slowly
_TOLERANCE = 1
_DIGITS = 6
_BYTES = 20


def new_secret() -> str:
    """Return a new secret in Base32: 160 bits, as RFC 4226 recommends."""
    return base64.b32encode(secrets.token_bytes(_BYTES)).decode("ascii")


def step_of(secret: str, code: str, now: datetime, after: int | None) -> int | None:
    """Return the step (of 30 s since 1970) that a code belongs to; None for a wrong one, and for one up to `after`.

    All steps are compared, so the time that it takes says nothing.
    """
    import pyotp  # an extra: whoever only makes accounts needs none

    totp, present, typed = pyotp.TOTP(secret, digits=_DIGITS), int(now.timestamp()) // STEP_SECONDS, _digits(code)
    found = None
    for step in range(max(0, present - _TOLERANCE), present + _TOLERANCE + 1):
        if hmac.compare_digest(totp.generate_otp(step), typed) and (after is None or step > after):
            found = step
    return found


def address(secret: str, name: str, host: str) -> str:
    """Return what an authenticator app reads from the QR code."""
    issuer = f"syncer {host}"
    label, named = quote(f"{issuer}:{name}", safe=":"), quote(issuer)
    return (
        f"otpauth://totp/{label}?secret={secret}&issuer={named}&algorithm=SHA1&digits={_DIGITS}&period={STEP_SECONDS}"
    )


def drawn(text: str) -> str:
    """Return a text as a QR code: an SVG element for a page, without a style of its own."""
    import segno  # an extra, as above

    out = BytesIO()
    segno.make(text, error="m", micro=False).save(
        out, kind="svg", xmldecl=False, svgns=False, svgclass="qr", lineclass=None, omitsize=True, border=4,
        dark="#000", light="#fff", nl=False,
    )  # fmt: skip
    return out.getvalue().decode("utf-8")


def spaced(secret: str) -> str:
    """Return a secret as people type it: in groups of four."""
    return " ".join(secret[start : start + 4] for start in range(0, len(secret), 4))


def _digits(code: str) -> str:
    typed = "".join(code.split())
    return typed if typed.isascii() and typed.isdigit() else ""
