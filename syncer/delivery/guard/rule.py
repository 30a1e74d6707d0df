"""How many deletions may begin at a destination within 24 hours. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from syncer.settings.operation import GuardSettings

#: what the guard counts in
WINDOW = timedelta(hours=24)


#: nothing began before
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class StepAhead(NamedTuple):
    """A step of the clock ahead: what it showed then (UTC), and by how much it had jumped."""

    at: datetime
    by: timedelta


def limit(rule: GuardSettings, contacts: int | None) -> int:
    """Return how many deletions may begin within 24 hours; `contacts` is what the destination holds, None unknown."""
    if contacts is None:
        return max(rule.always_allowed, rule.deletions_per_day)
    # as a person computes it: 0.29 per cent of 10,000 are 29, and 28.999… in binary
    share = int(max(contacts, 0) * Decimal(str(rule.share_percent)) / 100)
    return max(rule.always_allowed, min(rule.deletions_per_day, share))


def asks_for_contacts(rule: GuardSettings) -> bool:
    """Say whether the limit depends on how many contacts a destination holds."""
    return rule.enabled and rule.always_allowed < rule.deletions_per_day


def window_start(now: datetime, steps: tuple[StepAhead, ...]) -> datetime:
    """Return since when what began counts at `now` (UTC): 24 hours that have passed, whatever the clock said.

    `steps` are those ahead that are known, in their order. A clock that was set ahead lets nothing fall out of the
    window before its time; one that was set back leaves what began in its future inside.
    """
    since = now - WINDOW
    for step in reversed(steps):
        if step.at > since:
            since = max(since, BEGINNING + step.by) - step.by
    return since
