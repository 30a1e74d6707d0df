"""What a report shows to somebody who is no programmer: grouped by cause, paged by month, in plain words. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from syncer.domain.codes import meaning, remedy
from syncer.reports.html.charts import DAY, OPEN_BY_AGE, TO_CONFIRMED, Chart, histogram
from syncer.reports.words import OUTCOMES, step_line

#: rows of one page of a month; more would be slow to open
PAGE = 500
#: days before the due day from which an event is shown as due soon
SOON = (7, 14)


@dataclass(slots=True)
class Need:
    """Something that needs a person: one cause, what to do about it, and the events it concerns."""

    title: str
    remedy: str
    events: list[dict[str, Any]] = field(default_factory=list)
    recipients: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the events, received in one month; `name` is unique in the report and an anchor."""

    name: str
    title: str
    events: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Proof:
    """One way in which deliveries were read back; many share it. `number` is how rows refer to it."""

    number: int
    recipient: str
    action: str
    outcome: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]


class ReportView:
    """A report, ready to be shown. Keeps the report's own dictionaries and adds nothing to them."""

    def __init__(self, found: dict[str, Any]) -> None:
        self.found = found
        self.events: list[dict[str, Any]] = found["events"]
        #: event id -> its number in this report, which anchors are made of
        self.number = {event["id"]: number for number, event in enumerate(self.events, 1)}
        self._zone = ZoneInfo(found["timezone"])
        self._now = datetime.fromisoformat(found["generated_at"])
        self._proofs: dict[tuple[Any, ...], Proof] = {}
        self._seen: Counter[int] = Counter()
        seen = {delivery["destination"] for event in self.events for delivery in event["deliveries"]}
        self.recipients = [name for name in found["destinations"] if name in seen]
        self._proof_of = {
            (event["id"], delivery["destination"]): self._proof(delivery)
            for event in self.events
            for delivery in event["deliveries"]
            if (delivery["state"] == "confirmed" or rechecking(delivery)) and delivery.get("read_back")
        }

    # -- the sentence ---------------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Return where things stand, in one or two plain sentences."""
        counts = self.found["summary"]
        if not counts["requests"]:
            return "No request was received in this period."
        said = f"{_many(counts['requests'], 'request was', 'requests were')} received: "
        said += f"{counts['fulfilled']} carried out everywhere, {counts['held']} waiting for a person's decision, "
        said += f"{counts['open']} under way. "
        late = counts["overdue"]
        return said + ("None is late." if not late else f"{late} {'is' if late == 1 else 'are'} late.")

    # -- what needs a person --------------------------------------------------------------------------------

    def needs(self) -> list[Need]:
        """Return what needs a person, the most urgent first: late, paused recipients, then held by cause."""
        late = Need(
            "late, that is past the due day or, for an objection, past its target",
            "syncer goes on trying; look below for what stops each recipient, and tell the person why it takes longer",
            [event for event in self.events if event["overdue"]],
        )
        held: dict[str, Need] = {}
        for event in self.events:
            for delivery in event["deliveries"]:
                if delivery["state"] == "held":
                    code = delivery["code"] or ""
                    need = held.setdefault(code, Need(meaning(code) or "held", remedy(code)))
                    need.recipients.add(delivery["destination"])
                    if not need.events or need.events[-1] is not event:
                        need.events.append(event)
        paused = [
            Need(f"{name} is paused: {_reason(lane)}", _remedy(name, lane), recipients={name})
            for name, lane in self.found["destinations"].items()
            if lane["paused"]
        ]
        return [*([late] if late.events else []), *paused, *held.values()]

    def due_soon(self) -> list[tuple[int, list[dict[str, Any]]]]:
        """Return the events that are not late yet and due within SOON days, each in the nearest class only."""
        today, found, taken = self._now.astimezone(self._zone).date(), [], set()
        for days in SOON:
            near = [
                event
                for event in self.events
                if event["state"] != "fulfilled"
                and not event["overdue"]
                and event["id"] not in taken
                and date.fromisoformat(event["due_on"]) <= today + timedelta(days=days)
            ]
            taken |= {event["id"] for event in near}
            found.append((days, near))
        return found

    # -- register and propagation ---------------------------------------------------------------------------

    def pages(self) -> Iterator[Page]:
        """Yield the events by the month of receipt (controller's time zone), the newest month first."""
        ordered = sorted(self.events, key=lambda event: str(event["received_at"]), reverse=True)
        for month, group in groupby(ordered, key=self._month):
            members = list(group)
            for first in range(0, len(members), PAGE):
                part = members[first : first + PAGE]
                span = f", {first + 1} to {first + len(part)}" if len(members) > PAGE else ""
                title = f"{month:%B %Y}{span} of {len(members)}" if span else f"{month:%B %Y}, {len(members)} in all"
                yield Page(f"{month:%Y-%m}-{first // PAGE + 1}", title, part)

    def _month(self, event: dict[str, Any]) -> date:
        return datetime.fromisoformat(event["received_at"]).astimezone(self._zone).date().replace(day=1)

    def first_attempt(self, event: dict[str, Any]) -> str | None:
        """Return when the event was first tried anywhere (UTC)."""
        return min((d["first_attempt_at"] for d in event["deliveries"] if d.get("first_attempt_at")), default=None)

    def after(self, event: dict[str, Any]) -> str:
        """Return the time from receipt to fulfilment, or to now, in words."""
        return _span(_seconds(event["received_at"], event["fulfilled_at"] or self.found["generated_at"]))

    def closed(self, event: dict[str, Any]) -> int:
        """Return how many of its recipients need nothing more."""
        return sum(d["state"] in ("confirmed", "exempt") or rechecking(d) for d in event["deliveries"])

    def at(self, event: dict[str, Any]) -> list[dict[str, Any] | None]:
        """Return the event's delivery for each recipient, None where it was not told."""
        by_name = {delivery["destination"]: delivery for delivery in event["deliveries"]}
        return [by_name.get(name) for name in self.recipients]

    def proof(self, event: dict[str, Any], delivery: dict[str, Any]) -> int | None:
        """Return the number of the proof of a confirmed delivery, None where no steps are kept."""
        return self._proof_of.get((event["id"], delivery["destination"]))

    def proofs(self) -> list[tuple[Proof, int]]:
        """Return every way of reading back with how many deliveries it stands for."""
        return [(proof, self._seen[proof.number]) for proof in self._proofs.values()]

    def _proof(self, delivery: dict[str, Any]) -> int:
        # the provider's request number and the milliseconds differ each time: they stand in the JSON and the CSV
        lines = (step_line(step, brief=True) for step in delivery["read_back"])
        steps, notes = tuple(dict.fromkeys(lines)), tuple(delivery.get("notes", ()))
        key = (delivery["destination"], delivery["action"], delivery["outcome"], steps, notes)
        if key not in self._proofs:
            outcome = OUTCOMES.get(delivery["outcome"], "")
            number = len(self._proofs) + 1
            self._proofs[key] = Proof(number, delivery["destination"], delivery["action"] or "-", outcome, steps, notes)
        number = self._proofs[key].number
        self._seen[number] += 1
        return number

    # -- figures --------------------------------------------------------------------------------------------

    def charts(self) -> tuple[Chart, Chart]:
        """Return how long confirmations took, and how long open events have been open."""
        ages = (
            (self._now - datetime.fromisoformat(event["received_at"])).total_seconds()
            for event in self.events
            if event["state"] != "fulfilled"
        )
        return (
            histogram("confirmed", "From receipt to the first confirmation", self._waits(None), TO_CONFIRMED),
            histogram("open", "Open requests by age", ages, OPEN_BY_AGE),
        )

    def to_fulfilled(self) -> dict[str, float] | None:
        """Return median, mean and 95th percentile of the days from receipt to fulfilment; None for fewer than two."""
        days = [
            _seconds(event["received_at"], event["fulfilled_at"]) / DAY
            for event in self.events
            if event["fulfilled_at"] and event["state"] == "fulfilled"
        ]
        if len(days) < 2:
            return None
        high = statistics.quantiles(days, n=20, method="inclusive")[-1]
        return {"median": statistics.median(days), "mean": statistics.fmean(days), "95th percentile": high}

    def health(self) -> list[dict[str, Any]]:
        """Return how each recipient stands: its counts over all time, its last confirmation and the median wait."""
        found = []
        for name, lane in self.found["destinations"].items():
            waits = list(self._waits(name))
            last = max((d["confirmed_at"] for _, d in self._deliveries(name) if d["confirmed_at"]), default=None)
            median = statistics.median(waits) if waits else None
            found.append({"name": name, "lane": lane, "last": last, "median": _span(median), "reason": _reason(lane)})
        return found

    def _waits(self, name: str | None) -> Iterator[float]:
        for event, delivery in self._deliveries(name):
            if delivery.get("first_confirmed_at"):
                yield _seconds(event["received_at"], delivery["first_confirmed_at"])

    def _deliveries(self, name: str | None) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        for event in self.events:
            for delivery in event["deliveries"]:
                if name is None or delivery["destination"] == name:
                    yield event, delivery

    # -- exceptions and people who came back ----------------------------------------------------------------

    def exceptions(self) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Return the deliveries that a person closed by decision, with their events."""
        return [(event, delivery) for event, delivery in self._deliveries(None) if delivery["state"] == "exempt"]

    def extensions(self) -> list[dict[str, Any]]:
        """Return the events whose period was extended."""
        return [event for event in self.events if event["extended_at"]]

    def reappeared(self) -> Iterable[tuple[dict[str, Any], dict[str, Any] | None]]:
        """Yield who was found again, with how the delivery stands now."""
        now = {(event["id"], d["destination"]): d for event, d in self._deliveries(None)}
        for item in self.found["reappeared"]:
            yield item, now.get((item["event"], item["destination"]))


def rechecking(delivery: dict[str, Any]) -> bool:
    """Say whether it was confirmed before and is only being read back again."""
    return delivery["state"] == "applied" and delivery["confirmed_at"] is not None


def _many(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _reason(lane: dict[str, Any]) -> str:
    return meaning(lane["pause_reason"]) or str(lane["pause_reason"] or "")


def _remedy(name: str, lane: dict[str, Any]) -> str:
    if lane["paused_by"] == "operator":
        return f"when the reason is over, `syncer resume {name}`; its deliveries wait until then"
    return remedy(lane["pause_reason"])


def _seconds(start: str, end: str) -> float:
    return max((datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds(), 0.0)


def _span(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    for size, word in ((DAY, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {word}"
    return f"{seconds:.0f} seconds"
