"""Two daemons whose settings differ: who started last decides, the log says so, and nobody writes in shadow."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from adapters.contract import Action, Limits, Outcome, Preview, Receipt, Step, Subject
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.delivery.in_flight import AHEAD
from syncer.delivery.lane import Lane
from syncer.delivery.shadow.lane import ShadowLane
from syncer.service.drain import prepare
from syncer.settings.destinations import LIVE, SHADOW
from tests.conftest import AUDIENCES
from tests.support.operate.shadow import all_in_shadow, changes, reopened
from tests.support.walk import PERSON, put, rows, states, whats


class Switching(Mailchimp):
    """A destination that holds nobody, and during whose first call somebody changes the mode of its lane."""

    def __init__(self, switch: Callable[[], object]) -> None:
        self._switch: Callable[[], object] | None = switch

    @property
    def limits(self) -> Limits:
        return Limits(1)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        self._at_first()
        return Receipt(Outcome.ABSENT, (Step("all", "GET /", 200, None, 1),))

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        self._at_first()
        return Preview((), ())

    def close(self) -> None: ...

    def _at_first(self) -> None:
        switch, self._switch = self._switch, None
        if switch is not None:
            switch()


def lane_of(app: App, kind: type[Lane], switch: Callable[[], object]) -> Lane:
    return kind("newsletter", Switching(switch), app.transactions, app.store, app.leases, app.seals, app.stop)


def other(app: App, mode: str) -> App:
    """Another process of the same installation, whose settings say this of every destination."""
    made = reopened(app, dict.fromkeys(app.settings.destinations, mode))
    made.leases.owner = f"{made.leases.owner}-{mode}"
    return made


def newsletter(app: App) -> Lane:
    return next(lane for lane in app.lanes() if lane.name == "newsletter")


def test_a_live_daemon_stops_and_hands_over_once_another_one_started_in_shadow(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    live, shadow = other(app, LIVE), other(app, SHADOW)
    live.modes.settle()
    writing = newsletter(live)
    writing.turn()
    assert writing.owned

    shadow.modes.settle()
    reading = newsletter(shadow)
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    for lane in (writing, writing, reading):
        lane.turn()

    assert not writing.owned and reading.owned
    assert changes(mailchimp) == []
    assert states(app)["newsletter"] == ("pending", None, "shadowed")
    assert whats(app).count("lane:shadowed") == 2, "the one of each destination"
    for lane in (writing, reading):
        lane.release()


def test_what_a_shadow_daemon_has_in_hand_when_another_goes_live_is_not_kept_as_previewed(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    shadow, live = other(app, SHADOW), other(app, LIVE)
    shadow.modes.settle()
    reading = newsletter(shadow)
    reading.turn()
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    live.modes.settle()
    writing = newsletter(live)
    for lane in (reading, reading, writing):
        lane.turn()

    assert writing.owned and not reading.owned
    assert states(app)["newsletter"][0] == "confirmed"
    assert "delivery:previewed" not in whats(app)
    for lane in (writing, reading):
        lane.release()


def test_nothing_begins_after_the_moment_in_which_somebody_put_a_lane_at_work_into_shadow(app: App) -> None:
    live, shadow = other(app, LIVE), other(app, SHADOW)
    live.modes.settle()
    for number in range(3 * AHEAD):
        put(app, "erasure", f"person{number}@mail.test", f"k{number}")
    prepare(app)
    worker = lane_of(live, Lane, shadow.modes.settle)

    worker.turn()
    worker.release()

    told = [(entry.what, entry.destination) for entry in app.ledger.entries(("delivery:attempted", "lane:shadowed"))]
    begun_before = told.index(("lane:shadowed", "newsletter"))
    assert 0 < begun_before < 3 * AHEAD
    assert ("delivery:attempted", "newsletter") not in told[begun_before:]
    assert app.verify().ok, "what was in hand is recorded"


def test_nothing_is_kept_as_previewed_after_the_moment_in_which_somebody_went_live(app: App) -> None:
    shadow, live = other(app, SHADOW), other(app, LIVE)
    shadow.modes.settle()
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    worker = lane_of(shadow, ShadowLane, live.modes.settle)

    worker.turn()

    assert not worker.owned
    assert states(app)["newsletter"] == ("pending", None, None)
    assert live.store.due_now("newsletter") == 1
    worker.release()


def test_each_change_is_audited_once_and_the_lanes_say_since_when(app: App) -> None:
    shadow = all_in_shadow(app)
    assert [(each.destination, each.mode) for each in shadow.modes.settle()] == [
        ("newsletter", SHADOW),
        ("crm", SHADOW),
    ]
    assert shadow.modes.settle() == []
    assert all(row.shadow_since is not None for row in rows(app, app.tables.lane))

    assert len(reopened(app, {"crm": SHADOW}).modes.settle()) == 1
    assert {row.destination: row.shadow_since is not None for row in rows(app, app.tables.lane)} == {
        "newsletter": False,
        "crm": True,
    }
    assert whats(app).count("lane:shadowed") == 2 and whats(app).count("lane:live") == 1


def test_a_change_that_was_broken_off_is_brought_to_its_end_by_the_next_start(app: App) -> None:
    put(app, "objection", PERSON, "k1")
    shadow = all_in_shadow(app)
    shadow.modes.settle()
    prepare(shadow)
    for lane in shadow.lanes():
        lane.turn()
        lane.release()
    with app.transactions.write() as tx:  # the mode is written, and the process dies before the deliveries are
        tx.connection.execute(app.tables.lane.update().values(shadow_since=None))

    assert reopened(app, {}).modes.settle() == []

    made_due = rows(app, app.tables.delivery)
    assert [(row.code, row.claim_rank) for row in made_due] == [(None, 0), (None, 0)]
    assert all(row.next_attempt_at is not None for row in made_due)
