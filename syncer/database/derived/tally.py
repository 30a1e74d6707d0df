"""How many events and deliveries there are, kept in the transaction that adds them: nobody counts a million rows.

Events and deliveries are only ever added, and in one place. What is open, held or exempt is counted by an index; the
tally says how many there are in all, so that the rest is what is through.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from syncer.database.tables import Tables

EVENT, DELIVERY = "event", "delivery"
#: a number and whose it is: EVENT or DELIVERY, and the destination, "" for events
Numbers = dict[tuple[str, str], int]

# a number that nobody ever reaches begins anew: one more than a BIGINT holds would stop the intake
_ADD = {
    "sqlite": "INSERT INTO {t} (what, destination, number) VALUES (:what, :destination, :number)"
    " ON CONFLICT (what, destination) DO UPDATE SET number ="
    " CASE WHEN {t}.number BETWEEN 0 AND 1000000000000 THEN {t}.number ELSE 0 END + excluded.number",
    "mysql": "INSERT INTO {t} (what, destination, number) VALUES (:what, :destination, :number)"
    " ON DUPLICATE KEY UPDATE number ="
    " CASE WHEN number BETWEEN 0 AND 1000000000000 THEN number ELSE 0 END + VALUES(number)",
}


def add(connection: sa.Connection, tables: Tables, numbers: Mapping[tuple[str, str], int]) -> None:
    """Count rows that this transaction adds. Its locks are taken in one order, and after those on the rows."""
    kind = connection.dialect.name
    statement = _ADD["mysql" if kind == "mysql" else "sqlite"].replace("{t}", tables.tally.name)
    rows = [
        {"what": what, "destination": destination, "number": number}
        for (what, destination), number in sorted(numbers.items())
    ]
    if rows:
        connection.execute(sa.text(statement), rows)


def read(connection: sa.Connection, tables: Tables) -> Numbers:
    """Return the tally. What is no number, which somebody else wrote, is left out."""
    t = tables.tally.c
    number = sa.type_coerce(t.number, sa.types.NULLTYPE).label("number")
    rows = connection.execute(sa.select(t.what, t.destination, number))
    return {(row.what, row.destination): row.number for row in rows if type(row.number) is int and row.number >= 0}


def count(connection: sa.Connection, tables: Tables) -> Numbers:
    """Count the rows themselves: one index of each table is read from end to end."""
    query = sa.union_all(*_counts(tables))
    return {(what, destination): number for what, destination, number in connection.execute(query)}


def counters_differ(connection: sa.Connection, tables: Tables) -> str | None:
    """Say in one line how the tally differs from the tables, with the remedy; None where it does not.

    Both are read through `connection`, a snapshot.
    """
    said, counted = read(connection, tables), count(connection, tables)
    for whose in sorted({*said, *counted}, key=str):  # SQLite stores anything there
        if said.get(whose, 0) != counted.get(whose, 0):
            what, destination = whose
            place = f"event{destination}" if what == EVENT else f"{what} at {destination}"
            return (
                f"{tables.tally.name} counts {said.get(whose, 0)} of {place}, but its table holds"
                f" {counted.get(whose, 0)}: somebody changed one of them; `syncer db upgrade` counts anew"
            )
    return None


def recount(connection: sa.Connection, tables: Tables) -> bool:
    """Count anew in this transaction; say whether the tally was wrong. Whoever adds rows meanwhile waits."""
    t = tables.tally
    connection.execute(sa.select(t.c.number).with_for_update()).all()
    if counters_differ(connection, tables) is None:
        return False
    connection.execute(t.delete())
    connection.execute(t.insert().from_select(["what", "destination", "number"], sa.union_all(*_counts(tables))))
    return True


def _counts(tables: Tables) -> list[sa.Select[Any]]:
    e, d = tables.event, tables.delivery
    events = sa.select(sa.literal(EVENT, sa.String(16)), sa.literal("", sa.String(64)), sa.func.count(e.c.id))
    what = sa.literal(DELIVERY, sa.String(16))
    deliveries = sa.select(what, d.c.destination, sa.func.count(d.c.id)).group_by(d.c.destination)
    return [events, deliveries]
