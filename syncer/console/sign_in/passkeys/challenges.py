"""Challenges: what a passkey signs. Each is good for one purpose, one browser, five minutes, and once.

Asking for one writes nothing, so that no stranger fills a table by asking: a challenge carries a seal by which it is
known as ours. What was used is kept until it would have expired anyhow.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from syncer.console.keeping.once import OnceStore
from syncer.privacy.keyring import Keyring

#: how long somebody may take to touch their key
LASTS = timedelta(minutes=5)
_NONCE, _UNTIL, _SEAL = 16, 8, 32
_KIND = "passkey"


class Purpose(StrEnum):
    """What a passkey is asked for; an answer to one is none to another."""

    SIGN_IN = "sign-in"
    STEP_UP = "step-up"
    REGISTER = "register"
    ENROL = "enrol"


class ChallengeBook:
    """The challenges of one installation."""

    def __init__(self, keyring: Keyring, once: OnceStore) -> None:
        self._keyring = keyring
        self._once = once

    def new(self, purpose: Purpose, bound: str, now: datetime) -> bytes:
        """Return a challenge for whoever holds `bound`: a secret of the browser that asks. `now` is UTC."""
        until = int((now + LASTS).timestamp()).to_bytes(_UNTIL)
        start = secrets.token_bytes(_NONCE) + until
        return start + _seal(self._keyring.console_key, purpose, bound, start)

    def use(self, challenge: bytes, purpose: Purpose, bound: str, now: datetime) -> bool:
        """Use a challenge up; False for one that is not ours, is another's, is too old, or was used before."""
        start, seal = challenge[: _NONCE + _UNTIL], challenge[_NONCE + _UNTIL :]
        if len(challenge) != _NONCE + _UNTIL + _SEAL or not bound:
            return False
        if not hmac.compare_digest(_seal(self._keyring.console_key, purpose, bound, start), seal):
            return False
        until = datetime.fromtimestamp(int.from_bytes(start[_NONCE:]), UTC)  # sealed: it is what we wrote
        if until < now:
            return False
        return self._once.use(_KIND, base64.urlsafe_b64encode(challenge).decode("ascii"), until)


def _seal(key: bytes, purpose: Purpose, bound: str, start: bytes) -> bytes:
    said = f"syncer.console.passkey.v1\0{purpose}\0{bound}\0".encode("utf-8", "surrogatepass")
    return hmac.digest(key, said + start, "sha256")
