"""Decisions that need a second person: proposed by one, carried out by another, once, and only what was proposed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault
from syncer.app import App, open_app
from syncer.decisions.extension import Extension
from syncer.decisions.four_eyes.authority import NeedsSecondPerson, NotAllowed
from syncer.decisions.four_eyes.proposal import (
    AlreadyDecided,
    NoSuchProposal,
    ProposalChanged,
    ProposalOutcome,
    SamePerson,
    is_same,
    start_over,
)
from syncer.decisions.four_eyes.wanted import Prolongation, Release, WantedExemption, WantedWithdrawal
from syncer.decisions.guarded import StoppedChoice
from syncer.decisions.resync_plan import ResyncPlanChanged, Selection
from syncer.domain.permissions import Permission
from syncer.domain.rights import Ground
from syncer.errors import UserError
from syncer.service.drain import drain, prepare
from tests.conftest import Clock
from tests.decisions.conftest import ALL, SEEN, WHY, at_the_console, exemption, eyed
from tests.support.operate.guarded import FIVE, flood, stopped
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, event, put, states, whats


def facts(app: App, what: str) -> list[dict[str, object]]:
    return [dict(entry.facts or {}) for entry in app.ledger.entries((what,))]


# -- nobody alone ---------------------------------------------------------------------------------------------


def test_nobody_alone_decides_what_the_settings_name(held: App) -> None:
    today = held.clock().astimezone(held.rule.zone).date()
    plan = held.resync.plan(Selection(held=True))
    alone: list[Callable[[], object]] = [
        lambda: held.acting_as(held.who, ALL).interventions.exempt(event(held).id, "crm", Ground.LEGAL_CLAIMS, WHY),
        lambda: held.acting_as(held.who, ALL).withdrawals.withdraw(event(held).id, WHY),
        lambda: held.acting_as(held.who, ALL).extensions.extend(Extension(event(held).id, WHY, today)),
        lambda: held.acting_as(held.who, ALL).resync.apply(plan, WHY),
        lambda: held.acting_as(held.who, ALL).guard_decisions.release(StoppedChoice(), WHY, "digest", 0),
    ]
    before = whats(held)

    for decide in alone:
        with pytest.raises(NeedsSecondPerson, match="syncer proposals"):
            decide()

    assert whats(held) == before


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_withdrawal_is_no_way_around_the_second_person_of_an_exemption(held: App) -> None:
    proposals = at_the_console(held, "anna").proposals
    wanted = WantedWithdrawal(event(held).id)
    proposal = proposals.propose(wanted, WHY, digest=held.withdrawals.plan(wanted.event_id).digest)
    assert (proposal.kind, proposal.wanted, proposals.problem(proposal)) == ("exempt", wanted, None)
    with pytest.raises(SamePerson):
        proposals.approve(proposal.id, WHY)
    assert states(held)["crm"][0] == "held"

    at_the_console(held, "bert").proposals.approve(proposal.id, WHY)

    assert states(held)["crm"] == ("exempt", None, "withdrawn")
    (withdrawn,) = facts(held, "event:withdrawn")
    assert (withdrawn["proposal"], withdrawn["reason"]) == (proposal.id, WHY)
    with pytest.raises(UserError, match="withdrawn before"):
        proposals.propose(wanted, WHY)


def test_a_withdrawal_that_would_do_something_else_by_now_is_not_carried_out(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(WantedWithdrawal(event(held).id), WHY)
    bert = at_the_console(held, "bert").proposals
    bert.approve(at_the_console(held, "carl").proposals.propose(exemption(held), WHY).id, SEEN)

    with pytest.raises(ProposalChanged):
        bert.approve(proposal.id, WHY)

    assert states(held)["crm"] == ("exempt", None, "legal_claims")


def test_a_withdrawal_of_what_is_tried_again_and_again_waits_for_its_second_person(
    app: App, activecampaign: ActiveCampaignSandbox, clock: Clock
) -> None:
    activecampaign.fault(Fault(status=500, body="", times=None))
    put(app, "erasure", PERSON, "k1")
    drain(app)
    proposal = at_the_console(eyed(app), "anna").proposals.propose(WantedWithdrawal(event(app).id), WHY)
    clock.advance(hours=7)
    drain(app)
    assert states(app)["crm"][0] == "retrying"

    at_the_console(app, "bert").proposals.approve(proposal.id, SEEN)

    assert states(app)["crm"] == ("exempt", None, "withdrawn")
    (closed,) = facts(app, "delivery:exempt")
    assert (closed["happened"], closed["attempts"]) == ("asked", 2)


def test_whoever_may_not_decide_is_refused_by_the_decision_itself(held: App) -> None:
    reader = at_the_console(held, "rita", frozenset({Permission.VIEW}))
    plan = reader.resync.plan(Selection(held=True))
    today = held.clock().astimezone(held.rule.zone).date()
    before = whats(held)

    for decide in (
        lambda: reader.interventions.exempt(event(held).id, "crm", Ground.LEGAL_CLAIMS, WHY),
        lambda: reader.interventions.pause("crm", WHY),
        lambda: reader.interventions.resume("crm", WHY),
        lambda: reader.extensions.extend(Extension(event(held).id, WHY, today)),
        lambda: reader.resync.apply(plan, WHY),
        lambda: reader.guard_decisions.release(StoppedChoice(), WHY, "digest", 0),
        lambda: reader.guard_decisions.refuse(StoppedChoice(), WHY, "digest"),
        lambda: reader.withdrawals.withdraw(event(held).id, WHY),
        lambda: reader.proposals.propose(exemption(held), WHY),
        lambda: reader.proposals.approve(1, WHY),
        lambda: reader.proposals.reject(1, WHY),
    ):
        with pytest.raises(NotAllowed):
            decide()

    assert whats(held) == before


def test_somebody_who_acts_without_any_permission_named_may_decide_nothing(held: App) -> None:
    with pytest.raises(NotAllowed):
        held.acting_as({"kind": "console", "user": "anna"}).interventions.pause("crm", WHY)


# -- proposed and carried out ----------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_second_person_carries_out_what_the_first_proposed(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    assert states(held)["crm"][0] == "held"

    done = at_the_console(held, "berta").proposals.approve(proposal.id, SEEN, digest=proposal.digest)

    assert done.outcome is ProposalOutcome.APPROVED
    assert states(held)["crm"] == ("exempt", None, "legal_claims")
    (exempt,) = facts(held, "delivery:exempt")
    assert exempt == {"ground": "legal_claims", "reason": WHY, "proposal": proposal.id}
    (approved,) = facts(held, "operator:approved")
    assert (approved["reason"], approved["proposed_by"]) == (SEEN, "anna")
    assert held.verify().ok


def test_an_extension_is_proposed_and_carried_out(held: App) -> None:
    today = held.clock().astimezone(held.rule.zone).date()
    before = event(held).due_on
    proposal = at_the_console(held, "anna").proposals.propose(Prolongation(event(held).id, today), WHY)

    at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)

    assert event(held).due_on > before


def test_a_resync_is_proposed_and_carried_out(held: App) -> None:
    anna, selection = at_the_console(held, "anna"), Selection(held=True)
    proposal = anna.proposals.propose(start_over(selection, anna.resync.plan(selection)), WHY)

    at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)

    assert states(held)["crm"][0] == "pending"
    (resynced,) = facts(held, "operator:resynced")
    assert (resynced["reason"], resynced["proposal"]) == (WHY, proposal.id)


def test_addresses_of_a_proposal_are_not_kept_and_brought_again(held: App) -> None:
    anna, berta = at_the_console(held, "anna"), at_the_console(held, "berta")
    selection = Selection(addresses=((None, PERSON),))
    plan = anna.resync.plan(selection)
    proposal = anna.proposals.propose(start_over(selection, plan), WHY, selection.addresses)
    row = held.engine.connect().execute(sa.select(held.tables.proposal)).one()
    assert PERSON not in str(row)

    with pytest.raises(UserError, match="bring the same one"):
        berta.proposals.approve(proposal.id, SEEN)
    with pytest.raises(ProposalChanged):
        berta.proposals.approve(proposal.id, SEEN, ((event(held).id, PERSON.upper()),))
    berta.proposals.approve(proposal.id, SEEN, selection.addresses)

    assert states(held)["crm"][0] == "pending"


@pytest.mark.parametrize("guard", [FIVE])
def test_a_release_lets_exactly_what_was_proposed_begin(make_app: Callable[..., App], guard: str) -> None:
    app = eyed(make_app(guard=guard))
    flood(app, 8)
    prepare(app)
    drain(app)
    assert stopped(app) == 8
    anna = at_the_console(app, "anna")
    plan = anna.guard_decisions.plan(StoppedChoice(source="shop"))
    proposal = anna.proposals.propose(
        Release(tuple(request.event for request in plan.requests), plan.deletions), WHY, digest=plan.digest
    )
    flood(app, 2, name="later")
    drain(app)
    assert stopped(app) == 10

    at_the_console(app, "berta").proposals.approve(proposal.id, SEEN)

    assert stopped(app) == 2


def test_a_resync_that_would_pass_the_guard_needs_the_second_person_of_a_release(make_app: Callable[..., App]) -> None:
    app = eyed(make_app(guard=FIVE), "release")
    flood(app, 8)
    prepare(app)
    drain(app)
    choice = StoppedChoice()
    app.guard_decisions.refuse(choice, WHY, app.guard_decisions.plan(choice).digest)
    plan = app.resync.plan(Selection(held=True))
    assert plan.to_release

    with pytest.raises(NeedsSecondPerson):
        app.resync.apply(plan, WHY)

    assert stopped(app) == 0


# -- not twice, not by the same, not something else ----------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_two_who_approve_at_the_same_time_have_one_effect(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    others = [at_the_console(held, name) for name in ("berta", "carla", "dora", "emil")]
    for other in others:
        _ = other.proposals
    barrier, ends = threading.Barrier(len(others)), []

    def approve(other: App) -> None:
        barrier.wait()
        try:
            ends.append(other.proposals.approve(proposal.id, SEEN).outcome)
        except AlreadyDecided as error:
            ends.append(error.proposal.outcome)

    threads = [threading.Thread(target=approve, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert ends == [ProposalOutcome.APPROVED] * 4
    assert len(facts(held, "operator:approved")) == len(facts(held, "delivery:exempt")) == 1


def test_who_proposed_it_does_not_approve_it_by_whichever_way(held: App) -> None:
    anna = at_the_console(held, "anna")
    proposal = anna.proposals.propose(exemption(held), WHY)
    shell = held.acting_as({"kind": "cli", "user": "Anna", "uid": 1000, "login_uid": 1000}, ALL)

    for same in (anna, shell):
        assert not same.proposals.may_decide(proposal)
        with pytest.raises(SamePerson):
            same.proposals.approve(proposal.id, SEEN)

    assert states(held)["crm"][0] == "held"
    assert held.proposals.waiting() == [proposal]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"user": "anna"}, {"user": "anna"}, True),
        ({"user": "anna"}, {"user": "ANNA", "uid": 5}, True),
        ({"user": "anna"}, {"user": "berta"}, False),
        ({"user": "anna", "uid": 0, "login_uid": 1000}, {"user": "berta", "uid": 0, "login_uid": 1001}, False),
        ({"user": "anna", "uid": 0, "login_uid": 1000}, {"user": "other", "uid": 7, "login_uid": 1000}, True),
        ({"user": "anna", "uid": 0, "login_uid": 1000}, {"user": "root", "uid": 0}, True),
        ({"user": "root", "uid": 0, "sudo_user": "anna"}, {"user": "anna", "uid": 1000}, True),
        ({"user": "anna", "uid": 1000}, {"user": "berta", "uid": 1001}, False),
        ({}, {}, False),
    ],
)
def test_the_same_person_is_known_by_name_login_and_account(
    one: dict[str, object], other: dict[str, object], same: bool
) -> None:
    assert is_same(one, other) is is_same(other, one) is same


def test_what_has_changed_since_is_not_carried_out_and_says_so(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    eyed(held, "extend")
    held.acting_as(held.who, ALL).resync.apply(held.resync.plan(Selection(held=True)), "permission was given")

    with pytest.raises(ProposalChanged, match="nothing was done"):
        at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)

    assert states(held)["crm"][0] == "pending"
    assert "only a held one" in (held.proposals.problem(proposal) or "")
    assert held.proposals.get(proposal.id).outcome is None
    assert facts(held, "operator:approved") == []


def test_what_was_changed_in_the_database_is_not_carried_out(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    table = held.tables.proposal
    with held.engine.begin() as connection:
        connection.execute(table.update().values(facts='{"event": "x", "destination": "crm", "ground": "other"}'))

    with pytest.raises(ProposalChanged):
        at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)

    with held.engine.begin() as connection:
        connection.execute(table.update().values(facts="[["))
    with pytest.raises(ProposalChanged, match="nobody can read it"):
        at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)
    assert at_the_console(held, "berta").proposals.reject(proposal.id, SEEN).outcome is ProposalOutcome.REJECTED


def test_a_proposal_that_was_not_shown_is_not_approved(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)

    with pytest.raises(ProposalChanged, match="not the one that was shown"):
        at_the_console(held, "berta").proposals.approve(proposal.id, SEEN, digest="0" * 64)


def test_a_plan_that_is_to_be_carried_out_exactly_does_nothing_once_it_has_changed(held: App) -> None:
    eyed(held, "exempt")
    resync = held.acting_as(held.who, ALL).resync
    plan = resync.plan(Selection(held=True))
    resync.apply(plan, "permission was given", exactly=True)
    before = whats(held)

    with pytest.raises(ResyncPlanChanged):
        resync.apply(plan, "permission was given", exactly=True)

    assert whats(held) == before


def test_the_same_proposed_twice_is_one_proposal(held: App) -> None:
    anna = at_the_console(held, "anna")

    first, again = (anna.proposals.propose(exemption(held), WHY) for _ in range(2))
    other = at_the_console(held, "berta").proposals.propose(exemption(held), WHY)

    assert first == again
    assert other.id != first.id
    assert len(facts(held, "operator:proposed")) == 2


def test_what_could_not_be_done_is_not_proposed(held: App) -> None:
    anna = at_the_console(held, "anna")

    with pytest.raises(UserError, match="only a held one"):
        anna.proposals.propose(WantedExemption(event(held).id, "newsletter", Ground.OTHER), WHY)
    with pytest.raises(UserError, match="no event"):
        anna.proposals.propose(Prolongation("nothing", held.clock().date()), WHY)

    assert held.proposals.waiting() == []


def test_whose_account_was_disabled_has_proposed_nothing(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    with held.engine.begin() as connection:
        connection.execute(held.tables.user.update().values(disabled_at=held.clock()))

    with pytest.raises(UserError, match="may not sign in any more"):
        at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)


def test_who_may_not_decide_it_any_more_has_proposed_nothing(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    berta = at_the_console(held, "berta")
    user = held.tables.user
    with held.engine.begin() as connection:
        connection.execute(user.update().where(user.c.name == "anna").values(roles="reader compliance"))

    with pytest.raises(UserError, match="may not decide such a thing any more"):
        berta.proposals.approve(proposal.id, SEEN)

    assert states(held)["crm"][0] == "held"


def test_a_rejected_one_is_over(held: App) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    berta = at_the_console(held, "berta")

    berta.proposals.reject(proposal.id, "no case is known")

    with pytest.raises(AlreadyDecided, match="rejected"):
        berta.proposals.approve(proposal.id, SEEN)
    with pytest.raises(AlreadyDecided):
        berta.proposals.reject(proposal.id, SEEN)
    with pytest.raises(NoSuchProposal):
        berta.proposals.reject(proposal.id + 1, SEEN)
    assert [each.id for each in held.proposals.over()] == [proposal.id]


def test_after_fourteen_days_it_lapses_and_that_is_on_record_once(held: App, clock: Clock) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)
    clock.advance(days=14)

    assert held.proposals.waiting() == []
    assert held.proposals.get(proposal.id).outcome is ProposalOutcome.LAPSED
    with pytest.raises(AlreadyDecided, match="lapsed"):
        at_the_console(held, "berta").proposals.approve(proposal.id, SEEN)

    assert held.proposals.lapse() == 0
    assert [each["proposal"] for each in facts(held, "operator:lapsed")] == [proposal.id]
    assert states(held)["crm"][0] == "held"


def test_it_waits_through_a_new_start(held: App, clock: Clock) -> None:
    proposal = at_the_console(held, "anna").proposals.propose(exemption(held), WHY)

    with open_app(held.settings, clock=clock) as later:
        at_the_console(later, "berta").proposals.approve(proposal.id, SEEN)

    assert states(held)["crm"][0] == "exempt"


def test_somebody_is_told_after_a_week(held: App, clock: Clock) -> None:
    from syncer.service.alerts.conditions.signs import Signs

    at_the_console(held, "anna").proposals.propose(exemption(held), WHY)

    def signs() -> list[str]:
        return [sign.condition for sign in Signs(held).look().signs]

    assert "proposal_waits" not in signs()
    clock.advance(seconds=timedelta(days=7).total_seconds())
    assert "proposal_waits" in signs()
    clock.advance(seconds=timedelta(days=7).total_seconds())
    assert "proposal_waits" not in signs()
