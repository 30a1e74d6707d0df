"""What these pages cost: an index answers each query, and none reads more than its page among any number of rows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from syncer.app import App
from syncer.domain.model import State
from tests.conftest import Clock
from tests.support import backlog

PATHS = (
    "/", "/requests/", "/requests/?state=held", "/requests/?state=open", "/requests/?state=fulfilled",
    "/requests/?due=late", "/requests/?due=14", "/requests/?cause=forbidden", "/requests/?cause=damaged",
    "/requests/?right=objection", "/requests/?recipient=crm", "/requests/?source=form", "/requests/?named=4711",
    "/requests/?from=2026-01-01&until=2026-11-01", "/recipients/", "/recipients/crm/", "/returned/",
    "/requests/held-0000001/", "/people/p1:held-0000001/",
)  # fmt: skip
TABLES = ("event", "delivery", "audit", "queue")


@pytest.fixture
def many(empty: App, clock: Clock) -> App:
    """Some thousand requests, most of them finished."""
    today = clock.now.date()
    backlog.add(empty.engine, empty.tables, "done", 6000, state=State.CONFIRMED, at=None, today=today,
                destination="newsletter")  # fmt: skip
    backlog.add(empty.engine, empty.tables, "held", 90, state=State.HELD, at=clock.now, today=today, destination="crm")
    backlog.analyze(empty.engine, empty.tables)
    return empty


def queries(app: App, client: FlaskClient, path: str) -> dict[str, Any]:
    """The SELECTs that a page makes, with their parameters."""
    found: dict[str, Any] = {}

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        if statement.startswith(("SELECT", "WITH")):
            found[statement] = parameters

    sa.event.listen(app.engine, "before_cursor_execute", note)
    answer = client.get(path)
    sa.event.remove(app.engine, "before_cursor_execute", note)
    assert answer.status_code == 200, path
    return found


@pytest.mark.slow
def test_an_index_answers_every_query(many: App, looking: Callable[..., FlaskClient]) -> None:
    for path in PATHS:
        found = queries(many, looking(), path)  # a site of its own: nothing is kept from the page before
        assert found
        with many.engine.connect() as connection:
            for statement, parameters in found.items():
                plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
                scans = [line for line in plan if line.startswith("SCAN") and _is_big(line)]
                limited = "LIMIT" in statement and all("COVERING INDEX" in line for line in scans)
                assert not scans or limited, (path, statement, plan)


def _is_big(line: str) -> bool:
    return line.split()[1] in {f"syncer_{name}" for name in TABLES}


@pytest.mark.slow
def test_a_page_makes_no_more_queries_and_reads_no_more_rows_among_many(
    many: App, looking: Callable[..., FlaskClient], clock: Clock
) -> None:
    def cost(path: str) -> int:
        return len(queries(many, looking(), path))

    before = {path: cost(path) for path in PATHS}
    backlog.add(many.engine, many.tables, "more", 6000, state=State.CONFIRMED, at=None,
                today=clock.now.date() + timedelta(days=1), destination="newsletter")  # fmt: skip

    assert {path: cost(path) for path in PATHS} == before


def test_a_look_at_all_that_presses_names_only_some_of_it(
    empty: App, looking: Callable[..., FlaskClient], clock: Clock
) -> None:
    day = clock.now.date() - timedelta(days=60)
    backlog.add(empty.engine, empty.tables, "held", 900, state=State.HELD, at=clock.now, today=day, destination="crm")
    backlog.analyze(empty.engine, empty.tables)

    page = looking().get("/").text

    assert "requests or more" in page
    assert len(page) < 60_000
