"""A person's word that an address which looks damaged truly is written so, carried through the queue in the key."""

from __future__ import annotations

import hashlib
import hmac

from syncer.errors import AddressError
from syncer.intake.queue import QueueRow
from syncer.privacy.addresses import normalise
from syncer.privacy.keyring import Keyring

_PREFIX = "submit:as-written:"


def vouched_key(keyring: Keyring, address: str, own: str) -> str:
    """Return the event key of a row whose address a person vouches for. Raises AddressError for what is no address.

    `own` tells this request from others: without colons. Without the key file nobody can make one, so a producer can
    not vouch for anybody.
    """
    return f"{_PREFIX}{own}:{_proof(keyring.ref(normalise(address)), own)}"


def is_vouched(keyring: Keyring, row: QueueRow) -> bool:
    """Say whether `submit --as-written` made this row's key for this row's address."""
    own, _, proof = (row.event_key or "").removeprefix(_PREFIX).partition(":")
    if not (row.event_key or "").startswith(_PREFIX):
        return False
    try:
        refs = keyring.refs(normalise(row.email or ""))  # the key may have been rotated since
    except AddressError:
        return False
    given = proof.encode("utf-8", "replace")
    return any(hmac.compare_digest(_proof(ref, own).encode(), given) for ref in refs)


def _proof(ref: str, own: str) -> str:
    return hashlib.sha256(f"as written|{own}|{ref}".encode("utf-8", "replace")).hexdigest()[:40]
