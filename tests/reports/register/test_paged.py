"""A report reads its requests in pages: few are in memory at once, an index finds each page, and the moment is one."""

from __future__ import annotations

import gc
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.clock import stamp
from syncer.database import sqlite_files
from syncer.database.connections import writing
from syncer.reports.propagation import DECISIONS
from syncer.reports.register.paged import PAGE, PagedRegister
from syncer.reports.takeout.documents import report_pieces
from syncer.reports.views import EventView
from tests.conftest import Clock
from tests.support.documents.month import fulfil
from tests.support.documents.reports import report_csv, report_text, whole
from tests.support.servers import ENGINES

FORMATS = ("text", "csv", "json", "html")
OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)


@pytest.fixture
def october(app: App, clock: Clock) -> App:
    """An installation with five pages of requests of October, and as many of the months before."""
    clock.now = datetime(2026, 10, 20, tzinfo=UTC)
    fulfil(app, 5 * PAGE, datetime(2026, 7, 1, tzinfo=UTC), name="a")
    fulfil(app, 5 * PAGE, OCTOBER, name="b")
    return app


def alive() -> int:
    """How many requests are in memory."""
    return sum(isinstance(item, EventView) for item in gc.get_objects())


@pytest.mark.slow  # looks at every object in memory again and again
@pytest.mark.parametrize("fmt", FORMATS)
def test_no_more_requests_than_those_of_a_few_pages_are_in_memory_at_once(october: App, fmt: str) -> None:
    gc.collect()
    others, most = alive(), 0  # other tests keep some
    with october.propagation.report(OCTOBER, None) as report:
        for number, _ in enumerate(report_pieces(report.log, fmt)):
            if number % 400 == 0:
                most = max(most, alive())

    assert report.log.summary.requests == 5 * PAGE
    assert 0 < most - others <= 2 * PAGE


@pytest.mark.slow  # thousands of requests
def test_each_way_through_gives_the_same_requests_in_the_order_of_their_ids(october: App) -> None:
    with october.propagation.report(OCTOBER, None) as report:
        register = report.log.events
        first, again = [event.id for event in register], [event.id for event in register.views()]
        some = [event.id for event in register.views([7, 3, PAGE + 1])]

    assert first == again == sorted(first)
    assert some == [first[7], first[3], first[PAGE + 1]]
    assert {event.received_at.month for event in whole(october, None, OCTOBER).events} == {7}


@pytest.mark.slow  # thousands of requests
def test_what_others_write_meanwhile_is_not_in_a_report_that_was_begun(october: App) -> None:
    with october.propagation.report(OCTOBER, None) as report:
        fulfil(october, 3, OCTOBER + timedelta(hours=1), name="c")
        e = october.tables.event
        with writing(october.engine) as connection:
            connection.execute(e.update().where(e.c.source_ref == "1:7").values(source="somebody else"))
        found = list(report.log.events)

    assert len(found) == len(report.log.events) == report.log.summary.requests == 5 * PAGE
    assert {event.source for event in found} == {"form"}
    assert whole(october, OCTOBER).summary.requests == 5 * PAGE + 3


def test_an_id_that_is_no_text_hides_no_request(app: App) -> None:
    fulfil(app, 3, OCTOBER)
    file = sqlite_files.file_of(app.engine.url)
    assert file is not None
    with closing(sqlite3.connect(file)) as other, other:
        for number, odd in enumerate(("CAST(x'30ffc3' AS TEXT)", "x'00ff'")):
            (known,) = other.execute(f"SELECT id FROM syncer_event WHERE source_ref = '1:{number}'").fetchone()
            other.execute(f"UPDATE syncer_delivery SET event_id = {odd} WHERE event_id = ?", (known,))
            other.execute(f"UPDATE syncer_event SET id = {odd} WHERE id = ?", (known,))

    log = whole(app)

    assert sorted(str(event.source_ref) for event in log.events) == ["1:0", "1:1", "1:2"]
    assert [len(event.deliveries) for event in log.events] == [2, 2, 2]
    assert len(report_csv(log).splitlines()) == 7
    assert report_text(log).count("confirmed 2") == 6
    assert "".join(report_pieces(log, "html")).count('<tr id="r') == 3
    assert len(json.loads("".join(report_pieces(log, "json")))["events"]) == 3


# -- indexes --------------------------------------------------------------------------------------------------


def plans(app: App, action: Callable[[], object]) -> list[str]:
    """Call `action`; return a line of the engine's plan for every table that its SELECTs read."""
    selects: dict[str, object] = {}

    def note(_connection: object, _cursor: object, statement: str, bound: object, *_: object) -> None:
        if statement.lstrip().startswith("SELECT"):
            selects[statement] = bound

    sa.event.listen(app.engine, "before_cursor_execute", note)
    action()
    sa.event.remove(app.engine, "before_cursor_execute", note)
    word = "EXPLAIN QUERY PLAN" if app.engine.dialect.name == "sqlite" else "EXPLAIN"
    with app.engine.connect() as connection:
        answers = [connection.exec_driver_sql(f"{word} {statement}", bound) for statement, bound in selects.items()]
        return [str(tuple(row)) for answer in answers for row in answer]


def gone_through(register: PagedRegister) -> Iterator[object]:
    """Every way through, of one page each."""
    for way in (iter(register), register.views(), register.views([1, 0]), register.found_again()):
        yield next(way, None)


def whole_tables(lines: Iterable[str]) -> list[str]:
    """Those lines that read a table from end to end."""
    return [
        line
        for line in lines
        if "Seq Scan on syncer_" in line
        or ("syncer_" in line and ("'ALL'" in line or "'index'" in line))
        or "SCAN syncer_" in line
    ]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_index_finds_every_page_of_requests_and_what_the_log_says_of_them(app: App, clock: Clock) -> None:
    clock.now = NOVEMBER
    fulfil(app, 2500, OCTOBER)
    kind = app.engine.dialect.name
    with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in (app.tables.event, app.tables.delivery, app.tables.audit):
            words = {"sqlite": "ANALYZE", "mysql": "ANALYZE TABLE", "postgresql": "VACUUM ANALYZE"}
            connection.exec_driver_sql(f"{words[kind]} {table.name}")

    with app.propagation.report(NOVEMBER - timedelta(days=30), None) as report:
        # of so few that no engine finds it cheaper to read this small a table
        few = next(report.register.parts(20))
        lines = plans(app, lambda: list(gone_through(few)))
    lines += plans(app, lambda: app.ledger.entries(DECISIONS, stamp(OCTOBER), stamp(NOVEMBER)))

    assert len(lines) >= 6
    assert whole_tables(lines) == []


@pytest.mark.slow  # thousands of requests
def test_without_statistics_the_log_is_still_found_by_its_event(october: App) -> None:
    with october.propagation.report(OCTOBER, None) as report:
        lines = plans(october, lambda: list(gone_through(report.register)))
    decisions = plans(october, lambda: october.ledger.entries(DECISIONS, stamp(OCTOBER), None))

    of_the_log = [line for line in lines if "syncer_audit" in line]
    assert len(of_the_log) >= 3
    assert not [line for line in of_the_log if "ix_syncer_audit_event" not in line and "PRIMARY KEY" not in line]
    assert [line for line in decisions if "ix_syncer_audit_what" in line]
    assert whole_tables(decisions) == []
