"""The keys of one version: all of them where its root is known, or those that reading and writing down need."""

from __future__ import annotations

import hmac
from datetime import date
from functools import cached_property
from typing import NoReturn

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from syncer.errors import KeyTooSmall, SealError
from syncer.privacy.key_file import KeyLine, KeyState


class DerivedKeys:
    """What the web console has of one version: it looks people up, writes the log and verifies it.

    It neither seals nor opens an address, and signs nothing.
    """

    def __init__(
        self,
        *,
        key_id: str,
        check_value: str,
        created: date | None,
        state: KeyState,
        subject_key: bytes,
        chain_key: bytes,
        console_key: bytes,
        public_key: bytes,
    ) -> None:
        self.key_id = key_id
        #: what the database keeps: another one at a later start means another key
        self.check_value = check_value
        #: the day (UTC) it was made; None for a key from before there were versions
        self.created = created
        self.state = state
        #: the key of the pseudonyms
        self.subject_key = subject_key
        #: the key of the audit's chain
        self.chain_key = chain_key
        #: what seals the secrets of second factors
        self.console_key = console_key
        #: of the pair that signs the checkpoints, Ed25519
        self.public_key = public_key

    def __repr__(self) -> str:
        return f"{type(self).__name__}(key_id={self.key_id!r})"

    @property
    def opens(self) -> bool:
        """Say whether this seals and opens addresses."""
        return False

    @property
    def signing_seed(self) -> bytes:
        """The Ed25519 seed of the checkpoints. Raises KeyTooSmall where it is not known."""
        return self._lacking()

    @property
    def aead(self) -> AESGCM:
        """What seals addresses. Raises SealError where it is not known."""
        raise SealError("a key of the web console opens no address")

    def _lacking(self) -> NoReturn:
        raise KeyTooSmall(
            "the key of the web console signs no checkpoint; the daemon does, or `syncer audit checkpoint` where the"
            " installation's key file is"
        )


class KeyVersion(DerivedKeys):
    """The keys of one version, each derived from its root for one purpose only."""

    def __init__(self, line: KeyLine) -> None:
        check = _derive(line.root, b"check")
        self._root = line.root
        super().__init__(
            key_id=check[:4].hex(),
            check_value=hmac.digest(check, b"syncer.key.check.v1", "sha256")[:16].hex(),
            created=line.created,
            state=line.state,
            subject_key=_derive(line.root, b"subject"),
            chain_key=_derive(line.root, b"audit chain"),
            console_key=_derive(line.root, b"console"),
            public_key=Ed25519PrivateKey.from_private_bytes(self.signing_seed).public_key().public_bytes_raw(),
        )

    @property
    def opens(self) -> bool:
        """Say whether this seals and opens addresses: it does."""
        return True

    @cached_property
    def signing_seed(self) -> bytes:
        """The Ed25519 seed of the checkpoints.

        It is derived like the others and has no file of its own: whoever reads one file of this host reads both, and a
        second secret to back up is a second one to lose.
        """
        return _derive(self._root, b"checkpoint signing")

    @cached_property
    def aead(self) -> AESGCM:
        """What seals addresses."""
        return AESGCM(_derive(self._root, b"sealing"))


def derived(version: DerivedKeys) -> DerivedKeys:
    """Return what the web console has of a version, without its root."""
    return DerivedKeys(
        key_id=version.key_id,
        check_value=version.check_value,
        created=version.created,
        state=version.state,
        subject_key=version.subject_key,
        chain_key=version.chain_key,
        console_key=version.console_key,
        public_key=version.public_key,
    )


def _derive(root: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, b"syncer.v1", purpose).derive(root)
