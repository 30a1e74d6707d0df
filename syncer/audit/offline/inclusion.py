"""Verifies an inclusion proof with a public key alone. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from syncer.audit.offline.merkle import root_from_inclusion
from syncer.audit.offline.notes import NoteError, VerifierKey, open_checkpoint

FORMAT = "syncer-inclusion-v1"


class ProofError(ValueError):
    """Raised for a proof that proves nothing; the text says why."""


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


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """Entry `seq`, proven to be among the first `size` entries of the log `origin`; no `body` once it is purged."""

    seq: int
    size: int
    origin: str
    body: str | None


def split(text: str) -> list[str]:
    """Return the proofs of a file as JSON: the file itself, or those of a dossier. Raises ProofError without any."""
    try:
        content = json.loads(text)
        proofs = content.get("proofs", [content])
    except (ValueError, AttributeError, RecursionError):
        raise ProofError("the file is not a proof made by syncer") from None
    if not isinstance(proofs, list) or not proofs:
        raise ProofError("the file holds no proof")
    return [json.dumps(proof) for proof in proofs]


def verify_proof(text: str, keys: Sequence[str]) -> ProvenEntry:
    """Return the entry that a proof proves. Raises ProofError.

    `text` is one proof as JSON; `keys` are verifier keys of the form name+hash+base64.
    """
    try:
        proof = json.loads(text)
        seq, size, body = proof["seq"], proof["size"], proof["body"]
        leaf = bytes.fromhex(proof["leaf"])
        path = [bytes.fromhex(sibling) for sibling in proof["proof"]]
        malformed = proof["format"] != FORMAT or type(seq) is not int or not isinstance(proof["note"], str)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ProofError("the file is not a proof made by syncer") from None
    if malformed or not (body is None or isinstance(body, str)):
        raise ProofError("the file is not a proof made by syncer")
    try:
        signed = open_checkpoint(proof["note"], [VerifierKey.parse(key) for key in keys])
    except NoteError as error:
        raise ProofError(f"its note: {error}") from None
    if body is not None:
        _require_body(seq, body, leaf)
    if size != signed.size or root_from_inclusion(leaf, seq - 1, signed.size, path) != signed.root:
        raise ProofError(f"the path does not lead from entry {seq} to the signed root")
    return ProvenEntry(seq, signed.size, signed.origin, body)


def _require_body(seq: int, body: str, leaf: bytes) -> None:
    try:
        fits = hashlib.sha256(b"\x00" + body.encode()).digest() == leaf and json.loads(body)["seq"] == seq
    except (ValueError, TypeError, KeyError, RecursionError):
        fits = False
    if not fits:
        raise ProofError(f"the body is not that of entry {seq}")
