"""Verifies an inclusion proof with a public key alone. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

from syncer.audit.offline.merkle import root_from_inclusion
from syncer.audit.offline.notes import NoteError, UnreadableNote, VerifierKey, open_checkpoint

FORMAT = "syncer-inclusion-v1"


class ProofError(ValueError):
    """Raised for a proof that proves nothing; the text says why."""


class UnreadableProof(ProofError):
    """Raised for what was damaged on its way: it proves nothing, and no forgery either."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """The proof that entry `seq` stands among the first `size`; leaf and hashes in hex, as `audit prove` writes it."""

    format: str
    seq: int
    body: str | None
    leaf: str
    size: int
    proof: tuple[str, ...]
    note: str


_KEYS = {field.name for field in fields(InclusionProof)}


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """Entry `seq`, proven to be among the first `size` entries of the log `origin`; no `body` once it is purged."""

    seq: int
    size: int
    origin: str
    body: str | None


def verify_proof(text: str, keys: Sequence[str]) -> ProvenEntry:
    """Return the entry that a proof proves. Raises ProofError.

    `text` is one proof as JSON; `keys` are verifier keys of the form name+hash+base64.
    """
    known = verifier_keys(keys)
    return verify_proof_object(parsed(text), known)


def verifier_keys(texts: Sequence[str]) -> list[VerifierKey]:
    """Return the keys of the form name+hash+base64. Raises ProofError for a text that is none."""
    try:
        return [VerifierKey.parse(text) for text in texts]
    except NoteError as error:
        raise ProofError(str(error)) from None


def parsed(text: str) -> Any:
    """Return what a JSON text holds. Raises UnreadableProof."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableProof("the file is not JSON") from None


def verify_proof_object(proof: Any, keys: Sequence[VerifierKey]) -> ProvenEntry:
    """Return the entry that a parsed proof proves, whatever stands in it. Raises ProofError."""
    seq, size, body, leaf, path, note = _parts(proof)
    try:
        signed = open_checkpoint(note, keys)
    except UnreadableNote as error:
        raise UnreadableProof(f"its note: {error}") from None
    except NoteError as error:
        raise ProofError(f"its note: {error}") from None
    if body is not None:
        _require_body(seq, body, leaf)
    if size != signed.size or root_from_inclusion(leaf, seq - 1, signed.size, path) != signed.root:
        raise ProofError(f"the path does not lead from entry {seq} to the signed root")
    return ProvenEntry(seq, signed.size, signed.origin, body)


def _parts(proof: Any) -> tuple[int, int, str | None, bytes, list[bytes], str]:
    """Return seq, size, body, leaf, path and note of a proof of the one form there is. Raises ProofError."""
    try:
        if set(proof) != _KEYS or proof["format"] != FORMAT or not isinstance(proof["proof"], list):
            raise ValueError
        seq, size, body, note = proof["seq"], proof["size"], proof["body"], proof["note"]
        leaf, path = bytes.fromhex(proof["leaf"]), [bytes.fromhex(sibling) for sibling in proof["proof"]]
        if type(seq) is not int or type(size) is not int or not isinstance(note, str):
            raise ValueError
        if body is not None and not isinstance(body, str):
            raise ValueError
    except (ValueError, TypeError, KeyError):
        raise ProofError("the file is not a proof made by syncer") from None
    return seq, size, body, leaf, path, note


def _require_body(seq: int, body: str, leaf: bytes) -> None:
    try:
        fits = hashlib.sha256(b"\x00" + body.encode()).digest() == leaf and json.loads(body)["seq"] == seq
    except (ValueError, TypeError, KeyError, RecursionError):
        fits = False
    if not fits:
        raise ProofError(f"the body is not that of entry {seq}")
