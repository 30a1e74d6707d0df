"""A log with old and new bodies, and a purge that is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.service.drain import drain, prepare
from tests.conftest import Clock
from tests.support.walk import (
    PERSON,
    put,
    rows,
)


def bodies(app: App) -> dict[int, bool]:
    """Return by seq whether an entry has its body."""
    return {row.seq: row.body is not None for row in rows(app, app.tables.audit)}


class PowerCut(RuntimeError):
    """Ends a purge where the test wants it."""


@contextmanager
def power_cut(app: App, pieces: int) -> Iterator[None]:
    """Cut the power of a purge after so many pieces."""
    left = iter(range(pieces))

    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE syncer_audit SET") and next(left, None) is None:
            raise PowerCut

    sa.event.listen(app.engine, "before_cursor_execute", fail)
    try:
        with pytest.raises(PowerCut):
            yield
    finally:
        sa.event.remove(app.engine, "before_cursor_execute", fail)


def old_and_new(app: App, clock: Clock) -> None:
    """Make an event that has been over for 40 months, one that has been open since then, and a new one.

    The new one is three years and a half old by the server's clock, which the triggers ask: a test may go on from it.
    """
    clock.advance(days=-84 * 31)
    put(app, "erasure", PERSON, "old")
    drain(app)
    clock.advance(days=10)
    for _ in range(3):
        prepare(app)
        drain(app)
    put(app, "erasure", "not an address", "held")
    prepare(app)
    app.notary.make()
    clock.advance(days=40 * 31)
    put(app, "erasure", "grace@hopper.test", "new")
    drain(app)
    app.notary.make()
