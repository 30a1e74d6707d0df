"""The key file and what is made with it: the pseudonym of a person, and addresses sealed and opened."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from adapters.contract import Subject
from syncer.errors import KeyFileError, SealError
from syncer.privacy.addresses import normal_form, spellings

KEY_BYTES = 32
LONGEST_FILE = 4096  # bytes of a key file that are looked at
_PREFIX = "syncer-key-v1:"


class Keyring:
    """The keys of an installation, each derived from the key file for one purpose only."""

    __slots__ = ("_check", "_seal", "_subject", "chain_key", "key_id", "signing_seed")

    def __init__(self, root: bytes) -> None:
        self._subject = _derive(root, b"subject")
        self.chain_key = _derive(root, b"audit chain")
        self._seal = AESGCM(_derive(root, b"sealing"))
        self._check = _derive(root, b"check")
        self.key_id = self._check[:4].hex()
        # Ed25519, for the checkpoints. It is derived like the others and has no file of its own: whoever reads one
        # file of this host reads both, and a second secret to back up is a second one to lose
        self.signing_seed = _derive(root, b"checkpoint signing")

    def __repr__(self) -> str:
        return f"Keyring(key_id={self.key_id!r})"

    @classmethod
    def create(cls, path: Path) -> Keyring:
        """Write a new key file with mode 0600; never overwrite one. Raises KeyFileError."""
        root = secrets.token_bytes(KEY_BYTES)
        text = _PREFIX + base64.b64encode(root).decode("ascii") + "\n"
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise KeyFileError(f"{path}: there is a key file already; it is never overwritten") from None
        except OSError as error:
            raise KeyFileError(f"{path}: the key file cannot be written ({error.strerror})") from None
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path.parent)  # a key that a power cut takes away would take every pseudonym with it
        return cls(root)

    @classmethod
    def load(cls, path: Path) -> Keyring:
        """Read a key file. Raises KeyFileError when it is missing, open to others, or not a key."""
        try:
            with path.open("rb") as file:
                mode = os.fstat(file.fileno()).st_mode
                content = file.read(LONGEST_FILE)
        except FileNotFoundError:
            raise KeyFileError(f"{path}: the key file is missing; run `syncer init`, or put it back") from None
        except OSError as error:
            raise KeyFileError(
                f"{path}: the key file cannot be read ({error.strerror}); run `chmod 600 {path}` as its owner"
            ) from None
        # systemd's credentials belong to root; only the unit's user may read them, by group or ACL
        if mode & (0o037 if _is_credential(path) else 0o077):
            raise KeyFileError(f"{path}: others can read the key file; run `chmod 600 {path}`")
        return cls(_parse(path, content.decode("ascii", "replace").strip()))

    def ref(self, normalised: str) -> str:
        """Return the keyed pseudonym of a normalised address."""
        mac = _hmac(self._subject, b"syncer.subject.v1\0" + normalised.encode())
        return "p1:" + _b64(mac)

    @property
    def check_value(self) -> str:
        """A value to keep in the database: another one at a later start means another key file."""
        return _hmac(self._check, b"syncer.key.check.v1")[:16].hex()

    def seal(self, raw_address: str, event_id: str) -> str:
        """Encrypt an address for one event: v1.<key id>.<nonce>.<ciphertext>."""
        nonce = secrets.token_bytes(12)
        sealed = self._seal.encrypt(nonce, raw_address.encode(), _context(event_id))
        return f"v1.{self.key_id}.{_b64(nonce)}.{_b64(sealed)}"

    def open(self, sealed: str, event_id: str) -> str:
        """Decrypt what `seal` made for the same event. Raises SealError."""
        version, _, rest = sealed.partition(".")
        parts = rest.split(".")
        if version != "v1" or len(parts) != 3 or parts[0] != self.key_id:
            raise SealError("not sealed with this key")
        try:
            return self._seal.decrypt(_unb64(parts[1]), _unb64(parts[2]), _context(event_id)).decode()
        except (InvalidTag, ValueError):
            raise SealError("the sealed address does not belong to this event") from None

    def label(self, text: str) -> str:
        """Return twelve hex digits that stand for a text of a provider's or a shop's choice: the same each time.

        Such a text may be an address; without the key nobody can try which.
        """
        return _hmac(self._subject, b"syncer.label.v1\0" + text.encode("utf-8", "surrogatepass"))[:6].hex()


def subject(keyring: Keyring, raw: str) -> Subject:
    """Return the person behind an address. Raises AddressError."""
    forms = spellings(raw)
    return Subject(keyring.ref(forms[0]), forms, normal_form, label=keyring.label)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_credential(path: Path) -> bool:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    return bool(folder) and path.resolve().is_relative_to(Path(str(folder)).resolve())


def _parse(path: Path, text: str) -> bytes:
    try:
        root = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except ValueError:  # not base64, or not even ASCII
        root = b""
    if not text.startswith(_PREFIX) or len(root) < KEY_BYTES:
        raise KeyFileError(
            f"{path}: this is not a key file of syncer, or not a whole one; put back the one that `syncer init` made"
        )
    return root


def _derive(root: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, b"syncer.v1", purpose).derive(root)


def _hmac(key: bytes, data: bytes) -> bytes:
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def _context(event_id: str) -> bytes:
    # bound to the row: a ciphertext copied to another event must not open there
    return f"syncer_event.email_sealed:{event_id}".encode()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
