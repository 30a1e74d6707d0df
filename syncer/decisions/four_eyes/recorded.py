"""Whether a proposal is the one that the log recorded: whoever writes to the database is no second person."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa

from syncer.audit.chain import canonical
from syncer.audit.ledger import Ledger, LogEntry
from syncer.clock import stamp
from syncer.decisions.four_eyes.proposal import Proposal, ProposalChanged, about
from syncer.decisions.four_eyes.wanted import Wanted, facts_of
from syncer.language.texts import Sentence

#: after so long a proposal that nobody decided lapses
LAPSES_AFTER = timedelta(days=14)
PROPOSED = "operator:proposed"
_ENDS = ("operator:approved", "operator:rejected", "operator:lapsed")


class ForgedProposal(ProposalChanged):
    """Raised where the row of a proposal is not what the log recorded when it was proposed; nothing was done."""


def content_digest(wanted: Wanted) -> str:
    """Return what stands for all that is wanted, for the entry that records it."""
    return hashlib.sha256(canonical(facts_of(wanted))).hexdigest()


class RecordedProposals:
    """Holds the rows of proposals against the log of one installation."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def require(self, connection: sa.Connection, proposal: Proposal) -> None:
        """Raise ForgedProposal unless the row of a proposal that waits says what the log does."""
        for difference in self._differences(connection, proposal):
            raise ForgedProposal(
                Sentence(
                    "proposal {number}: {difference}: somebody wrote to the database; reject it, propose it anew, and"
                    " run `syncer audit verify --full`",
                    number=proposal.id,
                    difference=difference,
                )
            )

    def _differences(self, connection: sa.Connection, proposal: Proposal) -> Iterator[Sentence]:
        entry = self._entry(connection, proposal)
        if entry is None:
            yield Sentence("the audit has no entry that it was proposed then")
            return
        facts = entry.facts or {}
        if entry.actor != proposal.proposer:
            yield Sentence("the audit names somebody else who proposed it")
        if proposal.until != proposal.proposed_at + LAPSES_AFTER:
            yield Sentence("it would lapse on another day than the audit has it")
        said = (proposal.kind, proposal.digest, proposal.reason)
        if said != tuple(facts.get(name) for name in ("kind", "digest", "reason")):
            yield Sentence("the audit has another kind, plan or reason of it")
        target = {"event": entry.event, "destination": entry.destination}
        wanted = proposal.wanted
        if wanted is None:
            yield Sentence("nobody can read it")
        elif {"event": None, "destination": None} | about(wanted) != target:
            yield Sentence("the audit says that it is about something else")
        elif facts.get("wanted") not in (None, content_digest(wanted)):  # none: an older syncer wrote it
            yield Sentence("the audit has something else that is to be done")
        if self._ended(connection, proposal, entry.seq):
            yield Sentence("the audit says that it was decided before")

    def _entry(self, connection: sa.Connection, proposal: Proposal) -> LogEntry | None:
        entries = self._ledger.genuine(connection, PROPOSED, at=stamp(proposal.proposed_at))
        return next((each for each in entries if (each.facts or {}).get("proposal") == proposal.id), None)

    def _ended(self, connection: sa.Connection, proposal: Proposal, after: int) -> bool:
        entries = (each for what in _ENDS for each in self._ledger.genuine(connection, what, after=after))
        return any((each.facts or {}).get("proposal") == proposal.id for each in entries)
