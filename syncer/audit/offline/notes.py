"""Signed notes and checkpoints as C2SP writes them (signed-note, tlog-checkpoint), with Ed25519. Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from syncer.audit.offline.merkle import HASH

ED25519 = b"\x01"
LONGEST = 65536  # characters of a note; a longer text is not read
_LINE_END = re.compile("(?<!\r)\r*\n|\r")  # translated twice, CRLF becomes CR CRLF; each run of CR is read once
_DASH = "— "  # a signature line begins with U+2014 and a blank


class NoteError(ValueError):
    """Raised for a note, checkpoint or key that cannot be used; the text says why, in half a sentence."""


class UnreadableNote(NoteError):
    """Raised for what is no note, or was damaged on its way: no evidence, and none of forgery either."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says about itself: under the name `origin`, its first `size` entries have this root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode('ascii')}\n"


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under its name; `str` writes it as it is handed out: name+hash+base64."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The first four bytes of SHA-256(name || 0x0A || 0x01 || public key)."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(ED25519 + self.public).decode('ascii')}"

    @classmethod
    def under(cls, name: str, public: bytes) -> VerifierKey:
        """Return a public key under a name. Raises NoteError for what is no name."""
        if not is_name(name):
            raise NoteError("a key's name must not be empty and must not contain blanks or +")
        return cls(name, public)

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Return the key that name+hash+base64 spells. Raises NoteError."""
        name, _, rest = text.strip(" \t\r\n\ufeff").partition("+")
        digest, _, encoded = rest.partition("+")
        raw = _unbase64(encoded)
        if raw is None or len(raw) != 1 + 32 or raw[:1] != ED25519 or not is_name(name):
            raise NoteError("not a verifier key of the form name+hash+base64 with an Ed25519 key")
        key = cls(name, raw[1:])
        if key.key_id.hex() != digest:
            raise NoteError("the verifier key does not match its own hash: it was mistyped")
        return key

    def verifies(self, text: str, signature: bytes) -> bool:
        """Say whether the signature over the text is this key's."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError):
            return False
        return True


