"""What people decide about deliveries that nobody read back: sent again on purpose, never called what they are not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.contract import Evidence, Inapplicable, Outcome, Receipt
from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.cli.dossier import look_up
from syncer.decisions.resync_plan import PlannedDelivery, Selection
from syncer.delivery.lane import Lane
from syncer.domain.model import State
from syncer.domain.policy import Phase, judge
from syncer.domain.rights import Ground
from syncer.errors import UserError
from syncer.events.mapping import Finished, decided_row
from syncer.reports.html.page import dossier_html, report_html
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.deliveries import DELIVERY, NOW
from tests.support.documents.reports import report_text, whole
from tests.support.documents.truth import told as told_by
from tests.support.operate.guarded import FIVE, flood, lane, told
from tests.support.unread.adapters import ASKED, THROUGH, Machine, Unread
from tests.support.unread.attesting import attest
from tests.support.unread.installation import Installed, installer
from tests.support.walk import PERSON, event, put, rows, states

WHY = "they asked whether it arrived"


@pytest.fixture
def install(settings_file: Callable[..., Path], clock: Clock) -> Iterator[Installed]:
    with installer(settings_file, clock) as install:
        yield install


@pytest.fixture
def closed(install: Installed, mailchimp: MailchimpSandbox) -> tuple[App, Mapping[str, Machine]]:
    """An erasure that ended in four ways; since one of them was read back, its address is still kept."""
    mailchimp.add(PERSON, AUDIENCES[0])
    app, machines = install(analytics="taking", clarity="unasked", ads="lying")
    machines["ads"].outcome = Outcome.ABSENT
    put(app, "erasure", PERSON, "k1")
    drain(app)
    attest(app, "ads")
    assert {name: state for name, (state, _, _) in states(app).items()} == {
        "newsletter": "confirmed", "analytics": "accepted", "clarity": "not_applicable", "ads": "attested",
    }  # fmt: skip
    assert event(app).state == "fulfilled"
    return app, machines


def require_sound(app: App) -> None:
    finding = app.verify()
    assert (finding.ok, finding.reason) == (True, None)


def delivery(app: App, destination: str) -> Any:
    return next(row for row in rows(app, app.tables.delivery) if row.destination == destination)


# -- resync -------------------------------------------------------------------------------------------------


def test_a_plan_sends_again_what_nobody_can_read_and_reads_back_the_rest(
    closed: tuple[App, Mapping[str, Machine]],
) -> None:
    app, _ = closed
    mine = event(app).id

    plan = app.resync.plan(Selection(events=(mine,)))

    assert set(plan.deliveries) == {
        PlannedDelivery(mine, "newsletter", State.CONFIRMED, State.APPLIED),
        PlannedDelivery(mine, "analytics", State.ACCEPTED, State.PENDING, deletes=True),
        PlannedDelivery(mine, "clarity", State.NOT_APPLICABLE, State.PENDING, deletes=True),
    }
    assert plan.erased == 2
    assert [str(line) for line in plan.skipped] == [f"{mine} ads: it is settled by a person"]


def test_what_was_passed_on_is_sent_again_and_its_new_answer_stands_beside_the_old_one(
    closed: tuple[App, Mapping[str, Machine]], clock: Clock
) -> None:
    app, machines = closed
    clock.advance(hours=1)

    app.resync.apply(app.resync.plan(Selection(events=(event(app).id,), destination="analytics")), WHY)

    assert (states(app)["analytics"][0], event(app).state, event(app).fulfilled_at) == ("pending", "open", None)
    (reopened,) = told(app, "delivery:reopened", "analytics")
    assert reopened == {"from": "accepted", "to": "pending", "reason": WHY}
    require_sound(app)
    drain(app)
    row = delivery(app, "analytics")
    assert (row.state, row.attempts, row.settles_on, row.applied_at) == ("accepted", 1, THROUGH, clock())
    assert machines["analytics"].calls == ["apply", "apply"]
    assert len(told(app, "delivery:accepted", "analytics")) == 2
    assert event(app).state == "fulfilled"
    require_sound(app)


class Reading(Unread):
    """The same recipient once it can be read: nobody is there."""

    evidence: ClassVar[Evidence] = Evidence.READ_BACK

    def _apply(self, ref: str) -> Receipt:
        return Receipt(Outcome.ABSENT, (ASKED,))


def test_an_order_is_no_proof_that_the_person_was_found_by_whoever_can_look_later(
    closed: tuple[App, Mapping[str, Machine]],
) -> None:
    app, machines = closed
    app.resync.apply(app.resync.plan(Selection(events=(event(app).id,), destination="analytics")), WHY)
    worker = Lane(
        "analytics", Reading(machines["analytics"]), app.transactions, app.store, app.leases, app.seals, app.stop
    )
    try:
        worker.turn()
    finally:
        worker.release()

    assert states(app)["analytics"] == ("confirmed", "absent", None)
    require_sound(app)


def test_what_was_passed_on_stays_so_in_every_text_though_it_could_not_be_asked_again(install: Installed) -> None:
    app, machines = install(alone=True, clarity="unasked")
    machines["clarity"].knows_how = True
    put(app, "erasure", PERSON, "k1")
    drain(app)
    machines["clarity"].knows_how = False
    app.resync.apply(app.resync.plan(Selection(addresses=((event(app).id, PERSON),))), "the id is no good any more")
    drain(app)
    app.notary.make()

    assert states(app)["clarity"] == ("not_applicable", None, "no_identifier")
    page = told_by("".join(dossier_html(look_up(app, app.dossiers.of_event(event(app).id)))))
    assert "We had passed the request on to it on" in page
    assert not any(said in page for said in ("could not be asked", "nothing to check"))
    assert "before, it had been passed on, and could not be checked:" in report_text(whole(app))
    assert "before, it had been passed on" in told_by("".join(report_html(whole(app))))
    require_sound(app)


def test_who_can_be_found_since_is_asked_for_when_it_starts_over(closed: tuple[App, Mapping[str, Machine]]) -> None:
    app, machines = closed
    machines["clarity"].knows_how = True

    app.resync.apply(app.resync.plan(Selection(events=(event(app).id,), destination="clarity")), "an id was brought")
    drain(app)

    row = delivery(app, "clarity")
    assert (row.state, row.code, row.settles_on, row.lapses_on) == ("accepted", None, THROUGH, None)
    require_sound(app)


def test_once_the_address_is_gone_it_has_to_be_brought_again_and_goes_again(install: Installed, clock: Clock) -> None:
    app, machines = install(alone=True, analytics="taking")
    put(app, "erasure", PERSON, "k1")
    drain(app)
    mine = event(app).id

    plan = app.resync.plan(Selection(events=(mine,)))

    assert plan.deliveries == ()
    assert [str(line) for line in plan.skipped] == [
        f"{mine} analytics: its address was shredded; bring it again with --file"
    ]
    app.resync.apply(app.resync.plan(Selection(addresses=((mine, PERSON),))), WHY)
    assert event(app).email_sealed is not None
    clock.advance(minutes=1)
    drain(app)
    assert machines["analytics"].calls == ["apply", "apply"]
    assert (event(app).state, event(app).email_sealed, event(app).shredded_at) == ("fulfilled", None, clock())
    require_sound(app)


# -- what is closed stays closed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "said"),
    [
        ("analytics", "passed on, and nobody can read back what becomes of it"),
        ("ads", "settled by a person"),
        ("clarity", "not applicable"),
    ],
)
def test_what_is_closed_is_not_exempted_and_the_refusal_says_how_it_is_closed(
    closed: tuple[App, Mapping[str, Machine]], destination: str, said: str
) -> None:
    app, _ = closed

    with pytest.raises(UserError) as refused:
        app.interventions.exempt(event(app).id, destination, Ground.OTHER, "not needed")

    assert f"the delivery at {destination} is {said}; only a held one can be exempted" in str(refused.value)
    require_sound(app)


def test_a_request_of_which_nothing_is_open_is_not_withdrawn_and_nothing_passed_on_is_called_back(
    closed: tuple[App, Mapping[str, Machine]],
) -> None:
    app, _ = closed

    with pytest.raises(UserError) as refused:
        app.withdrawals.plan(event(app).id)

    assert "what was carried out or passed on cannot be called back" in str(refused.value)


def test_a_withdrawal_says_of_each_recipient_what_had_become_of_it(
    install: Installed, mailchimp: MailchimpSandbox
) -> None:
    app, machines = install(analytics="taking", clarity="unasked", ads="lying", later="lying")
    for name in ("ads", "later"):
        machines[name].outcome = Outcome.ABSENT
    put(app, "erasure", PERSON, "k1")
    drain(app)
    attest(app, "ads", "refused")
    assert event(app).state == "held"

    done = app.withdrawals.withdraw(event(app).id, "the wrong person was typed")

    assert {item.destination: str(item.happened) for item in done.deliveries} == {
        "newsletter": "not_held", "analytics": "passed_on", "clarity": "not_applicable", "ads": "settled",
        "later": "asked",
    }  # fmt: skip
    assert {name: state for name, (state, _, _) in states(app).items()} == {
        "newsletter": "confirmed", "analytics": "accepted", "clarity": "not_applicable", "ads": "attested",
        "later": "exempt",
    }  # fmt: skip
    require_sound(app)


def test_what_a_person_settled_is_closed_to_the_answer_of_a_call_that_was_under_way(install: Installed) -> None:
    app, machines = install(alone=True, ads="lying")
    machines["ads"].outcome = Outcome.ABSENT
    put(app, "erasure", PERSON, "k1")
    drain(app)
    attest(app, "ads")

    with app.transactions.write() as tx:
        held = app.store.closed(tx, {delivery(app, "ads").id})

    assert held == {delivery(app, "ads").id}


# -- the guard ----------------------------------------------------------------------------------------------


def test_what_was_passed_on_has_begun_and_does_not_wait_any_more(install: Installed) -> None:
    app, machines = install(alone=True, guard=FIVE, analytics="taking")
    flood(app, 5)
    drain(app)
    assert len(machines["analytics"].orders) == 5

    with app.engine.connect() as connection:
        stands = app.guards.standing(connection, "analytics")
    assert (stands.counted, stands.waiting, stands.stopped) == (5, 0, 0)

    flood(app, 3, name="more")
    drain(app)
    assert len(machines["analytics"].orders) == 5, "the sixth of the day waits for a person"
    assert lane(app, "analytics").guard_since is not None
    require_sound(app)


def test_sending_again_what_was_passed_on_counts_as_a_deletion_that_begins(install: Installed) -> None:
    app, _ = install(alone=True, guard=FIVE, analytics="taking")
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    drain(app)
    flood(app, 4)
    drain(app)

    plan = app.resync.plan(Selection(addresses=((event_of(app, "k1"), PERSON),)))

    assert (plan.deletions, plan.to_release) == (1, frozenset({event_of(app, "k1")}))


@pytest.mark.parametrize("receipt", [Receipt(Outcome.ACCEPTED, ()), Receipt(Outcome.NOT_APPLICABLE, ())])
def test_what_a_person_started_over_during_its_call_waits_at_no_guard_once_it_is_closed(receipt: Receipt) -> None:
    receipt = replace(receipt, reason=Inapplicable.NO_IDENTIFIER)
    decision = judge(DELIVERY, Phase.APPLY, receipt, NOW, lambda low, high: high)

    row = decided_row(Finished(DELIVERY, Phase.APPLY, receipt, decision))

    assert (row["untried"], row["claim_rank"], row["next_attempt_at"]) == (None, None, None)


def event_of(app: App, key: str) -> str:
    return str(next(row.id for row in rows(app, app.tables.event) if row.event_key == key))
