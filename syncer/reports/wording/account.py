"""Where requests stand, in one or two sentences that claim no more than their states allow."""

from __future__ import annotations

from syncer.audit.ledger import LogEntry
from syncer.domain.rights import Ground
from syncer.reports.propagation import PropagationLog, Summary
from syncer.reports.views import EventView
from syncer.reports.wording.deliveries import withdrawn


def account(counts: Summary) -> str:
    """Return how many requests were received, how each kind stands, and how many are or were late."""
    if not counts.requests:
        return "No request that was received in this period has been taken from the queue."
    ended = [
        f"{number} {words}"
        for number, words in (
            (counts.everywhere, "carried out everywhere"),
            (counts.with_exception, "closed with an exception"),
            (counts.withdrawn, "withdrawn"),
            (counts.nobody, "closed with no recipient to tell"),
        )
        if number or words == "carried out everywhere"
    ]
    stands = [*ended, f"{counts.held} waiting for a person's decision", f"{counts.open} under way"]
    received = many(counts.requests, "request was", "requests were")
    return f"{received} received: {', '.join(stands)}. {lateness(counts)}"


def lateness(counts: Summary) -> str:
    """Return how many requests are late, and how many were answered late, as a sentence."""
    if not counts.overdue and not counts.answered_late:
        return "None is late, and none was answered late."
    open_ones = f"{many(counts.overdue, 'is', 'are')} late and still open" if counts.overdue else ""
    answered = f"{many(counts.answered_late, 'was', 'were')} answered late" if counts.answered_late else ""
    return f"{' and '.join(part for part in (open_ones, answered) if part)}."


class PeopleDid:
    """Gathers what people did: a withdrawal as the one decision that it is, and not once more for each recipient."""

    def __init__(self, log: PropagationLog) -> None:
        self._decisions = log.decisions
        self._one_line = {entry.event for entry in log.decisions if entry.what == "event:withdrawn"}
        self._closed: set[tuple[str, str]] = set()

    def add(self, event: EventView) -> None:
        """Look at a request."""
        if event.id in self._one_line:
            self._closed |= {(event.id, item.destination) for item in event.deliveries if withdrawn(item)}

    def found(self) -> list[LogEntry]:
        """Return the entries that say so."""
        return [
            entry
            for entry in self._decisions
            if not (entry.event in self._one_line and _of_withdrawal(entry, self._closed))
        ]


def _of_withdrawal(entry: LogEntry, closed: set[tuple[str, str]]) -> bool:
    if entry.what != "delivery:exempt":
        return False
    if entry.facts is None:  # purged: only the delivery still says why it was closed
        return (entry.event, entry.destination) in closed
    return entry.facts.get("ground") == Ground.WITHDRAWN


def many(number: int, one: str, more: str) -> str:
    """Return a number with the word for one, or for any other number."""
    return f"{number} {one if number == 1 else more}"