class Signer:
    """A private key under a name."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = VerifierKey.under(name, self._private.public_key().public_bytes_raw())

    def __repr__(self) -> str:
        return f"Signer({self.verifier.name!r})"

    def sign(self, text: str) -> str:
        """Return the text as a signed note. Raises NoteError for a text that a note cannot hold."""
        _require_text(text)
        signed = base64.b64encode(self.verifier.key_id + self._private.sign(text.encode())).decode("ascii")
        return f"{text}\n{_DASH}{self.verifier.name} {signed}\n"


def is_name(name: str) -> bool:
    """Say whether a key may have this name: not empty, without blanks of any kind, without a plus."""
    return bool(name) and name.isprintable() and "+" not in name and not any(char.isspace() for char in name)


def open_note(note: str, keys: Iterable[VerifierKey]) -> str:
    """Return the text of a note that one of the keys signed. Raises NoteError.

    Signatures of unknown keys are ignored (witnesses may have added theirs); a signature that claims to be a known
    key's but is not makes the note unusable. A note that does not open as it is, is opened without what Windows and
    mail programs add to a text; what is signed is compared to the letter either way.
    """
    keys = list(keys)
    try:
        return _open(note, keys)
    except NoteError:
        return _open(without_traces(note), keys)


def signers(note: str, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
    """Return those of the keys that signed a note which `open_checkpoint` opens, under the name of its log."""
    for text in (note, without_traces(note)):
        try:
            signed, lines = _parts(text)
            origin, made = parse_checkpoint(signed).origin, [_signature(line) for line in lines]
        except NoteError:
            continue
        known = {(key.name, key.key_id): key for key in keys if key.name == origin}
        found = [(known.get((name, key_id)), signature) for name, key_id, signature in made]
        return [key for key, signature in found if key is not None and key.verifies(signed, signature)]
    return []


def require_note(text: str) -> None:
    """Raise UnreadableNote for what is no signed checkpoint, or one too damaged to be read; verifies no signature."""
    try:
        _legible(text)
    except UnreadableNote:
        _legible(without_traces(text))


def _legible(note: str) -> None:
    text, signatures = _parts(note)
    _require_text(text)
    parse_checkpoint(text)
    for line in signatures:
        _signature(line)


def without_traces(note: str) -> str:
    """Return the note without what programs add on its way: marks, line ends, blanks around lines, lines around it."""
    lines = [line.replace("\u00a0", " ").strip(" \t") for line in _LINE_END.split(note.lstrip("\ufeff"))]
    return "\n".join(lines).strip("\n") + "\n"


def _open(note: str, keys: Iterable[VerifierKey]) -> str:
    text, signatures = _parts(note)
    _require_text(text)
    known = {(key.name, key.key_id): key for key in keys}
    good = False
    for name, key_id, signature in [_signature(line) for line in signatures]:
        key = known.get((name, key_id))
        if key is None:
            continue
        if not key.verifies(text, signature):
            raise NoteError(f"the signature of {name} is forged: it does not match the text")
        good = True
    if not good:
        raise NoteError("not signed by a key that is known here")
    return text


def _parts(note: str) -> tuple[str, list[str]]:
    """Return the text and the signature lines of a note."""
    if len(note) > LONGEST:
        raise UnreadableNote("too long for a note")
    text, blank, signatures = note.rpartition("\n\n")
    if not blank or not signatures.endswith("\n"):
        raise UnreadableNote("not a signed note: no empty line before the signatures")
    return text + "\n", signatures[:-1].split("\n")


def names(note: str) -> list[str]:
    """Return the names that claim to have signed a note, without verifying it. Raises NoteError."""
    try:
        return [_signature(line)[0] for line in _parts(note)[1]]
    except NoteError:
        return [_signature(line)[0] for line in _parts(without_traces(note))[1]]


def parse_checkpoint(text: str) -> Checkpoint:
    """Return the checkpoint of three lines; further lines are extensions and are ignored. Raises NoteError."""
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] or "" in lines[:-1]:
        raise UnreadableNote("not a checkpoint: it has fewer than three lines, or an empty one")
    origin, size, encoded = lines[:3]
    digits = size.isascii() and size.isdigit() and (size == "0" or size[0] != "0") and len(size) <= 19
    root = _unbase64(encoded)
    if not digits or root is None or len(root) != HASH:
        raise UnreadableNote("not a checkpoint: its size is not a number, or its root is not a hash")
    return Checkpoint(origin, int(size), root)


def open_checkpoint(note: str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """Return the checkpoint of a note whose signer bears the log's own name. Raises NoteError."""
    keys = list(keys)
    try:
        return _open_checkpoint(note, keys)
    except NoteError:
        return _open_checkpoint(without_traces(note), keys)


def _open_checkpoint(note: str, keys: Sequence[VerifierKey]) -> Checkpoint:
    _legible(note)  # what cannot be read is no evidence of forgery
    checkpoint = parse_checkpoint(_open(note, keys))
    if checkpoint.origin not in {key.name for key in keys}:
        raise NoteError(f"of another log ({checkpoint.origin})")
    _open(note, [key for key in keys if key.name == checkpoint.origin])
    return checkpoint


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, blank, encoded = line.removeprefix(_DASH).rpartition(" ")
    raw = _unbase64(encoded)
    if not line.startswith(_DASH) or not blank or not is_name(name) or raw is None or len(raw) < 5:
        raise UnreadableNote("not a signed note: a signature line is malformed")
    return name, raw[:4], raw[4:]


def _require_text(text: str) -> None:
    if not text.endswith("\n") or any(char != "\n" and unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise UnreadableNote("a note's text must end with a newline and must not contain control characters")


def _unbase64(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    # one spelling only: padding bits that are not zero would make a second one
    return raw if base64.b64encode(raw).decode("ascii") == text else None
