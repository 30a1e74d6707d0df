"""Where requests stand, in one or two sentences that claim no more than their states allow."""

from __future__ import annotations

from syncer.audit.ledger import LogEntry
from syncer.domain.rights import Ground
from syncer.reports.propagation import PropagationLog, Summary
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


def people_did(log: PropagationLog) -> list[LogEntry]:
    """Return what people did, a withdrawal as the one decision that it is, and not once more for each recipient."""
    one_line = {entry.event for entry in log.decisions if entry.what == "event:withdrawn"}
    closed = {(event.id, item.destination) for event in log.events for item in event.deliveries if withdrawn(item)}
    return [entry for entry in log.decisions if not (entry.event in one_line and _of_withdrawal(entry, closed))]


def _of_withdrawal(entry: LogEntry, closed: set[tuple[str, str]]) -> bool:
    if entry.what != "delivery:exempt":
        return False
    if entry.facts is None:  # purged: only the delivery still says why it was closed
        return (entry.event, entry.destination) in closed
    return entry.facts.get("ground") == Ground.WITHDRAWN


def many(number: int, one: str, more: str) -> str:
    """Return a number with the word for one, or for any other number."""
    return f"{number} {one if number == 1 else more}"
