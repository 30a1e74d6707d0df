"""Checking an inclusion proof with a public key alone. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from syncer.audit.offline.merkle import root_from_inclusion
from syncer.audit.offline.notes import NoteError, VerifierKey, open_checkpoint

FORMAT = "syncer-inclusion-v1"


class ProofError(ValueError):
    """Raised for a proof that proves nothing; the text says why."""


def split(text: str) -> list[str]:
    """Return the proofs that a file holds: itself, or those of a dossier. Raises ProofError when there is none."""
    try:
        found = json.loads(text)
        proofs = found.get("proofs", [found])
    except (ValueError, AttributeError, RecursionError):
        raise ProofError("the file is no proof of syncer's") from None
    if not isinstance(proofs, list) or not proofs:
        raise ProofError("the file holds no proof")
    return [json.dumps(proof) for proof in proofs]


def check(text: str, keys: Sequence[str]) -> dict[str, Any]:
    """Return seq, size, origin and body of the entry that a proof proves. Raises ProofError.

    `keys` are verifier keys of the form name+hash+base64.
    """
    try:
        proof = json.loads(text)
        seq, size, body = proof["seq"], proof["size"], proof["body"]
        leaf = bytes.fromhex(proof["leaf"])
        path = [bytes.fromhex(item) for item in proof["proof"]]
        wrong = proof["format"] != FORMAT or type(seq) is not int or not isinstance(proof["note"], str)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ProofError("the file is no proof of syncer's") from None
    if wrong or not (body is None or isinstance(body, str)):
        raise ProofError("the file is no proof of syncer's")
    try:
        signed = open_checkpoint(proof["note"], [VerifierKey.parse(key) for key in keys])
    except NoteError as error:
        raise ProofError(f"its note: {error}") from None
    if body is not None:
        _require_body(seq, body, leaf)
    if size != signed.size or root_from_inclusion(leaf, seq - 1, signed.size, path) != signed.root:
        raise ProofError(f"the path does not lead from entry {seq} to the signed root")
    return {"seq": seq, "size": signed.size, "origin": signed.origin, "body": body}


def _require_body(seq: int, body: str, leaf: bytes) -> None:
    try:
        fits = hashlib.sha256(b"\x00" + body.encode()).digest() == leaf and json.loads(body)["seq"] == seq
    except (ValueError, TypeError, KeyError, RecursionError):
        fits = False
    if not fits:
        raise ProofError(f"the body is not that of entry {seq}")
