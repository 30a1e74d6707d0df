"""Objections do not wait for the erasures before them, and none of them keeps the others waiting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.database.connections import writing
from syncer.intake.ahead import NEWEST
from syncer.intake.take import BATCH
from tests.support.servers import ENGINES
from tests.support.walk import put, rows

on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def queue(app: App, kind: str, count: int) -> None:
    """Queue so many people who ask for the same; their keys are `kind` and a number that goes on."""
    first = app.queue.count()
    for start in range(first, first + count, 500):
        numbers = range(start, min(start + 500, first + count))
        app.queue.insert(
            [{"event_key": f"{kind}{n}", "kind": kind, "email": f"p{n}@list.test", "created_at": app.clock()}
             for n in numbers]
        )  # fmt: skip


def taken(app: App, batches: int) -> Counter[str]:
    """Take so many batches and return how many events there are of each right."""
    done = [0]

    def count() -> None:
        done[0] += 1

    app.intake.take_all(lambda: done[0] >= batches, count)
    return Counter(row.right for row in rows(app, app.tables.event))


def keys(app: App) -> Sequence[str]:
    return [row.event_key for row in rows(app, app.tables.event)]


@on_every_engine
def test_an_objection_behind_a_backlog_is_taken_in_the_second_batch(app: App) -> None:
    queue(app, "erasure", 3 * BATCH)
    put(app, "objection", "ada@lovelace.test", "hers")

    assert taken(app, 3) == {"erasure": 2 * BATCH, "objection": 1}


@on_every_engine
def test_an_objection_that_waits_between_more_erasures_than_one_look_sees_is_taken_as_soon(app: App) -> None:
    queue(app, "erasure", 2 * BATCH)
    put(app, "objection", "ada@lovelace.test", "hers")
    queue(app, "erasure", NEWEST + BATCH)

    assert taken(app, 2) == {"erasure": BATCH, "objection": 1}


def test_one_that_comes_while_a_backlog_is_taken_is_in_the_next_batch_but_one(app: App) -> None:
    queue(app, "erasure", 5 * BATCH)
    seen: list[bool] = []

    def batch() -> None:
        seen.append("hers" in keys(app))
        if len(seen) == 2:
            put(app, "objection", "ada@lovelace.test", "hers")

    app.intake.take_all(on_batch=batch)

    assert seen[:4] == [False, False, True, True]


def test_once_it_is_over_no_batch_begins_not_even_of_objections(app: App) -> None:
    queue(app, "erasure", 2 * BATCH)
    put(app, "objection", "ada@lovelace.test", "hers")

    assert taken(app, 1) == {"erasure": BATCH}


def test_a_flood_of_objections_leaves_every_other_batch_to_the_oldest(app: App) -> None:
    queue(app, "erasure", 3 * BATCH)
    queue(app, "objection", 3 * BATCH)

    assert taken(app, 4) == {"erasure": 2 * BATCH, "objection": 2 * BATCH}


@pytest.mark.slow
@on_every_engine
def test_every_row_is_taken_once_whatever_stands_between_others(app: App) -> None:
    for _ in range(3):
        queue(app, "erasure", BATCH)
        queue(app, "objection", BATCH // 2)

    assert app.intake.take_all() == 3 * BATCH + 3 * (BATCH // 2)

    assert app.queue.count() == 0
    assert Counter(row.right for row in rows(app, app.tables.event)) == {
        "erasure": 3 * BATCH, "objection": 3 * (BATCH // 2)
    }  # fmt: skip


def test_objections_that_cannot_be_taken_are_tried_once_in_a_pass_and_hide_none_behind_them(app: App) -> None:
    queue(app, "erasure", 2 * BATCH)
    queue(app, "objection", BATCH)
    with writing(app.queue.engine) as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER stay BEFORE UPDATE ON syncer_queue WHEN OLD.kind = 'objection'"
            " AND OLD.event_key <> 'hers' BEGIN SELECT RAISE(IGNORE); END"
        )
    put(app, "objection", "ada@lovelace.test", "hers")

    taken(app, 4)

    (hers,) = [row for row in rows(app, app.queue.table) if row.event_key == "hers"]
    assert hers.taken_at is not None


def test_a_look_ahead_reads_no_more_rows_than_it_may_and_brings_back_objections_alone(app: App) -> None:
    queue(app, "erasure", 3 * BATCH)
    asked: list[str] = []
    sa.event.listen(app.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    ids, last = app.queue.ahead("objection", None, 2 * BATCH)

    assert ids == []
    assert last == 2 * BATCH
    assert app.queue.newest("objection", 2 * BATCH) == []
    assert all("LIMIT" in statement for statement in asked if statement != "BEGIN")


def test_few_rows_are_taken_in_their_order_without_a_look_ahead(app: App) -> None:
    queue(app, "erasure", 5)
    put(app, "objection", "ada@lovelace.test", "hers")
    asked: list[str] = []
    sa.event.listen(app.engine, "before_cursor_execute", lambda *args: asked.append(args[2]))

    app.intake.take_all()

    assert len(keys(app)) == 6
    assert not [statement for statement in asked if "syncer_queue.id DESC" in statement]
