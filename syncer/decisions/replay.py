"""After a restore: what is read back again, and which events are gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from syncer.decisions.interventions import ResyncPlan
from syncer.domain.rights import Right


@dataclass(frozen=True, slots=True)
class Lost:
    """An event that only the lost part of the log knew, with what to do; `event` or `event_key` may be unknown."""

    event: str | None
    event_key: str | None
    right: str | None
    remedy: str


@dataclass(frozen=True, slots=True)
class Replay:
    """What a replay will do: deliveries that are read back again since `since` (UTC), and events that are gone."""

    since: datetime
    plan: ResyncPlan
    lost: tuple[Lost, ...]


def _lost_event(event: str | None, key: str | None, right: str | None) -> Lost:
    kind = right if right in (Right.ERASURE, Right.OBJECTION) else "erasure|objection"
    remedy = (
        f"bring the address again: `syncer submit {kind} --ref …`, or in WordPress;"
        " `syncer resync --file` where the event is still here"
    )
    return Lost(event, key, right, remedy)


def shown(lost: Sequence[Lost]) -> list[dict[str, Any]]:
    """Return lost events as JSON data."""
    return [
        {"event": item.event, "event_key": item.event_key, "right": item.right, "remedy": item.remedy} for item in lost
    ]
