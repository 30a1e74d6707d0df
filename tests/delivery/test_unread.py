"""Recipients of which nobody can read back what became of an order: closed as what they are, never as confirmed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Inapplicable, Outcome, Receipt
from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.delivery.lane import Lane
from syncer.delivery.senders import BURST_CALLS
from syncer.domain.endings import Ending
from syncer.domain.model import State
from syncer.domain.policy import Phase, judge
from syncer.events.mapping import Finished, decided_row
from syncer.service.drain import drain
from syncer.setup.granted.work import DELIVERY_CHANGED
from tests.conftest import AUDIENCES, Clock
from tests.support.deliveries import DELIVERY, NOW
from tests.support.looks import look_at
from tests.support.unread.adapters import LAPSES, THROUGH, Machine, Processing, Unread
from tests.support.unread.installation import Installed, installer
from tests.support.walk import PERSON, event, put, rows, states, whats


@pytest.fixture
def install(settings_file: Callable[..., Path], clock: Clock) -> Iterator[Installed]:
    with installer(settings_file, clock) as install:
        yield install


def delivery(app: App, destination: str) -> Any:
    return next(row for row in rows(app, app.tables.delivery) if row.destination == destination)


def entry(app: App, what: str) -> dict[str, Any]:
    """The facts of the last entry of that kind."""
    return dict([each.facts or {} for each in app.ledger.entries((what,))][-1])


def require_sound(app: App) -> None:
    """Require that chain, meaning and tables agree."""
    finding = app.verify()
    assert (finding.ok, finding.reason) == (True, None)


def asked(app: App, right: str = "erasure") -> None:
    put(app, right, PERSON, "k1")
    drain(app)


@pytest.mark.parametrize("right", ["erasure", "objection"])
def test_an_order_that_was_taken_is_closed_as_passed_on_and_nothing_more(install: Installed, right: str) -> None:
    app, machines = install(alone=True, analytics="taking")

    asked(app, right)

    row = delivery(app, "analytics")
    assert (row.state, row.outcome, row.code, row.settles_on, row.confirmed_at) == (
        "accepted", None, None, THROUGH, None,
    )  # fmt: skip
    assert (row.attempts, row.next_attempt_at, row.claim_rank, row.untried) == (1, None, None, None)
    assert row.applied_at is not None
    assert machines["analytics"].calls == ["apply"], "nobody looks where nobody can"
    facts = entry(app, "delivery:accepted")
    assert (facts["phase"], facts["attempt"], facts["settles_on"]) == ("apply", 1, THROUGH.isoformat())
    assert [step["call"] for step in facts["steps"]] == ["POST /orders"]
    assert event(app).state == "fulfilled"
    assert not {"delivery:confirmed", "delivery:applied"} & set(whats(app))
    require_sound(app)


def test_what_was_read_back_and_what_was_passed_on_are_told_apart(
    install: Installed, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    app, _ = install(analytics="taking", clarity="unasked")

    asked(app)

    assert states(app) == {
        "newsletter": ("confirmed", "done", None),
        "analytics": ("accepted", None, None),
        "clarity": ("not_applicable", None, "no_identifier"),
    }
    (shown,) = app.reader.events()
    assert (shown.state, shown.ending) == ("fulfilled", Ending.ANSWERED)
    require_sound(app)


def test_a_recipient_that_says_later_that_it_is_through_is_asked_until_then_and_passed_on(
    install: Installed, clock: Clock
) -> None:
    app, machines = install(alone=True, ads="processing")
    machines["ads"].through = False
    asked(app)
    assert states(app)["ads"] == ("retrying", None, "not_yet")
    assert event(app).state == "open"
    require_sound(app)
    machines["ads"].through = True
    clock.advance(hours=7)

    drain(app)

    row = delivery(app, "ads")
    assert (row.state, row.outcome, row.settles_on, row.confirmed_at) == ("accepted", None, THROUGH, None)
    facts = entry(app, "delivery:accepted")
    assert (facts["phase"], facts["attempt"]) == ("confirm", 2)
    assert [step["call"] for step in facts["steps"]] == ["GET /orders/{order}"]
    assert machines["ads"].calls == ["apply", *["confirm"] * BURST_CALLS, "apply", "confirm"]
    assert len(machines["ads"].orders) == 1
    assert (event(app).state, "delivery:confirmed" in whats(app)) == ("fulfilled", False)
    require_sound(app)


def test_who_cannot_be_found_there_is_closed_as_that_with_the_day_on_which_the_data_ends(install: Installed) -> None:
    app, machines = install(alone=True, clarity="unasked")

    asked(app)

    row = delivery(app, "clarity")
    assert (row.state, row.code, row.lapses_on, row.applied_at) == ("not_applicable", "no_identifier", LAPSES, None)
    facts = entry(app, "delivery:not_applicable")
    assert (facts["code"], facts["lapses_on"]) == ("no_identifier", LAPSES.isoformat())
    assert (machines["clarity"].orders, event(app).state) == ([], "fulfilled")
    require_sound(app)


@pytest.mark.parametrize(
    ("kind", "claimed"),
    [
        ("lying", Outcome.ABSENT),
        ("lying", Outcome.NOT_APPLICABLE),  # and does not say why
        ("lying_later", Outcome.DONE),
        ("lying_later", Outcome.ABSENT),
        ("lying_later", Outcome.NOT_APPLICABLE),  # though it was asked
    ],
)
def test_an_adapter_that_claims_what_it_cannot_know_is_not_believed(
    install: Installed, kind: str, claimed: Outcome
) -> None:
    app, machines = install(alone=True, ads=kind)
    machines["ads"].outcome = claimed

    asked(app)

    row = delivery(app, "ads")
    assert (row.state, row.code, row.outcome, row.confirmed_at) == ("held", "unproven", None, None)
    assert entry(app, "delivery:held")["steps"], "what it did call stays on record"
    assert event(app).state == "held"
    assert not {"delivery:confirmed", "event:fulfilled"} & set(whats(app))
    require_sound(app)


@pytest.mark.parametrize("word", ["accepted", "not_applicable"])
def test_an_outcome_that_nobody_writes_is_held_and_nothing_is_confirmed_with_it(
    install: Installed, clock: Clock, word: str
) -> None:
    app, machines = install(alone=True, ads="processing")
    machines["ads"].through = False
    asked(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE syncer_delivery SET outcome = '{word}'")
    clock.advance(hours=7)

    drain(app)

    assert states(app)["ads"][::2] == ("held", "damaged")
    assert "delivery:confirmed" not in whats(app)


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt(Outcome.ACCEPTED, (), settles_on=THROUGH),
        Receipt(Outcome.NOT_APPLICABLE, (), reason=Inapplicable.RIGHT_NOT_OFFERED, lapses_on=LAPSES),
    ],
)
def test_the_daemons_account_may_write_all_that_such_an_answer_changes(receipt: Receipt) -> None:
    decision = judge(DELIVERY, Phase.APPLY, receipt, NOW, lambda low, high: high)

    assert set(decided_row(Finished(DELIVERY, Phase.APPLY, receipt, decision))) <= set(DELIVERY_CHANGED)


# -- nobody looks again -------------------------------------------------------------------------------------


@pytest.mark.parametrize("forged", ["garbage", "2027-13-45", 12345])
def test_a_day_that_is_none_makes_its_request_damaged_and_hides_no_other(install: Installed, forged: object) -> None:
    app, _ = install(alone=True, analytics="taking")
    asked(app)
    put(app, "erasure", "other@x.test", "k2")
    drain(app)
    with app.engine.begin() as connection:
        first = "(SELECT id FROM syncer_event WHERE event_key = 'k2')"
        change = f"UPDATE syncer_delivery SET settles_on = ? WHERE event_id = {first}"
        connection.exec_driver_sql(change, (forged,))

    shown = {each.event_key: each.deliveries[0].code for each in app.reader.events()}

    assert (shown.pop("k2"), set(shown.values())) == ("damaged", {None})


def test_no_forged_moment_makes_what_was_passed_on_look_read_back(install: Installed, clock: Clock) -> None:
    app, _ = install(alone=True, analytics="taking")
    asked(app)
    with app.engine.begin() as connection:
        connection.execute(app.tables.delivery.update().values(confirmed_at=clock()))

    (shown,) = app.reader.events()

    assert shown.deliveries[0].confirmed_at is None


@pytest.mark.parametrize("kind", ["taking", "processing", "unasked"])
def test_where_nothing_was_read_back_no_recheck_is_planned_and_the_address_goes_at_once(
    install: Installed, clock: Clock, kind: str
) -> None:
    app, machines = install(alone=True, analytics=kind)
    asked(app)
    before = list(machines["analytics"].calls)

    found = event(app)
    assert (found.next_recheck_at, found.email_sealed, found.shredded_at) == (None, None, clock())
    assert whats(app)[-2:] == ["event:fulfilled", "identity:shredded"]
    clock.advance(days=8)
    assert app.store.start_rechecks() == 0
    drain(app)
    assert machines["analytics"].calls == before
    require_sound(app)


def test_beside_what_was_read_back_the_address_stays_until_its_rechecks_and_only_that_is_read_again(
    install: Installed, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    app, machines = install(analytics="taking")
    asked(app)
    assert event(app).next_recheck_at == clock() + timedelta(days=1)

    for days in (1, 6):
        assert event(app).email_sealed is not None
        clock.advance(days=days, hours=1)
        assert app.store.start_rechecks() == 1
        assert states(app)["analytics"][0] == State.ACCEPTED
        drain(app)

    assert machines["analytics"].calls == ["apply"]
    assert (event(app).state, event(app).email_sealed) == ("fulfilled", None)
    require_sound(app)


@pytest.mark.parametrize("kind", [Unread, Processing])
def test_what_was_read_back_before_is_held_at_its_recheck_since_an_adapter_is_set_that_cannot_read(
    install: Installed, clock: Clock, mailchimp: MailchimpSandbox, kind: type[Unread]
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    app, _ = install(analytics="taking")
    asked(app)
    clock.advance(days=1, hours=1)
    assert app.store.start_rechecks() == 1
    machine = Machine(through=False)
    worker = Lane("newsletter", kind(machine), app.transactions, app.store, app.leases, app.seals, app.stop)
    try:
        worker.turn()
    finally:
        worker.release()

    assert states(app)["newsletter"] == ("held", None, "unsupported_action")
    assert machine.calls == [], "nobody is said to have come back on the word of an order"
    assert "delivery:reappeared" not in whats(app)
    require_sound(app)


def test_nobody_who_comes_back_is_looked_for_where_nobody_can_look(install: Installed, clock: Clock) -> None:
    app, machines = install(alone=True, analytics="taking")
    asked(app)

    for _ in range(3):
        look = look_at(app, "analytics", whole=True)
        assert (look.since, look.seen, look.complete) == (None, 0, True)
        clock.advance(days=1)

    assert "changed" not in machines["analytics"].calls
    assert [row.destination for row in rows(app, app.tables.watch)] == [], "one that reads there later starts anew"
    assert app.ledger.verify().ok


def test_the_drift_report_asks_nobody_of_what_was_passed_on(install: Installed) -> None:
    app, machines = install(alone=True, analytics="taking")
    asked(app)

    assert app.drift.compare("analytics", app.adapter("analytics")) == []
    assert machines["analytics"].calls == ["apply"]


def test_what_was_read_back_before_is_unknown_to_the_drift_report_since_an_adapter_is_set_that_cannot_read(
    install: Installed, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    app, machines = install(analytics="taking")
    asked(app)

    (found,) = app.drift.compare("newsletter", app.adapter("analytics"))

    assert (found.recorded, found.today, found.code) == ("done", "unknown", "unsupported_action")
    assert machines["analytics"].calls == ["apply"]
