"""Requests that a person refused at the guard: closed together, by a plan, and only those that were seen."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncer.app import App
from syncer.decisions.four_eyes.authority import NeedsSecondPerson, NotAllowed
from syncer.decisions.four_eyes.proposal import ProposalChanged
from syncer.decisions.four_eyes.wanted import WantedWithdrawals
from syncer.decisions.guarded import StoppedChoice, StoppedPlanChanged
from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.service.drain import drain, prepare
from tests.decisions.conftest import ALL, SEEN, at_the_console, eyed
from tests.support.operate.guarded import FIVE, flood
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.servers import ENGINES

WHY, EVERY = "a bug in the shop's module", StoppedChoice()
SHOP = StoppedChoice(source="shop")


@pytest.fixture
def refused(make_app: Callable[..., App]) -> App:
    """Eight requests of a shop and two of a form, all of which were refused."""
    app = make_app(guard=FIVE)
    flood(app, 8)
    flood(app, 2, source="form", name="other")
    prepare(app)
    drain(app)
    app.guard_decisions.refuse(EVERY, WHY, app.guard_decisions.plan(EVERY).digest)
    assert app.refused.number() == 10
    return app


def withdrawn(app: App) -> list[tuple[object, dict[str, object]]]:
    return [
        ((entry.actor or {}).get("user"), dict(entry.facts or {})) for entry in app.ledger.entries(("event:withdrawn",))
    ]


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_those_of_one_source_are_withdrawn_at_once_each_with_its_entry(refused: App) -> None:
    anna = at_the_console(refused, "anna")
    plan = anna.refused.plan(SHOP)
    assert (len(plan.requests), plan.deletions, plan.by_destination) == (8, 16, {"crm": 8, "newsletter": 8})

    anna.refused.withdraw(SHOP, WHY, plan.digest, 8)

    done = withdrawn(refused)
    assert len(done) == 8
    assert {(who, facts["reason"], facts["plan"]) for who, facts in done} == {("anna", WHY, plan.digest)}
    assert {each.source for each in refused.refused.plan(EVERY).requests} == {"form"}
    endings = {str(each.ending) for each in refused.reader.events() if each.source == "shop"}
    assert endings == {"withdrawn"}
    assert refused.verify().ok


def test_another_plan_or_number_withdraws_nothing(refused: App) -> None:
    plan = refused.refused.plan(EVERY)
    first = plan.requests[0].event

    with pytest.raises(UserError, match="the plan has 10"):
        refused.refused.withdraw(EVERY, WHY, plan.digest, 9)
    with pytest.raises(StoppedPlanChanged):
        refused.refused.withdraw(SHOP, WHY, plan.digest, 8)
    refused.withdrawals.withdraw(first, WHY)
    with pytest.raises(StoppedPlanChanged):
        refused.refused.withdraw(EVERY, WHY, plan.digest, 10)
    nothing = refused.refused.plan(StoppedChoice(source="nowhere"))
    with pytest.raises(UserError, match="nothing of that"):
        refused.refused.withdraw(StoppedChoice(source="nowhere"), WHY, nothing.digest, 0)

    assert len(withdrawn(refused)) == 1
    assert refused.refused.number() == 9


def test_what_is_held_for_another_cause_is_not_among_them(refused: App) -> None:
    table = refused.tables.delivery
    event = refused.refused.plan(EVERY).requests[0].event
    with refused.engine.begin() as connection:
        connection.execute(table.update().where(table.c.event_id == event).values(code="unauthorized"))

    assert event not in {each.event for each in refused.refused.plan(EVERY).requests}
    assert refused.refused.number() == 9


def test_whoever_may_not_decide_withdraws_none(refused: App) -> None:
    plan = refused.refused.plan(EVERY)
    berta = at_the_console(refused, "berta", frozenset({Permission.VIEW, Permission.RELEASE}))

    with pytest.raises(NotAllowed):
        berta.refused.withdraw(EVERY, WHY, plan.digest, 10)

    assert withdrawn(refused) == []


def test_where_an_exemption_takes_two_so_does_this(refused: App) -> None:
    anna, plan = at_the_console(eyed(refused, "exempt"), "anna"), refused.refused.plan(SHOP)
    with pytest.raises(NeedsSecondPerson):
        anna.refused.withdraw(SHOP, WHY, plan.digest, 8)
    wanted = WantedWithdrawals(tuple(each.event for each in plan.requests))

    proposal = anna.proposals.propose(wanted, WHY, digest=plan.digest)
    assert (proposal.kind, proposal.wanted, anna.proposals.problem(proposal)) == ("exempt", wanted, None)
    at_the_console(refused, "berta").proposals.approve(proposal.id, SEEN)

    assert [(who, facts["proposal"]) for who, facts in withdrawn(refused)] == [("berta", proposal.id)] * 8
    assert refused.refused.number() == 2


def test_a_proposal_of_which_one_was_closed_meanwhile_closes_none(refused: App) -> None:
    anna, plan = at_the_console(eyed(refused, "exempt"), "anna"), refused.refused.plan(SHOP)
    wanted = WantedWithdrawals(tuple(each.event for each in plan.requests))
    proposal = anna.proposals.propose(wanted, WHY)
    eyed(refused, "extend").acting_as(refused.who, ALL).withdrawals.withdraw(wanted.events[0], WHY)

    with pytest.raises(ProposalChanged):
        at_the_console(refused, "berta").proposals.approve(proposal.id, SEEN)

    assert len(withdrawn(refused)) == 1


def test_the_command_shows_the_plan_and_carries_it_out_by_digest_and_number(refused: App) -> None:
    settings = refused.settings.path
    shown = as_json(settings, "guard", "withdraw", "--source", "shop", "--reason", WHY)
    assert (shown["applied"], len(shown["requests"]), withdrawn(refused)) == (False, 8, [])
    chosen = ("guard", "withdraw", "--source", "shop", "--reason", WHY, "--apply", str(shown["digest"]))

    for more, said in (((), "--requests"), (("--requests", "7"), "the plan has 8")):
        answer = run(settings, *chosen, *more)
        assert (answer.returncode, said in answer.stderr) == (2, True), answer.stderr
    assert run(settings, *chosen, "--requests", "8").returncode == 0

    assert len(withdrawn(refused)) == 8
    again = run(settings, *chosen, "--requests", "8")
    assert (again.returncode, "changed since" in again.stderr) == (2, True)
