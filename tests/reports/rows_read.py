"""How much an engine reads for what is asked of it, counted by the engine itself: no clock, no luck."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa


def rows_read(engine: sa.Engine, action: Callable[[], object]) -> int:
    """Call `action`; return what its SELECTs cost: rows on the servers, steps of the machine inside on SQLite."""
    selects = _selects(engine, action)
    with engine.connect() as connection:
        return {"sqlite": _steps, "mysql": _handled, "postgresql": _scanned}[engine.dialect.name](connection, selects)


def _selects(engine: sa.Engine, action: Callable[[], object]) -> list[tuple[str, Any]]:
    selects: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, bound: object, *_: object) -> None:
        if statement.lstrip().startswith(("SELECT", "WITH")):
            selects.append((statement, bound))

    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return selects


def _steps(connection: sa.Connection, selects: list[tuple[str, Any]]) -> int:
    driver: Any = connection.connection.driver_connection
    steps = 0

    def step() -> int:
        nonlocal steps
        steps += 1
        return 0

    driver.set_progress_handler(step, 1)
    try:
        for statement, bound in selects:
            driver.execute(statement, bound).fetchall()
    finally:
        driver.set_progress_handler(None, 0)
    return steps


def _handled(connection: sa.Connection, selects: list[tuple[str, Any]]) -> int:
    counters = "SHOW SESSION STATUS LIKE 'Handler_read_%%'"
    before = sum(int(value) for _, value in connection.exec_driver_sql(counters))
    for statement, bound in selects:
        connection.exec_driver_sql(statement, bound).all()
    return sum(int(value) for _, value in connection.exec_driver_sql(counters)) - before


def _scanned(connection: sa.Connection, selects: list[tuple[str, Any]]) -> int:
    read = 0
    for statement, bound in selects:
        answer = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}", bound).scalar()
        plans = json.loads(answer) if isinstance(answer, str) else answer
        read += sum(_of_node(plan["Plan"]) for plan in plans or ())
    return read


def _of_node(node: dict[str, Any]) -> int:
    names = ("Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck")
    own = (
        sum(int(node.get(name, 0)) for name in names) * int(node["Actual Loops"]) if "Scan" in node["Node Type"] else 0
    )
    return own + sum(_of_node(child) for child in node.get("Plans", ()))
