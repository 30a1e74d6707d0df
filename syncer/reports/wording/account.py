"""Where requests stand, in one or two sentences that claim no more than their states allow."""

from __future__ import annotations

from syncer.audit.ledger import LogEntry
from syncer.domain.rights import Ground
from syncer.language.texts import _, counted
from syncer.reports.propagation import PropagationLog, Summary
from syncer.reports.views import EventView
from syncer.reports.wording.deliveries import withdrawn


def account(counts: Summary, stopped: int = 0) -> str:
    """Return how many requests were received, how each kind stands, and how many are or were late."""
    if not counts.requests:
        return _("No request that was received in this period has been taken from the queue.")
    everywhere, excepted, no_longer = counts.everywhere, counts.with_exception, counts.withdrawn
    held, on = counts.held, counts.open - stopped
    stands = [counted("{num} carried out everywhere", "{num} carried out everywhere", everywhere)]
    if counts.answered:
        stands.append(
            counted("{num} closed, not everywhere read back", "{num} closed, not everywhere read back", counts.answered)
        )
    if excepted:
        stands.append(counted("{num} closed with an exception", "{num} closed with an exception", excepted))
    if no_longer:
        stands.append(counted("{num} withdrawn", "{num} withdrawn", no_longer))
    if counts.nobody:
        stands.append(
            counted("{num} closed with no recipient to tell", "{num} closed with no recipient to tell", counts.nobody)
        )
    stands.append(counted("{num} waiting for a person's decision", "{num} waiting for a person's decision", held))
    if stopped:
        stands.append(
            counted(
                "{num} stopped by the guard until a person has looked",
                "{num} stopped by the guard until a person has looked",
                stopped,
            )
        )
    stands.append(counted("{num} under way", "{num} under way", on))
    received = counted(
        "{num} request was received: {stands}.",
        "{num} requests were received: {stands}.",
        counts.requests,
        stands=", ".join(stands),
    )
    return f"{received} {lateness(counts)}"


def lateness(counts: Summary) -> str:
    """Return how many requests are late, and how many were answered late, as a sentence."""
    if not counts.overdue and not counts.answered_late:
        return _("None is late, and none was answered late.")
    if not counts.answered_late:
        return counted("{num} is late and still open.", "{num} are late and still open.", counts.overdue)
    answered = counted("{num} was answered late.", "{num} were answered late.", counts.answered_late)
    if not counts.overdue:
        return answered
    return counted(
        "{num} is late and still open and {answered}",
        "{num} are late and still open and {answered}",
        counts.overdue,
        answered=answered,
    )


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
    """Return a number with the word for one, or for any other number; of the texts that are English for everybody."""
    return f"{number} {one if number == 1 else more}"
