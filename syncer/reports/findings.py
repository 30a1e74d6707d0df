"""What one way through the requests of a log finds: what needs a person, what was answered late, what people did."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.audit.ledger import LogEntry
from syncer.reports.propagation import PropagationLog
from syncer.reports.wording.account import PeopleDid
from syncer.reports.wording.needs import Mention, Need, Needs, mention


@dataclass(frozen=True, slots=True)
class Findings:
    """What is said before and after the requests of a log, each of which it only mentions.

    `answered_late` are closed: nothing is to be done about them, and nothing is hidden.
    """

    needs: tuple[Need, ...]
    answered_late: tuple[Mention, ...]
    people_did: tuple[LogEntry, ...]


def find(log: PropagationLog) -> Findings:
    """Go through the requests of a log once, without their evidence."""
    needs, did = Needs(log), PeopleDid(log)
    late = []
    for event in log.events.views():
        needs.add(event)
        did.add(event)
        if event.late and not event.overdue:
            late.append(mention(log, event))
    return Findings(tuple(needs.found()), tuple(late), tuple(did.found()))
