"""Whoever writes to the database is no second person: a row that is not what the log recorded is not carried out."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest

from syncer.app import App
from syncer.database.connections import reading
from syncer.decisions.four_eyes.proposal import AlreadyDecided, Proposal, ProposalOutcome, as_json
from syncer.decisions.four_eyes.recorded import ForgedProposal
from syncer.decisions.four_eyes.wanted import WantedExemption, facts_of
from syncer.domain.rights import Ground
from syncer.errors import UserError
from tests.conftest import Clock
from tests.decisions.conftest import SEEN, WHY, at_the_console, exemption
from tests.support.servers import ENGINES
from tests.support.walk import event, states, whats

#: column -> how the refusal names what differs
FORGED = {
    "proposer": "somebody else who proposed it",
    "reason": "another kind, plan or reason",
    "digest": "another kind, plan or reason",
    "kind": "another kind, plan or reason",
    "facts": "something else that is to be done",
    "target": "about something else",
    "until": "another day",
    "proposed_at": "no entry",
}


def proposed(app: App, name: str = "anna") -> Proposal:
    return at_the_console(app, name).proposals.propose(exemption(app), WHY)


def forge(app: App, number: int, **values: Any) -> None:
    """Write to the database as whoever has its account does."""
    table = app.tables.proposal
    with app.engine.begin() as connection:
        connection.execute(table.update().where(table.c.id == number).values(**values))


def forgery(app: App, column: str, proposal: Proposal) -> dict[str, Any]:
    """Return what is written into a row so that all else of it still fits."""
    other = replace(exemption(app), ground=Ground.OTHER)
    with reading(app.engine) as connection:
        fitting = app.interventions.digest(connection, other, lock=False)
    values: dict[str, dict[str, Any]] = {
        "proposer": {"proposer": as_json({**proposal.proposer, "user": "dora"})},
        "reason": {"reason": "the person agreed"},
        "digest": {"digest": "0" * 64},
        "kind": {"kind": "release"},
        "facts": {"facts": as_json(facts_of(other))},
        "target": {"facts": as_json(facts_of(WantedExemption(event(app).id, "newsletter", Ground.LEGAL_CLAIMS)))},
        "until": {"until": proposal.until + timedelta(days=1)},
        "proposed_at": {
            "proposed_at": proposal.proposed_at + timedelta(days=1),
            "until": proposal.until + timedelta(days=1),
        },
    }
    assert fitting != proposal.digest
    return values[column]


@pytest.mark.slow
@pytest.mark.parametrize("column", FORGED)
def test_a_row_that_somebody_changed_is_not_approved(held: App, column: str) -> None:
    proposal = proposed(held)
    at_the_console(held, "dora")
    forge(held, proposal.id, **forgery(held, column, proposal))
    berta, before = at_the_console(held, "berta").proposals, whats(held)

    with pytest.raises(ForgedProposal, match=FORGED[column]) as refused:
        berta.approve(proposal.id, SEEN)

    assert "somebody wrote to the database" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "somebody wrote to the database" in (berta.problem(berta.get(proposal.id)) or "")
    assert (whats(held), states(held)["crm"][0]) == (before, "held")
    assert berta.reject(proposal.id, SEEN).outcome is ProposalOutcome.REJECTED


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_nobody_approves_their_own_by_giving_it_another_proposer(held: App) -> None:
    proposal = proposed(held)
    forge(held, proposal.id, proposer=as_json({**proposal.proposer, "user": "dora"}))
    at_the_console(held, "dora")

    with pytest.raises(ForgedProposal):
        at_the_console(held, "anna").proposals.approve(proposal.id, SEEN)

    assert states(held)["crm"][0] == "held"
    forge(held, proposal.id, proposer=as_json(proposal.proposer))
    assert at_the_console(held, "berta").proposals.approve(proposal.id, SEEN).outcome is ProposalOutcome.APPROVED


def test_a_row_that_somebody_invented_is_not_approved(held: App) -> None:
    proposal = proposed(held)
    row = asdict(proposal) | {"facts": as_json(facts_of(exemption(held))), "proposer": as_json(proposal.proposer)}
    del row["wanted"]
    with held.engine.begin() as connection:
        connection.execute(held.tables.proposal.insert().values(**row | {"id": proposal.id + 1}))

    with pytest.raises(ForgedProposal, match="no entry"):
        at_the_console(held, "berta").proposals.approve(proposal.id + 1, SEEN)


@pytest.mark.parametrize("how", ["rejected", "lapsed"])
def test_what_is_over_does_not_wait_again_because_somebody_says_so(held: App, clock: Clock, how: str) -> None:
    proposal, berta = proposed(held), at_the_console(held, "berta").proposals
    if how == "rejected":
        berta.reject(proposal.id, "no case is known")
    else:
        clock.advance(days=14)
        held.proposals.lapse()
    forge(held, proposal.id, outcome=None)

    with pytest.raises((ForgedProposal, AlreadyDecided)):
        berta.approve(proposal.id, SEEN)

    assert states(held)["crm"][0] == "held"


def test_an_entry_that_was_not_made_with_the_key_proves_nothing(held: App) -> None:
    proposal = proposed(held)
    table, audit = held.tables.proposal, held.tables.audit
    with reading(held.engine) as connection:
        seq, body = connection.execute(
            audit.select().with_only_columns(audit.c.seq, audit.c.body).where(audit.c.what == "operator:proposed")
        ).one()
    forged = json.loads(body)
    forged["actor"]["user"] = "dora"
    with held.engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {audit.name}_no_update")
        connection.execute(audit.update().where(audit.c.seq == seq).values(body=json.dumps(forged)))
        connection.execute(table.update().values(proposer=as_json(forged["actor"])))
    at_the_console(held, "dora")

    with pytest.raises(UserError, match="no entry"):
        at_the_console(held, "anna").proposals.approve(proposal.id, SEEN)


def test_a_time_that_nobody_can_read_breaks_no_list(held: App) -> None:
    proposal = proposed(held)
    name = held.tables.proposal.name
    with held.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {name} SET until = 'soon', proposed_at = x'00', reason = x'ff'")

    assert [each.id for each in (*held.proposals.waiting(), *held.proposals.over())] in ([], [proposal.id])
    assert held.proposals.get(proposal.id).outcome is ProposalOutcome.LAPSED
    with pytest.raises(AlreadyDecided):
        at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)
    held.proposals.lapse()


@pytest.mark.parametrize(("since", "deletions"), [("0001-01-01T00:00:00+23:00", 0), (None, 10**30), (None, -1)])
def test_a_moment_or_a_number_beyond_all_others_breaks_no_page(held: App, since: str | None, deletions: int) -> None:
    proposal = proposed(held)
    wanted = {"events": [], "destination": None, "held": True, "confirmed_since": since, "deletions": deletions}
    forge(held, proposal.id, kind="resync", facts=json.dumps(wanted | {"brought": False, "as_written": False}))

    (found,) = held.proposals.waiting()

    assert found.wanted is None
    assert "somebody wrote to the database" in (held.proposals.problem(found) or "")


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_what_no_entry_could_hold_keeps_nobody_from_ending_a_proposal(held: App, clock: Clock) -> None:
    odd = ('{"event": "%s", "withdraw": true}' % ("x" * 300), '{"event": "a\\u0000", "withdraw": true}')
    forged = [{"facts": each} for each in (*odd, '{"event": "\\ud83d", "withdraw": true}')]
    forged += [{"proposer": '{"user": "\\ud83d"}'}]
    numbers = [proposed(held, f"anna{number}").id for number in range(len(forged) + 1)]
    for number, values in zip(numbers, forged, strict=False):
        forge(held, number, **values)
    berta = at_the_console(held, "berta").proposals

    assert berta.reject(numbers[-2], SEEN).outcome is ProposalOutcome.REJECTED
    assert berta.approve(numbers[-1], SEEN).outcome is ProposalOutcome.APPROVED
    clock.advance(days=14)
    assert held.proposals.lapse() == len(forged) - 1
