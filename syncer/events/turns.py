"""Turns in a claim: each source of requests gets its share, and so does whoever was passed over."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from itertools import chain, zip_longest
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import in_list
from syncer.database.tables import Tables

#: sources are many, as whoever writes the queue may name them; so many turns there are, and a claim asks for each
TURNS = 32
#: WordPress, by its plugin and by the sweep, and `submit` share theirs with no name that somebody else invents
_KNOWN = {None: 0, "eraser": 1, "completed": 1, "sweep": 1, "cli": 2}
_FIRST = max(_KNOWN.values()) + 1


def turn_of(source: str | None) -> int:
    """Return the turn of a source; several others share one."""
    if source in _KNOWN:
        return _KNOWN[source]
    return _FIRST + zlib.crc32((source or "").encode("utf-8", "replace")) % (TURNS - _FIRST)


class Turns:
    """The SQL of turns. Each question is one range of an index, whatever waits or sleeps beside it.

    `kind` is the name of the database's dialect.
    """

    def __init__(self, tables: Tables, kind: str) -> None:
        d = tables.delivery.c
        self._of_all = sa.union_all(*(_longest(tables, turn) for turn in range(TURNS)))
        self._passed_over = (
            sa.select(d.id)
            .where(d.destination == sa.bindparam("destination"), d.next_attempt_at <= sa.bindparam("before"))
            .order_by(d.next_attempt_at)
            .limit(sa.bindparam("most", type_=sa.Integer))
        )
        self._latest = sa.select(sa.func.max(d.next_attempt_at)).where(in_list(d.id, "ids", kind))

    def latest(self, connection: sa.Connection, ids: Sequence[int]) -> datetime | None:
        """Return when the last of these deliveries became due (UTC)."""
        if not ids:
            return None
        try:
            latest: datetime | None = connection.execute(self._latest, {"ids": list(ids)}).scalar()
        except ValueError:  # SQLite stores anything, also where a time belongs
            return None
        return latest

    def of(
        self,
        connection: sa.Connection,
        lane: dict[str, Any],
        most: int,
        leave: Collection[int],
        before: datetime | None,
    ) -> list[int]:
        """Return at most `most` ids of due deliveries by turns, without those in `leave`; none where one source waits.

        Those that were due `before` a moment (UTC) have been passed over, and take turns as a source does.
        """
        each = {"most": most + len(leave)}
        waiting: dict[int, list[int]] = {}
        for row in connection.execute(self._of_all, lane | each):
            waiting.setdefault(row.turn, []).append(row.id)
        queues = list(waiting.values()) if len(waiting) > 1 else []
        if before is not None:
            bound = {"destination": lane["destination"], "before": before}
            queues.append(list(connection.execute(self._passed_over, bound | each).scalars()))
        left = [[row_id for row_id in queue if row_id not in leave] for queue in queues]
        in_turns = chain.from_iterable(zip_longest(*left))
        return list(dict.fromkeys(row_id for row_id in in_turns if row_id is not None))[:most]


def alternating(first: Sequence[int], second: Sequence[int]) -> list[int]:
    """Return both lists as one, an element of each in turn, and each element once."""
    return list(dict.fromkeys(_alternating(first, second)))


def _alternating(first: Sequence[int], second: Sequence[int]) -> Iterator[int]:
    for pair in zip_longest(first, second):
        yield from (row_id for row_id in pair if row_id is not None)


def _longest(tables: Tables, turn: int) -> sa.Select[Any]:
    """Return the query of the due deliveries of one turn, the longest waiting first."""
    table = tables.delivery
    d, index = table.c, f"ix_{tables.prefix}delivery_turn"
    longest = (
        sa.select(d.id, sa.literal_column(str(turn)).label("turn"))
        # the planners of SQLite and MariaDB may take the index without the turn, and read all of a backlog for it
        .with_hint(table, f"INDEXED BY {index}", "sqlite")
        .with_hint(table, f"FORCE INDEX ({index})", "mysql")
        .where(
            d.destination == sa.bindparam("destination"),
            d.turn == sa.literal_column(str(turn)),
            d.next_attempt_at <= sa.bindparam("now"),
        )
        .order_by(d.next_attempt_at)
        .limit(sa.bindparam("most", type_=sa.Integer))
        .subquery()
    )
    return sa.select(longest.c.id, longest.c.turn)
