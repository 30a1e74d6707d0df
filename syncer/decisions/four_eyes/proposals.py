"""Decisions that wait for a second person: proposed by one, carried out or rejected by another, lapsed after a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from syncer.audit.ledger import Facts, Ledger
from syncer.audit.transaction import Transaction, Transactions
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.decisions.four_eyes.authority import Authority
from syncer.decisions.four_eyes.carriers import Carriers
from syncer.decisions.four_eyes.proposal import (
    AlreadyDecided,
    NoSuchProposal,
    Proposal,
    ProposalChanged,
    ProposalOutcome,
    SamePerson,
    about,
    as_json,
    columns,
    is_same,
    proposal_of,
    told,
    unless_changed,
)
from syncer.decisions.four_eyes.recorded import LAPSES_AFTER, PROPOSED, RecordedProposals, content_digest
from syncer.decisions.four_eyes.wanted import ProposalKind, StartOver, Wanted, facts_of, kind_of
from syncer.decisions.resync_plan import ResyncPlan
from syncer.domain.model import word
from syncer.domain.permissions import Permission, Role, permissions
from syncer.domain.reasons import LONGEST
from syncer.errors import UserError
from syncer.language.texts import N_, Sentence

#: what a list shows of those that are over
SHOWN = 50
#: kind of decision -> what whoever proposes it must be allowed to do
_ASKS = {
    ProposalKind.EXEMPT: Permission.DECIDE,
    ProposalKind.EXTEND: Permission.DECIDE,
    ProposalKind.RELEASE: Permission.RELEASE,
    ProposalKind.RESYNC: Permission.WORK,
}

_NONE = N_("there is no proposal {number}; `syncer proposals` lists them")


class Proposals:
    """Keeps the proposals of one installation; `who` acts, as the audit names them."""

    def __init__(
        self,
        transactions: Transactions,
        ledger: Ledger,
        who: Facts,
        authority: Authority,
        carriers: Carriers,
    ) -> None:
        self._transactions = transactions
        self._who = dict(who)
        self._authority = authority
        self._carriers = carriers
        self._recorded = RecordedProposals(ledger)
        self._table = transactions.tables.proposal
        self._query = sa.select(*columns(self._table))
        self._user = transactions.tables.user

    # -- reading --------------------------------------------------------------------------------------------

    def waiting(self, after: int = 0, limit: int | None = None) -> list[Proposal]:
        """Return those that wait for a second person, the oldest first: of a number above `after`, so many at most."""
        p = self._table.c
        waits = p.outcome.is_(None) & (p.until > self._transactions.clock())
        return self._read(waits & (p.id > after), p.id, limit)

    def over(self) -> list[Proposal]:
        """Return the newest that ended, the newest first; what lapsed is among them before that is on record."""
        p = self._table.c
        return self._read(p.outcome.is_not(None) | (p.until <= self._transactions.clock()), p.id.desc(), SHOWN)

    def get(self, number: int) -> Proposal:
        """Return one. Raises NoSuchProposal."""
        if number >= 2**63:  # no database can be asked for it
            raise NoSuchProposal(Sentence(_NONE, number=number))
        for found in self._read(self._table.c.id == number, self._table.c.id):
            return found
        raise NoSuchProposal(Sentence(_NONE, number=number))

    def problem(self, proposal: Proposal) -> str | None:
        """Return why a proposal that waits could not be carried out now, in words; None where it could.

        What came in a file is not known here.
        """
        try:
            with reading(self._transactions.engine) as connection:
                self._recorded.require(connection, proposal)
                if isinstance(proposal.wanted, StartOver) and proposal.wanted.brought:
                    return None
                now = self._carriers.digest(connection, proposal, self._transactions.clock(), lock=False)
        except UserError as error:
            said: str = error.args[0]
            return said
        return None if now == proposal.digest else Sentence("what it is about has changed since it was proposed")

    def may_decide(self, proposal: Proposal) -> bool:
        """Say whether whoever acts is somebody else than who proposed it."""
        return not is_same(proposal.proposer, self._who)

    # -- proposing ------------------------------------------------------------------------------------------

    def propose(
        self,
        wanted: Wanted,
        reason: str,
        addresses: Sequence[tuple[str | None, str]] = (),
        *,
        digest: str | None = None,
    ) -> Proposal:
        """Keep what is wanted until a second person has looked, and return it; the same again is the same proposal.

        `addresses` are what came in a file, of which nothing is kept. Raises UserError for what could not be carried
        out now, and ProposalChanged where this is not what `digest` stands for.
        """
        self._authority.require(_ASKS[kind_of(wanted)])
        if len(reason) > LONGEST:
            raise UserError(Sentence("a proposal keeps {number} characters; shorten it", "--reason: ", number=LONGEST))
        plan = self._carriers.allowed_plan(wanted, addresses) if isinstance(wanted, StartOver) else None
        return self._propose(wanted, reason, plan, digest)

    @retry_on_conflict
    def _propose(self, wanted: Wanted, reason: str, plan: ResyncPlan | None, digest: str | None) -> Proposal:
        with self._transactions.write() as tx:
            now = plan.digest if plan else self._carriers.digest_of(tx.connection, wanted, reason, tx.now, lock=False)
            if digest not in (None, now):
                raise ProposalChanged(Sentence("the plan has changed since that digest; look at it again"))
            return self._alike(tx, wanted, reason, now) or self._keep(tx, wanted, reason, now)

    def _alike(self, tx: Transaction, wanted: Wanted, reason: str, digest: str) -> Proposal | None:
        """Return the same proposal of the same person, where one waits."""
        p, facts = self._table.c, as_json(facts_of(wanted))
        alike = (p.kind == kind_of(wanted), p.digest == digest, p.outcome.is_(None), p.until > tx.now)
        for row in tx.connection.execute(self._query.where(*alike).order_by(p.id)):
            proposal = proposal_of(row, tx.now)
            if row.facts == facts and row.reason == reason and is_same(proposal.proposer, self._who):
                return proposal
        return None

    def _keep(self, tx: Transaction, wanted: Wanted, reason: str, digest: str) -> Proposal:
        kind, p = kind_of(wanted), self._table.c
        values: dict[str, Any] = {"kind": str(kind), "facts": as_json(facts_of(wanted)), "digest": digest}
        values |= {"reason": reason, "proposer": as_json(self._who)}
        values |= {"proposed_at": tx.now, "until": tx.now + LAPSES_AFTER}
        number = int(tx.connection.execute(self._table.insert().values(values)).inserted_primary_key[0])  # type: ignore[index]
        facts = {**told(number, kind, digest, reason), "wanted": content_digest(wanted)}
        tx.audit.add(PROPOSED, **about(wanted), facts=facts)
        return proposal_of(tx.connection.execute(self._query.where(p.id == number)).one(), tx.now)

    # -- deciding -------------------------------------------------------------------------------------------

    def approve(
        self,
        number: int,
        reason: str,
        addresses: Sequence[tuple[str | None, str]] = (),
        *,
        digest: str | None = None,
    ) -> Proposal:
        """Carry a proposal out, by somebody else than who proposed it; return it.

        `addresses` are brought again where it came with a file. Nothing is done, and it goes on to wait, where it would
        not do what it did when it was proposed (ProposalChanged; so too where that is not `digest`), for who proposed
        it (SamePerson), where it was decided before (AlreadyDecided), and where the log has it otherwise
        (ForgedProposal).
        """
        self._authority.require(Permission.APPROVE)
        self.lapse()
        return self._approve(number, reason, addresses, digest)

    @retry_on_conflict
    def _approve(
        self, number: int, reason: str, addresses: Sequence[tuple[str | None, str]], digest: str | None
    ) -> Proposal:
        plan = self._carriers.plan(self.get(number), addresses)
        with self._transactions.write() as tx:
            proposal = self._required(tx, number)
            self._recorded.require(tx.connection, proposal)
            self._require_another(tx, proposal)
            if digest not in (None, proposal.digest):
                raise ProposalChanged(
                    Sentence("proposal {number} is not the one that was shown; look at it again", number=number)
                )
            with unless_changed(proposal):
                self._carriers.carry_out(tx, proposal, plan)
            return self._end(tx, proposal, ProposalOutcome.APPROVED, reason)

    @retry_on_conflict
    def reject(self, number: int, reason: str) -> Proposal:
        """Turn a proposal down; nothing is done. Raises AlreadyDecided where it was decided before."""
        self._authority.require(Permission.APPROVE)
        with self._transactions.write() as tx:
            return self._end(tx, self._required(tx, number), ProposalOutcome.REJECTED, reason)

    @retry_on_conflict
    def lapse(self) -> int:
        """Put on record which proposals lapsed, and return how many."""
        p = self._table.c
        over = (p.outcome.is_(None), p.until <= self._transactions.clock())
        with reading(self._transactions.engine) as connection:
            if connection.execute(sa.select(p.id).where(*over).limit(1)).first() is None:
                return 0
        with self._transactions.write() as tx:
            rows = tx.connection.execute(self._query.where(*over).order_by(p.id).with_for_update()).all()
            for row in rows:
                lapsed = {"outcome": str(ProposalOutcome.LAPSED), "decided_at": tx.now}
                tx.connection.execute(self._table.update().where(p.id == row.id).values(lapsed))
                proposal = proposal_of(row, tx.now)
                facts = told(row.id, proposal.kind, proposal.digest, proposal.reason)
                tx.audit.add("operator:lapsed", **about(proposal.wanted), facts=facts)
        return len(rows)

    def _end(self, tx: Transaction, proposal: Proposal, outcome: ProposalOutcome, reason: str) -> Proposal:
        p = self._table.c
        ended: dict[str, Any] = {"outcome": str(outcome), "decided_at": tx.now, "decider": as_json(self._who)}
        ended["decision_reason"] = reason[:LONGEST]
        tx.connection.execute(self._table.update().where(p.id == proposal.id).values(ended))
        facts = told(proposal.id, proposal.kind, proposal.digest, reason)
        facts["proposed_by"] = str(proposal.proposer.get("user", "?"))
        tx.audit.add(f"operator:{outcome}", **about(proposal.wanted), facts=facts)
        return proposal_of(tx.connection.execute(self._query.where(p.id == proposal.id)).one(), tx.now)

    def _required(self, tx: Transaction, number: int) -> Proposal:
        """Lock a proposal and return it. Raises AlreadyDecided unless it waits, NoSuchProposal where there is none."""
        row = tx.connection.execute(self._query.where(self._table.c.id == number).with_for_update()).first()
        if row is None:
            raise NoSuchProposal(Sentence(_NONE, number=number))
        proposal = proposal_of(row, tx.now)
        if proposal.outcome is not None:
            raise AlreadyDecided(proposal)
        return proposal

    def _require_another(self, tx: Transaction, proposal: Proposal) -> None:
        """Raise SamePerson for who proposed it, and UserError where they may not sign in any more, or not decide it."""
        if is_same(proposal.proposer, self._who):
            raise SamePerson(
                Sentence(
                    "proposal {number}: you proposed it, so somebody else has to approve it; `sudo` and another account"
                    " of the same login change nothing",
                    number=proposal.id,
                )
            )
        if proposal.proposer.get("kind") != "console":
            return
        name = str(proposal.proposer.get("user"))
        u = self._user.c
        found = tx.connection.execute(sa.select(*as_held(u)).where(u.name == name)).first()
        row = None if found is None else HeldRow(u, found)
        if row is None or row.damaged or row.disabled_at is not None:
            raise UserError(
                Sentence("proposal {number}: who proposed it may not sign in any more; reject it", number=proposal.id)
            )
        roles = (word(Role, each) for each in row.roles.split())
        if proposal.wanted is not None and _ASKS[kind_of(proposal.wanted)] not in permissions(filter(None, roles)):
            raise UserError(
                Sentence(
                    "proposal {number}: who proposed it may not decide such a thing any more; reject it",
                    number=proposal.id,
                )
            )

    def _read(self, which: sa.ColumnElement[bool], order: Any, limit: int | None = None) -> list[Proposal]:
        with reading(self._transactions.engine) as connection:
            rows = connection.execute(self._query.where(which).order_by(order).limit(limit)).all()
        return [proposal_of(row, self._transactions.clock()) for row in rows]
