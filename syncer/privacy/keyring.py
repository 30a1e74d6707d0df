"""What is made with the keys: the pseudonym of a person, and addresses sealed and opened."""

from __future__ import annotations

import base64
import hmac
import secrets
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path

from cryptography.exceptions import InvalidTag

from adapters.contract import Subject
from syncer.errors import SealError
from syncer.privacy import console_key, key_file
from syncer.privacy.addresses import normal_form, normalise, spellings
from syncer.privacy.key_file import KeyLine, KeyState
from syncer.privacy.key_version import DerivedKeys, KeyVersion, derived
from syncer.privacy.sealed import SealedRequest, packed, unpacked


class Keyring:
    """The keys of an installation: all is written with the current version, and read with those before it too.

    `root` is the current version's, `earlier` those that it replaced, oldest first.
    """

    def __init__(self, root: bytes, earlier: Iterable[KeyLine] = (), created: date | None = None) -> None:
        lines = (*earlier, KeyLine(root, created, KeyState.CURRENT))
        self._set([KeyVersion(line) for line in lines])

    def _set(self, versions: Sequence[DerivedKeys]) -> None:
        self.versions = tuple(versions)
        current = versions[-1]
        self.key_id, self.check_value = current.key_id, current.check_value
        self.chain_key = current.chain_key
        self._by_id = {version.key_id: version for version in versions}

    def __repr__(self) -> str:
        return f"Keyring(key_id={self.key_id!r})"

    @classmethod
    def create(cls, path: Path) -> Keyring:
        """Write a new key file with mode 0600; never overwrite one. Raises KeyFileError."""
        line = key_file.new_line()
        key_file.create(path, line)
        return cls(line.root, created=line.created)

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """Read a key file. Raises KeyFileError when it is missing, not ours alone, or not a key file."""
        *earlier, current = key_file.read(path)
        return cls(current.root, earlier, current.created)

    @classmethod
    def for_console(cls, path: Path) -> Keyring:
        """Read the web console's key file, or an installation's own: either way without what opens or signs.

        Raises KeyFileError when it is missing, not ours alone, or not a key file.
        """
        versions, _ = console_key.read(path)
        return cls._of([derived(version) for version in versions])

    @classmethod
    def _of(cls, versions: Sequence[DerivedKeys]) -> Keyring:
        keyring = object.__new__(cls)
        keyring._set(versions)
        return keyring

    @property
    def opens(self) -> bool:
        """Say whether this seals and opens addresses; that of the web console does neither, and signs nothing."""
        return self.versions[-1].opens

    @property
    def signing_seed(self) -> bytes:
        """The Ed25519 seed of the checkpoints. Raises KeyTooSmall where it is not known."""
        return self.versions[-1].signing_seed

    @property
    def console_key(self) -> bytes:
        """What the web console seals the secrets of second factors with now."""
        return self.versions[-1].console_key

    def version(self, key_id: str) -> DerivedKeys | None:
        """Return the version with this id; None for one that is not in the file."""
        return self._by_id.get(key_id)

    def going_on_with(self, check_value: str | None, *, retired: bool = False) -> Keyring:
        """Return a keyring that writes with the version that has this check value; this one if there is none.

        A rotation that was killed half-way leaves a database that goes on with a retiring key. A retired one does so
        only in a database that was put back; it is returned where the caller asks for it.
        """
        for version in self.versions[:-1]:
            if version.check_value == check_value and (retired or version.state is not KeyState.RETIRED):
                return self._of([*(each for each in self.versions if each is not version), version])
        return self

    # -- pseudonyms -----------------------------------------------------------------------------------------

    def ref(self, normalised: str) -> str:
        """Return the keyed pseudonym of a normalised address, as it is written from now on."""
        return _ref(self.versions[-1], normalised)

    def refs(self, normalised: str) -> tuple[str, ...]:
        """Return every pseudonym that the address has had, the present one first: rows keep theirs for good."""
        return tuple(_ref(version, normalised) for version in reversed(self.versions))

    # -- sealed addresses -----------------------------------------------------------------------------------

    def seal(self, request: SealedRequest, event_id: str) -> str:
        """Encrypt an address with its request, for one event: v2.<key id>.<nonce>.<ciphertext>."""
        nonce = secrets.token_bytes(12)
        sealed = self.versions[-1].aead.encrypt(nonce, packed(request), _context("v2", event_id))
        return f"{self.present}{_b64(nonce)}.{_b64(sealed)}"

    def open(self, sealed: str, event_id: str) -> SealedRequest:
        """Decrypt what `seal` made for the same event, for those who act on it. Raises SealError.

        A retired version opens nothing here: whoever stole it could seal what they like.
        """
        form, version, content = self._decrypted(sealed, event_id)
        if form != "v2":
            raise SealError("sealed without its request")
        self._require_in_use(version)
        return unpacked(content)

    def open_old(self, sealed: str, event_id: str) -> str:
        """Decrypt an address from before requests were sealed with theirs, for who compares its request with the log.

        Raises SealError.
        """
        form, version, content = self._decrypted(sealed, event_id)
        if form != "v1":
            raise SealError("sealed with its request")
        self._require_in_use(version)
        return content.decode()

    def _require_in_use(self, version: DerivedKeys) -> None:
        if version.state is KeyState.RETIRED and version is not self.versions[-1]:
            raise SealError("sealed with a key that was retired")

    def is_old(self, sealed: str) -> bool:
        """Say whether this was sealed before requests were sealed with their addresses."""
        return isinstance(sealed, str) and sealed.startswith("v1.")

    @property
    def present(self) -> str:
        """How everything begins that `seal` makes now, with the current version."""
        return f"v2.{self.key_id}."

    def address(self, sealed: str, event_id: str, *, in_use: bool = False) -> str:
        """Return the sealed address, whichever version sealed it and in whichever way. Raises SealError.

        `in_use`: not what a retired version sealed. Not to act on: it says nothing about what was asked for.
        """
        form, version, content = self._decrypted(sealed, event_id)
        if in_use:
            self._require_in_use(version)
        return content.decode() if form == "v1" else unpacked(content).address

    def _decrypted(self, sealed: str, event_id: str) -> tuple[str, DerivedKeys, bytes]:
        if not isinstance(sealed, str):  # SQLite gives back whatever was written there
            raise SealError("not sealed with this key")
        form, *parts = sealed.split(".")
        version = self._by_id.get(parts[0]) if len(parts) == 3 else None
        if form not in ("v1", "v2") or version is None:
            raise SealError("not sealed with this key")
        try:
            content = version.aead.decrypt(_unb64(parts[1]), _unb64(parts[2]), _context(form, event_id))
        except (InvalidTag, ValueError):
            raise SealError("the sealed address does not belong to this event") from None
        return form, version, content

    def label(self, text: str) -> str:
        """Return twelve hex digits that stand for a text of a provider's or a shop's choice: the same each time.

        Such a text may be an address; without the key nobody can try which.
        """
        return _hmac(self.versions[-1].subject_key, b"syncer.label.v1\0" + text.encode("utf-8", "surrogatepass"))[
            :6
        ].hex()


def subject(keyring: Keyring, raw: str) -> Subject:
    """Return the person behind an address. Raises AddressError."""
    forms = spellings(raw)
    return Subject(keyring.ref(forms[0]), forms, normal_form, label=keyring.label)


def is_known_as(keyring: Keyring, raw: str, ref: str) -> bool:
    """Say whether an address has, or once had, this pseudonym. Raises AddressError."""
    return ref in keyring.refs(normalise(raw))


def _ref(version: DerivedKeys, normalised: str) -> str:
    return "p1:" + _b64(_hmac(version.subject_key, b"syncer.subject.v1\0" + normalised.encode()))


def _hmac(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")


def _context(form: str, event_id: str) -> bytes:
    # bound to the row: a ciphertext copied to another event must not open there, nor one of another form
    return f"syncer_event.email_sealed{'' if form == 'v1' else '.' + form}:{event_id}".encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
