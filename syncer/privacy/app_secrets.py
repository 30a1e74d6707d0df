"""The secrets of authenticator apps, sealed under the console's key and bound to their owner.

Whoever reads the table makes no codes, and whoever writes to it cannot give one person's app to another.
"""

from __future__ import annotations

import base64
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from syncer.privacy.key_file import KeyState
from syncer.privacy.keyring import Keyring

_FORM = "t1"


def seal(keyring: Keyring, secret: str, owner: str) -> str:
    """Seal a secret for its owner under the console's present key: t1.<key id>.<nonce>.<ciphertext>."""
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(keyring.console_key).encrypt(nonce, secret.encode("ascii"), _context(owner))
    return ".".join((_FORM, keyring.key_id, _b64(nonce), _b64(sealed)))


def opened(keyring: Keyring, sealed: str | None, owner: str) -> str | None:
    """Return a sealed secret; None for what is not this owner's, or was not sealed with a key of ours that is in use.

    A retired key opens none: whoever stole it could seal an app of their own for anybody.
    """
    form, *parts = _text(sealed).split(".")
    version = keyring.version(parts[0]) if form == _FORM and len(parts) == 3 else None
    if version is None or (version.state is KeyState.RETIRED and version.key_id != keyring.key_id):
        return None
    try:
        secret = AESGCM(version.console_key).decrypt(_unb64(parts[1]), _unb64(parts[2]), _context(owner))
    except (InvalidTag, ValueError):
        return None
    return secret.decode("ascii")


def is_present(keyring: Keyring, sealed: str | None) -> bool:
    """Say whether this was sealed with the present key."""
    return _text(sealed).startswith(f"{_FORM}.{keyring.key_id}.")


def _text(held: object) -> str:
    return held if isinstance(held, str) else ""  # SQLite gives back whatever was written there


def _context(owner: str) -> bytes:
    return f"syncer_user.totp_sealed:{owner}".encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
