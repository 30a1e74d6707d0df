"""What is sealed: an address together with what its person asked for, so that no row can say otherwise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from syncer.clock import stamp
from syncer.errors import SealError


@dataclass(frozen=True, slots=True)
class SealedRequest:
    """An address and its request: the right, when it was received (UTC), and what each destination is to do.

    `right` and actions are the words of their rows, None where the row that came in named no usable right.
    """

    address: str = field(repr=False)
    right: str | None
    received_at: datetime
    actions: Mapping[str, str | None]

    def asks(self, destination: str, action: str | None, right: str | None, received_at: datetime) -> bool:
        """Say whether this is what the person asked of a destination; False where the request never named it."""
        planned = self.actions.get(destination, "")
        return (planned, self.right, self.received_at) == (action, right, received_at)


def packed(request: SealedRequest) -> bytes:
    """Return the request as the octets that are sealed."""
    content = {
        "address": request.address,
        "right": request.right,
        "received_at": stamp(request.received_at),
        "actions": dict(request.actions),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def unpacked(content: bytes) -> SealedRequest:
    """Return the request that `packed` made these octets of. Raises SealError."""
    try:
        fields: dict[str, Any] = json.loads(content)
        received_at = datetime.fromisoformat(fields["received_at"]).astimezone(UTC)
        return SealedRequest(fields["address"], fields["right"], received_at, dict(fields["actions"]))
    except (ValueError, KeyError, TypeError):  # only whoever has the key can have sealed such a thing
        raise SealError("what was sealed is no request") from None
