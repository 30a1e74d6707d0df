"""What a report counts on its way through the requests: waits, ages, how recipients stand, what is due soon. Pure."""

from __future__ import annotations

import statistics
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from syncer.domain.effects import effect
from syncer.domain.endings import Ending
from syncer.domain.model import EventState, State
from syncer.language.texts import _, one_place
from syncer.reports.evidence import ReportedDelivery, ReportedEvent
from syncer.reports.html.charts import DAY, OPEN_BY_AGE, TO_CONFIRMED, Chart, histogram
from syncer.reports.propagation import PropagationLog
from syncer.reports.views import EventView

#: days before the due day from which an event is shown as due soon
SOON = (7, 14)


@dataclass(slots=True)
class AtRecipient:
    """What this report shows of a recipient: the seconds until first confirmations, the last one, and what waits.

    `account` counts what is held for something that is about our account there, `trouble` what waits with a code: each
    by its code.
    """

    waits: array[float] = field(default_factory=lambda: array("d"))
    last: datetime | None = None
    waiting: int = 0
    account: Counter[str | None] = field(default_factory=Counter)
    trouble: Counter[str | None] = field(default_factory=Counter)

    def add(self, event: EventView, delivery: ReportedDelivery) -> None:
        """Count a delivery."""
        said = delivery.evidence.confirmation
        if said is not None:
            self.waits.append(seconds(event.received_at, datetime.fromisoformat(said.first_confirmed_at)))
        if delivery.confirmed_at and (self.last is None or delivery.confirmed_at > self.last):
            self.last = delivery.confirmed_at
        self.waiting += delivery.state in (State.HELD, State.RETRYING)
        if delivery.state is State.HELD and effect(delivery.code).account:
            self.account[delivery.code] += 1
        if delivery.state in (State.PENDING, State.RETRYING) and delivery.code:
            self.trouble[delivery.code] += 1


class Figures:
    """Counts the requests of one report: numbers only, whatever their number."""

    def __init__(self, log: PropagationLog) -> None:
        self._now = log.generated_at
        self._at: dict[str, AtRecipient] = defaultdict(AtRecipient)
        self._ages = array("d")
        self._days = array("d")

    def add(self, event: ReportedEvent) -> None:
        """Count a request."""
        if event.state is not EventState.FULFILLED:
            self._ages.append((self._now - event.received_at).total_seconds())
        if event.fulfilled_at and event.ending is Ending.EVERYWHERE:
            self._days.append(seconds(event.received_at, event.fulfilled_at) / DAY)
        for delivery in event.deliveries:
            self._at[delivery.destination].add(event, delivery)

    @property
    def seen(self) -> Iterable[str]:
        """The recipients that a request was sent to."""
        return self._at.keys()

    def at(self, name: str) -> AtRecipient:
        """Return what there is of one recipient."""
        return self._at.get(name) or AtRecipient()

    def last_and_median(self, name: str) -> tuple[datetime | None, str]:
        """Return when a recipient last confirmed, and the median of the waits until its first confirmations."""
        here = self.at(name)
        return here.last, span(statistics.median(here.waits) if here.waits else None)

    def charts(self) -> tuple[Chart, Chart]:
        """Return how long confirmations took, and how long open events have been open."""
        waits = (wait for here in self._at.values() for wait in here.waits)
        return (
            histogram("confirmed", _("From receipt to the first confirmation"), waits, TO_CONFIRMED),
            histogram("open", _("Open requests by age"), self._ages, OPEN_BY_AGE),
        )

    def to_everywhere(self) -> dict[str, float] | None:
        """Return median, mean and 95th percentile of the days until requests were carried out everywhere.

        Those that were closed otherwise do not count; None for fewer than two.
        """
        if len(self._days) < 2:
            return None
        high = statistics.quantiles(self._days, n=20, method="inclusive")[-1]
        return {
            _("median"): statistics.median(self._days),
            _("mean"): statistics.fmean(self._days),
            _("95th percentile"): high,
        }


@dataclass(frozen=True, slots=True)
class Soon:
    """A request that is due soon."""

    id: str
    due_on: date


class DueSoon:
    """Gathers what is open, not late yet and due within SOON days of a day; each in the nearest class only."""

    def __init__(self, today: date) -> None:
        self._today = today
        #: days -> what is due within them
        self.classes: dict[int, list[Soon]] = {days: [] for days in SOON}

    def add(self, event: EventView) -> None:
        """Look at a request."""
        if event.state is EventState.FULFILLED or event.overdue:
            return
        for days, near in self.classes.items():
            if event.due_on <= self._today + timedelta(days=days):
                near.append(Soon(event.id, event.due_on))
                return


def seconds(start: datetime, end: datetime) -> float:
    """Return the seconds between two moments; 0 where the second comes first."""
    return max((end - start).total_seconds(), 0.0)


def span(duration: float | None) -> str:
    """Return a duration (seconds) in words."""
    if duration is None:
        return "-"
    for size, words in ((DAY, _("{number} days")), (3600, _("{number} hours")), (60, _("{number} minutes"))):
        if duration >= size:
            return words.format(number=one_place(duration / size))
    return _("{number} seconds").format(number=f"{duration:.0f}")
