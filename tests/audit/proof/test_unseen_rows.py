"""Rows of deliveries that nobody read back: what somebody changes there is found, as at every other row."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.database.connections import writing
from syncer.decisions.resync_plan import Selection
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.unread.ended import ended
from tests.support.unread.installation import installed
from tests.support.walk import PERSON, event, put, states, whats, written

#: destination, what is put there, what is said of it
FORGED = {
    "through later": ("analytics", "settles_on = '2099-01-20'", "its settles_on is 2099-01-20"),
    "through at some time": ("analytics", "settles_on = NULL", "its settles_on is empty"),
    "gone by itself later": ("clarity", "lapses_on = '2099-12-28'", "its lapses_on is 2099-12-28"),
    "gone by itself at some time": ("clarity", "lapses_on = NULL", "its lapses_on is empty"),
    "no right there": ("clarity", "code = 'right_not_offered'", "its code is right_not_offered"),
    "not asked for no reason": ("clarity", "code = NULL", "its code is empty"),
    "it refused": ("ads", "code = 'refused'", "its code is refused"),
    "it held nothing": ("ads", "code = 'no_data'", "its code is no_data"),
    "passed on, called read back": ("analytics", "state = 'confirmed'", "is confirmed in its table"),
    "settled, called read back": ("ads", "state = 'confirmed'", "is confirmed in its table"),
    "not asked, called passed on": ("clarity", "state = 'accepted'", "is accepted in its table"),
    "passed on, called carried out": ("analytics", "outcome = 'done'", "its outcome is done"),
    "read back, called passed on": ("newsletter", "state = 'accepted'", "is accepted in its table"),
    "exempt, called settled": ("court", "state = 'attested'", "is attested in its table"),
}


@pytest.fixture
def app(settings_file: Callable[..., Path], clock: Clock, mailchimp: MailchimpSandbox) -> Iterator[App]:
    with ended(settings_file, clock, mailchimp) as app:
        yield app


def change(app: App, destination: str, what: str) -> None:
    with writing(app.engine) as connection:
        connection.exec_driver_sql(f"UPDATE syncer_delivery SET {what} WHERE destination = '{destination}'")


def test_each_forged_word_and_day_is_named(app: App) -> None:
    assert app.verify().ok
    delivery = app.tables.delivery
    with app.engine.connect() as connection:
        before = connection.execute(sa.select(delivery)).all()
    for attack, (destination, what, named) in FORGED.items():
        change(app, destination, what)

        finding = app.verify()

        assert (finding.ok, finding.first_bad) == (False, None), attack
        assert named in str(finding.reason), attack
        assert named in str(app.verify_since([before[0].event_id]).reason), attack
        with writing(app.engine) as connection:
            connection.execute(delivery.delete())
            connection.execute(delivery.insert(), [written(delivery, row) for row in before])
    assert app.verify().ok


def test_a_day_that_is_none_is_named_and_not_raised(app: App) -> None:
    for value in ("'soon'", "12", "x'ff'", "''"):
        change(app, "analytics", f"settles_on = {value}")

        assert "its settles_on is" in str(app.verify().reason), value


@pytest.mark.parametrize("claimed", ["accepted", "attested", "not_applicable"])
def test_a_row_that_is_closed_without_the_log_is_held_before_its_request_is_called_fulfilled(
    settings_file: Callable[..., Path], clock: Clock, claimed: str
) -> None:
    with installed(settings_file, clock, analytics="processing") as (app, machines):
        machines["analytics"].through = False
        put(app, "erasure", PERSON, "k1")
        drain(app)
        change(app, "analytics", f"state = '{claimed}', next_attempt_at = NULL, claim_rank = NULL")

        with app.transactions.write() as tx:
            app.store.settle(tx, {event(app).id})

        assert states(app)["analytics"] == ("held", None, "damaged")
        assert (event(app).state, "event:fulfilled" in whats(app)) == ("held", False)


def test_what_is_sent_again_after_its_entries_were_purged_ends_as_before(
    settings_file: Callable[..., Path], clock: Clock
) -> None:
    with installed(settings_file, clock, alone=True, analytics="processing") as (app, machines):
        clock.advance(days=-40 * 31)
        put(app, "erasure", PERSON, "k1")
        drain(app)
        app.notary.make()
        clock.advance(days=40 * 31)
        assert app.purge.carry_out().bodies.count > 0
        mine, machines["analytics"].through = event(app).id, False

        app.resync.apply(app.resync.plan(Selection(addresses=((mine, PERSON),))), "they asked again")
        drain(app)
        assert (states(app)["analytics"][0], event(app).state) == ("retrying", "open")
        machines["analytics"].through = True
        clock.advance(hours=7)
        drain(app)

        assert (states(app)["analytics"][0], event(app).state) == ("accepted", "fulfilled")
        assert app.verify().ok
