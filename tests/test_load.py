"""A large backlog: the planner of each engine uses the indexes, and order and fairness hold.

SYNCER_LOAD sets the number of rows of each kind (20,000; `SYNCER_LOAD=1000000` is the real thing).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer import claims
from syncer.app import App, initialise, load_settings, open_app
from syncer.model import State
from syncer.report import Reader
from tests import backlog
from tests.conftest import Clock
from tests.servers import ENGINES

ROWS = int(os.environ.get("SYNCER_LOAD", "20000"))
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def loaded(settings_file: Callable[..., Path]) -> Iterator[App]:
    """An installation with as many finished, waiting and sleeping deliveries of the one lane, and a small other one."""
    settings = load_settings(settings_file())
    initialise(settings)
    app = open_app(settings, clock=Clock(START))
    today = START.date()
    for name, state, at in (
        ("done", State.CONFIRMED, None),
        ("wait", State.PENDING, START - timedelta(hours=1)),
        ("sleep", State.RETRYING, START + timedelta(hours=6)),
    ):
        backlog.add(app.engine, app.tables, name, ROWS, state=state, at=at, today=today, destination="crm")
    backlog.add(
        app.engine, app.tables, "other", 30, state=State.PENDING, at=START, today=today, destination="newsletter"
    )
    backlog.queue(app.engine, app.tables, ROWS, 300, START)
    backlog.analyze(app.engine, app.tables)
    yield app
    app.close()


def plans(app: App, action: Callable[[], object]) -> str:
    """Let something happen, and return what the engine says of every SELECT that it made."""
    seen: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, bound: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            seen.append((statement, bound))

    sa.event.listen(app.engine, "before_cursor_execute", note)
    action()
    sa.event.remove(app.engine, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if app.engine.dialect.name == "sqlite" else "EXPLAIN"
    with app.engine.connect() as connection:
        found = [connection.exec_driver_sql(f"{word} {statement}", bound) for statement, bound in seen]
        return "\n".join(str(tuple(row)) for rows in found for row in rows)


def whole_tables(text: str) -> list[str]:
    """Return the lines of a plan that read a table from end to end."""
    return [
        line
        for line in text.splitlines()
        if "Seq Scan" in line or "'ALL'" in line or ("SCAN syncer_" in line and "INDEX" not in line)
    ]


@every_engine
def test_a_claim_among_few_finds_them_by_their_time(loaded: App) -> None:
    found = plans(loaded, lambda: loaded.store.claim("newsletter", START, 100))

    assert "ix_syncer_delivery_due" in found, found
    assert not [line for line in whole_tables(found) if "syncer_" in line], found


@every_engine
def test_a_claim_among_many_finds_them_by_their_urgency(loaded: App) -> None:
    found = plans(loaded, lambda: loaded.store.claim("crm", START, 100))

    assert "ix_syncer_delivery_due" in found, found
    assert "ix_syncer_delivery_urgency" in found, found
    assert not [line for line in whole_tables(found) if "syncer_" in line], found


@every_engine
def test_rechecks_and_the_queue_are_found_by_an_index(loaded: App) -> None:
    loaded.store.start_rechecks((1, 7))  # the first write of a process also compares the database with its notes
    found = plans(loaded, lambda: loaded.store.start_rechecks((1, 7)))
    assert "ix_syncer_event_recheck" in found, found
    assert whole_tables(found) == []

    found = plans(loaded, lambda: loaded.queue.waiting(200))
    assert "ix_syncer_queue_taken" in found, found
    found = plans(loaded, loaded.queue.count)
    assert "ix_syncer_queue_taken" in found, found


@every_engine
def test_status_counts_in_an_index_and_is_right(loaded: App) -> None:
    found = plans(loaded, lambda: loaded.store.due_now("crm"))
    assert "ix_syncer_delivery_due" in found or "ix_syncer_delivery_urgency" in found, found

    status = Reader(loaded).status()

    assert status["destinations"]["crm"]["pending"] == ROWS
    assert status["destinations"]["crm"]["confirmed"] == ROWS
    assert status["destinations"]["newsletter"]["pending"] == 30
    assert status["events"]["fulfilled"] == ROWS
    assert status["queue"]["waiting"] == 300


@every_engine
def test_objections_come_first_then_near_due_days_then_who_waits_longest(loaded: App) -> None:
    claimed = loaded.store.claim("crm", START, 200)

    assert len(claimed) == 200
    d = loaded.tables.delivery.c
    with loaded.engine.connect() as connection:
        rows = connection.execute(
            sa.select(d.id, d.claim_rank, d.due_on, d.next_attempt_at).where(d.id.in_([item.id for item in claimed]))
        ).all()
    order = {row.id: (row.claim_rank, row.due_on, row.next_attempt_at, row.id) for row in rows}
    keys = [order[item.id] for item in claimed]
    assert keys == sorted(keys)
    assert {item.right for item in claimed} == {"objection"}
    assert keys[0][1] == START.date()


@every_engine
def test_what_is_under_way_is_left_out_of_the_next_claim(loaded: App) -> None:
    first = loaded.store.claim("crm", START, 100)
    second = loaded.store.claim("crm", START, 100, [item.id for item in first])

    assert len(second) == 100
    assert not {item.id for item in first} & {item.id for item in second}


@every_engine
def test_a_due_delivery_behind_all_that_sleep_is_found(loaded: App) -> None:
    d = loaded.tables.delivery
    with loaded.engine.begin() as connection:
        # every waiting one has failed and sleeps; one erasure, due last of all, is left
        connection.execute(
            d.update()
            .where(d.c.destination == "crm", d.c.state == State.PENDING)
            .values(state=State.RETRYING, next_attempt_at=START + timedelta(hours=3))
        )
    late = timedelta(days=400)
    backlog.add(
        loaded.engine, loaded.tables, "last", 1, state=State.PENDING, at=START, today=START.date() + late,
        destination="crm",
    )  # fmt: skip

    assert [item.event_id for item in loaded.store.claim("crm", START, 100)] == ["last-0000000"]


@every_engine
def test_many_due_deliveries_behind_many_that_sleep_are_found_by_their_day(loaded: App) -> None:
    d = loaded.tables.delivery
    with loaded.engine.begin() as connection:
        # all objections sleep; the erasures are due, more of them than are sorted by time
        connection.execute(
            d.update()
            .where(d.c.destination == "crm", d.c.claim_rank == 0)
            .values(next_attempt_at=START + timedelta(hours=3))
        )

    claimed = loaded.store.claim("crm", START, 100)

    assert ROWS > claims.FEW * 2
    assert len(claimed) == 100
    assert {item.right for item in claimed} == {"erasure"}


@every_engine
def test_a_lane_with_a_huge_backlog_starves_no_other(loaded: App) -> None:
    assert len(loaded.store.claim("newsletter", START, 100)) == 30
    assert loaded.store.due_now("newsletter") == 30
    assert loaded.store.due_now("crm") == ROWS
