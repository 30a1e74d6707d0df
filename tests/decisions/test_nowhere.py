"""A request that came while no destination was configured: nobody was told, so it waits for a person, and can end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.database.connections import writing
from syncer.domain.endings import Ending
from syncer.errors import UserError
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.processes import inside as run
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, event, put, rows, whats

WHY = ("--reason", "it is submitted again, now that there are recipients")
OF_NOBODY = "Nobody was told of the request."


@pytest.fixture
def bare(make_app: Callable[..., App], clock: Clock) -> Iterator[App]:
    """Give an installation that lost its destinations, and an erasure that came since."""
    path = make_app().settings.path
    path.write_text(path.read_text(encoding="utf-8").partition("[destinations.")[0], encoding="utf-8")
    with open_app(load_settings(path), clock=clock) as app:
        put(app, "erasure", PERSON, "k1", received_at=clock() - timedelta(days=60))
        drain(app)
        yield app


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_it_is_held_until_a_person_withdraws_it_and_its_address_goes_then(bare: App) -> None:
    held = event(bare)
    assert (held.state, held.code, held.fulfilled_at) == ("held", "no_destination", None)
    assert held.email_sealed is not None
    assert rows(bare, bare.tables.delivery) == []

    plan = bare.withdrawals.plan(held.id)
    assert (plan.deliveries, plan.closes, plan.before) == ((), True, False)
    bare.withdrawals.withdraw(held.id, "again", plan.digest)

    ended = event(bare)
    assert (ended.state, ended.code, ended.email_sealed, ended.next_recheck_at) == ("fulfilled", None, None, None)
    assert whats(bare).count("event:fulfilled") == 1
    assert [each.ending for each in bare.reader.events()] == [Ending.NOBODY]
    assert bare.verify().ok


def test_a_second_withdrawal_changes_nothing(bare: App) -> None:
    bare.withdrawals.withdraw(event(bare).id, "again")
    before = whats(bare)

    again = bare.withdrawals.withdraw(event(bare).id, "again")

    assert (again.before, again.closes) == (True, False)
    assert whats(bare) == before
    assert "nothing was changed" in run(bare.settings.path, "withdraw", "k1", *WHY).stderr


def test_the_report_names_it_and_what_to_do_and_ends_with_what_needs_a_person(bare: App) -> None:
    report = run(bare.settings.path, "report", "--format", "text")

    assert report.returncode == 1
    assert OF_NOBODY in report.stdout
    assert f"syncer withdraw {bare.reader.events()[0].case}" in report.stdout
    assert "Nothing needs a person" not in report.stdout


def test_one_that_an_older_syncer_left_open_is_named_as_well_and_can_be_withdrawn(bare: App) -> None:
    e = bare.tables.event
    with writing(bare.engine) as connection:
        connection.execute(e.update().values(state="open", code=None))

    report = run(bare.settings.path, "report", "--format", "text").stdout
    assert OF_NOBODY in report
    assert "see below what is held" in report
    bare.withdrawals.withdraw(event(bare).id, "again")

    assert event(bare).state == "fulfilled"
    assert OF_NOBODY not in run(bare.settings.path, "report", "--format", "text").stdout


def test_its_dossier_says_that_nobody_was_told(bare: App, tmp_path: Path) -> None:
    letter = tmp_path / "letter.html"
    done = run(bare.settings.path, "dossier", "--out", str(letter), stdin=PERSON)

    assert done.returncode == 1, done.stderr
    assert "no recipient was set up when it came, so nobody was told" in letter.read_text(encoding="utf-8")


def test_a_resync_says_that_there_is_nowhere_to_start_it_over(bare: App) -> None:
    said = run(bare.settings.path, "resync", "--event", event(bare).id, *WHY)

    assert "no destination was configured when it came; submit it again" in said.stdout + said.stderr


def test_what_comes_again_under_its_reference_is_refused_and_not_lost(bare: App) -> None:
    bare.withdrawals.withdraw(event(bare).id, "again")

    assert bare.withdrawals.withdrawn_among(["k1"]) == [event(bare).id]


def test_a_request_whose_deliveries_somebody_deleted_is_damaged_and_no_request_of_nobody(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    app.intake.take_all()
    with writing(app.engine) as connection:
        connection.execute(app.tables.delivery.delete())

    with app.transactions.write() as tx:
        app.store.settle(tx, {event(app).id})

    assert (event(app).state, event(app).code) == ("held", "damaged")
    with pytest.raises(UserError, match="nothing of event"):
        app.withdrawals.withdraw(event(app).id, "again")


def test_check_says_that_there_is_no_destination_and_where_to_add_one(bare: App) -> None:
    done = run(bare.settings.path, "check")

    assert done.returncode == 1
    assert "FAIL destinations: there is none" in done.stdout
    assert f"add a [destinations.NAME] table to {bare.settings.path}" in done.stdout.replace("\n", "")
