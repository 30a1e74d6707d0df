"""Extending a period: once, within the first month, for erasures, with the day on which the person was told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import DDL, Engine

from syncer.app import App
from syncer.database.connections import reading, writing
from syncer.database.engines import opened
from syncer.database.revisions import upgrade
from syncer.database.tables import tables
from syncer.decisions.extension import Extension
from syncer.domain.deadlines import local_day
from syncer.errors import UserError
from syncer.service.drain import drain, prepare
from tests.conftest import Clock
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.servers import ENGINES
from tests.support.walk import event, put, rows

PERSON = "ada@lovelace.test"


def extend(app: App, informed_on: date, reason: str = "many systems to search") -> None:
    app.extensions.extend(Extension(event(app).id, reason, informed_on))


@pytest.fixture
def received(app: App, clock: Clock) -> App:
    """Give one erasure received on 31 January, and the clock two weeks later."""
    clock.now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    clock.advance(days=14)
    return app


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_due_day_moves_to_three_months_after_receipt_from_the_original_day(received: App) -> None:
    extend(received, date(2026, 2, 13))

    (shown,) = received.reader.events()
    due, told = date(2026, 4, 30), date(2026, 2, 13)
    assert (shown.due_on, shown.legal_due_on, shown.informed_on) == (due, due, told)
    assert {row.due_on for row in rows(received, received.tables.delivery)} == {date(2026, 4, 30)}
    (entry,) = received.ledger.entries(("event:extended",))
    assert entry.facts == {
        "reason": "many systems to search",
        "informed_on": "2026-02-13",
        "due_on_before": "2026-02-28",
        "due_on": "2026-04-30",
        "due_rule": "extended: the same date three months after receipt, Europe/Berlin;"
        " the legal date is moved past weekends",
        "legal_due_on": "2026-04-30",
    }
    assert (entry.actor or {})["user"]
    assert received.ledger.verify().ok


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_older_database_gets_the_columns_and_keeps_its_events(database_url: str, tmp_path: Path) -> None:
    with opened(database_url.replace("///", f"///{tmp_path}/")) as engine:
        row = _upgraded_from_the_first_revision(engine)

    assert (row.due_on, row.legal_due_on, row.extended_at, row.informed_on) == (date(2026, 2, 28), None, None, None)


def _upgraded_from_the_first_revision(engine: Engine) -> Any:
    all_tables = tables()
    with writing(engine) as connection:
        config = Config()
        config.set_main_option("script_location", "syncer.database:migrations")
        config.attributes.update({"connection": connection, "tables": all_tables, "queue_here": True})
        command.upgrade(config, "0001")
    with writing(engine) as connection:
        old = {"id": "e1", "event_key": "k1", "state": "open", "rechecks_done": 0, "due_on": date(2026, 2, 28)}
        moment = datetime(2026, 1, 31, tzinfo=UTC)
        connection.execute(all_tables.event.insert().values(**old, received_at=moment, created_at=moment))
        # a machine that failed after the first step on MariaDB, where each is for good
        connection.execute(DDL(f"ALTER TABLE {all_tables.event.name} ADD COLUMN legal_due_on DATE"))

    for _ in range(2):
        upgrade(engine, all_tables, queue_here=True)

    with reading(engine) as connection:
        (row,) = connection.execute(all_tables.event.select()).all()
    return row


def test_it_is_possible_on_the_last_day_of_the_first_month_and_not_after(received: App, clock: Clock) -> None:
    clock.now = datetime(2026, 2, 28, 23, 0, tzinfo=UTC)  # midnight in Berlin
    with pytest.raises(UserError, match="the first month ended on 2026-02-28"):
        extend(received, date(2026, 2, 28))
    clock.advance(microseconds=-1)

    extend(received, date(2026, 2, 28))

    assert event(received).extended_at == clock.now


def test_it_is_possible_once(received: App) -> None:
    extend(received, date(2026, 2, 13))

    with pytest.raises(UserError, match="once"):
        extend(received, date(2026, 2, 14))
    assert len(received.ledger.entries(("event:extended",))) == 1


@pytest.mark.slow
@pytest.mark.parametrize(("day", "said"), [("2026-01-30", "before the request"), ("2026-02-15", "in the future")])
def test_the_day_of_telling_lies_between_receipt_and_today(received: App, day: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        extend(received, date.fromisoformat(day))

    assert event(received).due_on == date(2026, 2, 28)


@pytest.mark.parametrize(("kind", "said"), [("objection", "absolute"), ("nonsense", "not known")])
def test_an_objection_and_an_unknown_right_are_not_extended(app: App, clock: Clock, kind: str, said: str) -> None:
    put(app, kind, PERSON, "k1")
    prepare(app)

    with pytest.raises(UserError, match=said):
        extend(app, clock.now.date())


def test_what_is_carried_out_is_not_extended(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)

    with pytest.raises(UserError, match="nothing to extend"):
        extend(app, clock.now.date())


def test_a_late_event_goes_on_being_tried_and_an_extended_one_is_late_later(received: App, clock: Clock) -> None:
    clock.now = datetime(2026, 2, 20, tzinfo=UTC)
    extend(received, date(2026, 2, 20))
    clock.now = datetime(2026, 3, 5, tzinfo=UTC)
    assert received.status.read().events.overdue == 0
    clock.now = datetime(2026, 5, 5, tzinfo=UTC)
    assert received.status.read().events.overdue == 1

    drain(received)

    assert event(received).state == "fulfilled"
    assert received.status.read().events.overdue == 0


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    run(path, "init")
    return path


def test_the_command_records_it_and_shows_it(settings: Path) -> None:
    for lane in ("newsletter", "crm"):
        run(settings, "pause", lane, "--reason", "only to keep it open")
    run(settings, "submit", "erasure", stdin=PERSON)
    run(settings, "drain")
    (event,) = as_json(settings, "events")
    # the controller's day: near midnight it is not that of UTC
    told = datetime.fromisoformat(event["received_at"]).astimezone(ZoneInfo("Europe/Berlin")).date().isoformat()
    words = ("--reason", "many systems to search", "--informed", told)

    done = run(settings, "extend", event["id"], *words)

    assert done.returncode == 0, done.stderr
    assert "due on " in done.stdout
    assert as_json(settings, "events")[0]["due_on"] > event["due_on"]
    shown = run(settings, "show", event["id"]).stdout
    assert "the period was extended to" in shown
    assert "many systems to search" in shown
    again = run(settings, "extend", event["id"], *words)
    assert (again.returncode, len(again.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("0123456", "--reason", "just because", "--informed", "soon"), "--informed: not a day"),
        (("0123456", "--reason", "just because", "--informed", "2026-01-01"), "there is no event"),
        (("0123456", "--reason", "because\nof this", "--informed", "2026-01-01"), "one line of plain text"),
        (("0123456", "--reason", "because \u202eof this", "--informed", "2026-01-01"), "one line of plain text"),
        (("0123456", "--reason", "just because"), "--informed"),
    ],
)
def test_every_mistake_is_one_line_and_exit_2(settings: Path, words: tuple[str, ...], said: str) -> None:
    done = run(settings, "extend", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_request_that_was_answered_cannot_be_extended_when_the_person_is_back(received: App) -> None:
    drain(received)
    answered = event(received)
    e, d = received.tables.event, received.tables.delivery
    with writing(received.engine) as connection:  # as a recheck leaves it that finds the person again
        connection.execute(e.update().values(state="open", fulfilled_at=None))
        connection.execute(d.update().where(d.c.event_id == answered.id).values(state="retrying"))

    with pytest.raises(UserError, match="was answered before; there is nothing to extend"):
        extend(received, local_day(received.clock(), received.rule.zone))
