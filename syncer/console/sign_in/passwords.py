"""Passwords: which are taken, and what is kept of them.

Argon2id with 19 MiB, as OWASP recommends; at most two at a time, so that a flood of tries takes no more than 38 MiB.
"""

from __future__ import annotations

import os
import threading
import unicodedata
from functools import cache

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from syncer.console.sign_in.guessable import is_guessable
from syncer.language.texts import N_

SHORTEST, LONGEST = 12, 128
#: characters that become one in the normal form, at most (Unicode, UAX #15): more of them than this are too many anyhow
_INTO_ONE = 4
_KIBIBYTES, _PASSES, _LANES = 19_456, 2, 1
#: how everything begins that is kept: another cost is not ours, and whoever wrote it there may have chosen a gigabyte
_OURS = f"$argon2id$v=19$m={_KIBIBYTES},t={_PASSES},p={_LANES}$"
_at_once = threading.BoundedSemaphore(2)

TOO_SHORT = N_("The password needs at least 12 characters; several words make a good one.")
TOO_LONG = N_("The password may have 128 characters at most.")
GUESSABLE = N_("This password is one of the first that a stranger would try. Choose another one.")
NAMES = N_("The password must not contain your name, or the word syncer.")


def objection(password: str, name: str) -> str | None:
    """Return why a password is not taken for an account, as a text to be translated; None for one that is."""
    normal = _normal(password)
    if len(normal) < SHORTEST:
        return TOO_SHORT
    if len(normal) > LONGEST:
        return TOO_LONG
    folded = normal.casefold()
    if name.casefold() in folded or "syncer" in folded:
        return NAMES
    return GUESSABLE if is_guessable(normal) else None


def kept(password: str) -> str:
    """Return what is kept of a password: a PHC string."""
    with _at_once:
        return _argon2id(os.urandom(16)).derive_phc_encoded(_octets(password))


def is_right(password: str, stored: str | None) -> bool:
    """Say whether a password is the one that this was kept of. It takes as long where there is none."""
    usable = stored is not None and stored.startswith(_OURS) and len(_normal(password)) <= LONGEST
    with _at_once:
        try:
            Argon2id.verify_phc_encoded(_octets(password), stored if usable and stored else _nobodys())
        except InvalidKey:
            return False
    return usable


@cache
def _nobodys() -> str:
    return _argon2id(os.urandom(16)).derive_phc_encoded(os.urandom(32))


def _argon2id(salt: bytes) -> Argon2id:
    return Argon2id(salt=salt, length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_KIBIBYTES)


def _normal(password: str) -> str:
    """Return a password in the one form that every keyboard makes of it (RFC 8265, OpaqueString).

    Of one that is too long only as much as shows it: thousands of accents on a letter would take seconds to sort.
    """
    return unicodedata.normalize("NFC", password[: _INTO_ONE * (LONGEST + 1)])


def _octets(password: str) -> bytes:
    # what is longer is not anybody's, and need not be read to its end
    return _normal(password)[: LONGEST + 1].encode("utf-8", "surrogatepass")
