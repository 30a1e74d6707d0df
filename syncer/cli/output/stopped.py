"""What the guard stopped, and how it stands: as values for --json, and as lines for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from syncer.cli.output.console import console, grid
from syncer.cli.output.overview import guard_lines
from syncer.reports.views import GuardView
from syncer.reports.wording.words import day_time

if TYPE_CHECKING:
    from syncer.decisions.guarded import GuardPlan
    from syncer.delivery.guard.guards import GuardStanding

#: requests that a terminal gets; --json has all
SHOWN = 50


@dataclass(frozen=True, slots=True)
class GuardResult:
    """`guard`: how the guard of each destination stands."""

    destinations: Mapping[str, GuardView]


@dataclass(frozen=True, slots=True)
class StoppedShare:
    """How many deletions would begin at a destination, of how many contacts; None where that is not known."""

    deletions: int
    contacts: int | None

    @property
    def percent(self) -> float | None:
        """The share in per cent."""
        return 100 * self.deletions / self.contacts if self.contacts else None


@dataclass(frozen=True, slots=True)
class StoppedLine:
    """A request of which something is stopped: when it was received and taken from the queue (UTC), and where."""

    event: str
    source: str
    received_at: datetime | None
    taken_at: datetime | None
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuardPlanResult:
    """`guard plan`, `release`, `refuse` and `withdraw`: the requests with the plan's digest, and if it was carried out.

    `by_source`, `by_day` (of receipt) and `by_hour` (in which they were taken from the queue) count requests; days and
    hours are those of `timezone`, the controller's. `deletions` is the number that a release asks for. `proposal` is
    its number where it waits for a second person now.
    """

    digest: str
    applied: bool
    timezone: str
    deletions: int
    destinations: Mapping[str, StoppedShare]
    by_source: Mapping[str, int]
    by_day: Mapping[str, int]
    by_hour: Mapping[str, int]
    requests: tuple[StoppedLine, ...]
    proposal: int | None


def guard_result(standings: Mapping[str, GuardStanding]) -> GuardResult:
    """Return how the guards stand, as it is shown."""
    return GuardResult(
        {
            name: GuardView(each.limit, each.counted, each.waiting + each.stopped, each.since, each.contacts)
            for name, each in standings.items()
        }
    )


def plan_result(
    plan: GuardPlan, standings: Mapping[str, GuardStanding], zone: ZoneInfo, *, applied: bool
) -> GuardPlanResult:
    """Return a plan as it is shown."""
    requests = plan.requests
    return GuardPlanResult(
        plan.digest,
        applied,
        zone.key,
        plan.deletions,
        {
            name: StoppedShare(number, standings[name].contacts if name in standings else None)
            for name, number in plan.by_destination.items()
        },
        _tally(request.source for request in requests),
        _tally(_in_zone(request.received_at, zone, "%Y-%m-%d") for request in requests),
        _tally(_in_zone(request.taken_at, zone, "%Y-%m-%d %H:00") for request in requests),
        tuple(
            StoppedLine(request.event, request.source, request.received_at, request.taken_at, request.destinations)
            for request in requests
        ),
        None,
    )


def show_guard(result: GuardResult) -> None:
    """Print how the guards stand."""
    out = console()
    for name, guard in result.destinations.items():
        for line in guard_lines(name, guard):
            out.print(line)
        contacts = "unknown" if guard.contacts is None else str(guard.contacts)
        out.print(f"  contacts there: {contacts}")


def show_plan(result: GuardPlanResult, empty: str = "nothing of that is stopped") -> None:
    """Print a plan: by source, day and hour, then each request, the first SHOWN of them; else `empty`."""
    out = console()
    if not result.requests:
        out.print(empty)
        return
    out.print(f"{len(result.requests)} requests, {result.deletions} deletions")
    for name, share in result.destinations.items():
        of = f" of {share.contacts} contacts, {share.percent:.1f} %" if share.percent is not None else ""
        out.print(f"  {name}: {share.deletions}{of}")
    for title, counts in (
        ("source", result.by_source),
        (f"received on ({result.timezone})", result.by_day),
        (f"taken from the queue at ({result.timezone})", result.by_hour),
    ):
        table = grid(title, "#requests")
        for word, number in counts.items():
            table.add_row(word, str(number))
        out.print(table)
    if result.applied:
        return
    table = grid("event", "source", "received", "destinations")
    for line in result.requests[:SHOWN]:
        table.add_row(line.event, line.source, day_time(line.received_at), list(line.destinations))
    out.print(table)
    if len(result.requests) > SHOWN:
        out.print(f"and {len(result.requests) - SHOWN} more; --json lists all")
    out.print(f"digest: {result.digest}")


def _tally(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))


def _in_zone(moment: datetime | None, zone: ZoneInfo, form: str) -> str:
    return moment.astimezone(zone).strftime(form) if moment is not None else "unreadable"
