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
    return f"{_PREFIX}{own}:{_proof(keyring, address, own)}"


def is_vouched(keyring: Keyring, row: QueueRow) -> bool:
    """Say whether `submit --as-written` made this row's key for this row's address."""
    own, _, proof = (row.event_key or "").removeprefix(_PREFIX).partition(":")
    if not (row.event_key or "").startswith(_PREFIX):
        return False
    try:
        return hmac.compare_digest(_proof(keyring, row.email or "", own).encode(), proof.encode("utf-8", "replace"))
    except AddressError:
        return False


def _proof(keyring: Keyring, address: str, own: str) -> str:
    person = keyring.ref(normalise(address))
    return hashlib.sha256(f"as written|{own}|{person}".encode("utf-8", "replace")).hexdigest()[:40]
