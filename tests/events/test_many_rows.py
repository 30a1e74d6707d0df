"""A large backlog: the planner of each engine uses the indexes, and order and fairness hold.

SYNCER_LOAD sets the number of rows of each kind (20,000; `SYNCER_LOAD=1000000` is the real thing).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.domain.model import State
from syncer.events import claims
from syncer.setup.install import initialise
from tests.conftest import SETTINGS, Clock
from tests.support import backlog
from tests.support.servers import ENGINES

ROWS = int(os.environ.get("SYNCER_LOAD", "20000"))
START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
#: since when the waiting ones may be taken up
WAITING = START - timedelta(hours=1)
every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture(scope="module")
def installations(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], App]]:
    """Give the one installation of an engine, filled when first asked for; a test puts back what it changes."""
    opened: dict[str, App] = {}

    def of(engine: str) -> App:
        if engine not in opened:
            url = "sqlite:///syncer.db" if engine == "sqlite" else request.getfixturevalue(engine).new_database()
            path = tmp_path_factory.mktemp(engine) / "settings.toml"
            nowhere = "http://127.0.0.1:1"  # nobody is called
            path.write_text(
                SETTINGS.format(
                    database=url, mailchimp=nowhere, activecampaign=nowhere, objection="unsubscribe",
                    recheck_days="[1, 7]", rate=5,
                ),
                encoding="utf-8",
            )  # fmt: skip
            opened[engine] = _filled(path)
        return opened[engine]

    yield of
    for app in opened.values():
        app.close()


@pytest.fixture
def loaded(engine: str, installations: Callable[[str], App]) -> App:
    """An installation with as many finished, waiting and sleeping deliveries of the one lane, and a small other one."""
    return installations(engine)


def _filled(path: Path) -> App:
    settings = load_settings(path)
    initialise(settings)
    app = open_app(settings, clock=Clock(START))
    today = START.date()
    for name, state, at in (
        ("done", State.CONFIRMED, None),
        ("wait", State.PENDING, WAITING),
        ("sleep", State.RETRYING, START + timedelta(hours=6)),
    ):
        backlog.add(app.engine, app.tables, name, ROWS, state=state, at=at, today=today, destination="crm")
    backlog.add(
        app.engine, app.tables, "other", 30, state=State.PENDING, at=START, today=today, destination="newsletter"
    )
    backlog.queue(app.engine, app.tables, ROWS, 300, START)
    backlog.analyze(app.engine, app.tables)
    return app


@contextmanager
def asleep(app: App, which: sa.ColumnElement[bool]) -> Iterator[None]:
    """Let the waiting deliveries of the large lane that `which` selects sleep for three hours."""
    d = app.tables.delivery
    ours = sa.and_(d.c.destination == "crm", d.c.event_id.startswith("wait-"), which)

    def put(state: State, at: datetime) -> None:
        with app.engine.begin() as connection:
            connection.execute(d.update().where(ours).values(state=state, next_attempt_at=at))

    put(State.RETRYING, START + timedelta(hours=3))
    try:
        yield
    finally:
        put(State.PENDING, WAITING)


def plans(app: App, action: Callable[[], object]) -> str:
    """Call `action`; return the engine's plan of every SELECT that it made."""
    selects: list[tuple[str, object]] = []

    def note(_connection: object, _cursor: object, statement: str, bound: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            selects.append((statement, bound))

    sa.event.listen(app.engine, "before_cursor_execute", note)
    action()
    sa.event.remove(app.engine, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if app.engine.dialect.name == "sqlite" else "EXPLAIN"
    with app.engine.connect() as connection:
        answers = [connection.exec_driver_sql(f"{word} {statement}", bound) for statement, bound in selects]
        return "\n".join(str(tuple(row)) for answer in answers for row in answer)


def whole_tables(text: str) -> list[str]:
    """Return the lines of a plan that read a table from end to end."""
    return [
        line
        for line in text.splitlines()
        if "Seq Scan" in line or "'ALL'" in line or ("SCAN syncer_" in line and "INDEX" not in line)
    ]


@pytest.mark.slow
@every_engine
def test_a_claim_among_few_finds_them_by_their_time(loaded: App) -> None:
    plan = plans(loaded, lambda: loaded.store.claim("newsletter", START, 100))

    assert "ix_syncer_delivery_due" in plan, plan
    assert not [line for line in whole_tables(plan) if "syncer_" in line], plan


@pytest.mark.slow
@every_engine
def test_a_claim_among_many_finds_them_by_their_urgency(loaded: App) -> None:
    plan = plans(loaded, lambda: loaded.store.claim("crm", START, 100))

    assert "ix_syncer_delivery_due" in plan, plan
    assert "ix_syncer_delivery_urgency" in plan, plan
    assert not [line for line in whole_tables(plan) if "syncer_" in line], plan


@every_engine
def test_rechecks_and_the_queue_are_found_by_an_index(loaded: App) -> None:
    loaded.store.start_rechecks()  # the first write of a process also compares the database with its notes
    plan = plans(loaded, lambda: loaded.store.start_rechecks())
    assert "ix_syncer_event_recheck" in plan, plan
    assert whole_tables(plan) == []

    plan = plans(loaded, lambda: loaded.queue.waiting(200))
    assert "ix_syncer_queue_taken" in plan, plan
    plan = plans(loaded, loaded.queue.count)
    assert "ix_syncer_queue_taken" in plan, plan


@every_engine
def test_status_counts_in_an_index_and_is_right(loaded: App) -> None:
    plan = plans(loaded, lambda: loaded.store.due_now("crm"))
    assert "ix_syncer_delivery_due" in plan or "ix_syncer_delivery_urgency" in plan, plan

    status = loaded.status.read()

    assert status.destinations["crm"].pending == ROWS
    assert status.destinations["crm"].confirmed == ROWS
    assert status.destinations["newsletter"].pending == 30
    assert status.events.fulfilled == ROWS
    assert status.queue.waiting == 300


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
    d, e = loaded.tables.delivery, loaded.tables.event
    with asleep(loaded, sa.true()):  # every waiting one has failed; one erasure, due last of all, is left
        backlog.add(
            loaded.engine, loaded.tables, "last", 1, state=State.PENDING, at=START, today=START.date(),
            destination="crm", tail=timedelta(days=400),
        )  # fmt: skip

        claimed = [item.event_id for item in loaded.store.claim("crm", START, 100)]

        with loaded.engine.begin() as connection:
            connection.execute(d.delete().where(d.c.event_id == "last-0000000"))
            connection.execute(e.delete().where(e.c.id == "last-0000000"))
    assert claimed == ["last-0000000"]


@every_engine
def test_many_due_deliveries_behind_many_that_sleep_are_found_by_their_day(loaded: App) -> None:
    # all objections sleep; the erasures are due, more of them than are sorted by time
    with asleep(loaded, loaded.tables.delivery.c.claim_rank == 0):
        claimed = loaded.store.claim("crm", START, 100)

    assert ROWS > claims.FEW * 2
    assert len(claimed) == 100
    assert {item.right for item in claimed} == {"erasure"}


@every_engine
def test_a_lane_with_a_huge_backlog_starves_no_other(loaded: App) -> None:
    assert len(loaded.store.claim("newsletter", START, 100)) == 30
    assert loaded.store.due_now("newsletter") == 30
    assert loaded.store.due_now("crm") == ROWS
