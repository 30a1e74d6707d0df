"""What a question costs SQLite, in instructions of its machine: time says little on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from syncer.app import App
from syncer.database.connections import reading

#: instructions between two looks at how many there were
EACH = 20


def steps(app: App, asked: Callable[[], Any]) -> int:
    """How many instructions it takes to answer what is asked of an installation."""
    made = [0]

    def count() -> None:
        made[0] += 1

    @sa.event.listens_for(app.engine, "checkout")
    def watch(connection: Any, _record: Any, _proxy: Any) -> None:
        connection.set_progress_handler(count, EACH)

    try:
        asked()
    finally:
        sa.event.remove(app.engine, "checkout", watch)
        with reading(app.engine) as connection:
            connection.connection.driver_connection.set_progress_handler(None, 0)  # type: ignore[union-attr]
    return made[0] * EACH
