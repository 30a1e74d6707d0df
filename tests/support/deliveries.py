"""A delivery as a worker claims it, for the tests of what becomes of one."""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.contract import Action
from syncer.domain.model import Delivery, State
from syncer.domain.rights import Right
from syncer.privacy.sealed import SealedRequest

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DELIVERY = Delivery(
    id=1,
    event_id="e1",
    destination="newsletter",
    right=Right.ERASURE,
    action=Action.DELETE,
    state=State.PENDING,
    outcome=None,
    code=None,
    attempts=1,
    applied_at=None,
    confirmed_at=None,
    subject="p1:x",
    received_at=NOW,
    email_sealed="sealed",
)


def asked(address: str) -> SealedRequest:
    """What the person of that delivery asked for, with an address."""
    return SealedRequest(address, "erasure", NOW, {"newsletter": "delete"})
