"""One right of one account, and the tables that several accounts meet."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from syncer.database.tables import Tables
from syncer.intake.wordpress.tables import wordpress_tables

#: what a producer writes of a queue row: neither the number nor that it was taken
QUEUE_WRITTEN = ("event_key", "kind", "email", "received_at", "source", "source_ref", "created_at")


@dataclass(frozen=True, slots=True)
class Grant:
    """What one account may do with one table, or with some of its columns; None means the whole table."""

    account: str
    table: str
    verbs: tuple[str, ...]
    columns: tuple[str, ...] | None = None


def may(account: str, table: str, *verbs: str, changes: tuple[str, ...] = ()) -> list[Grant]:
    """Return the grants of one account on a whole table, and on the columns that it changes there."""
    update = [Grant(account, table, ("UPDATE",), changes)] if changes else []
    return [*([Grant(account, table, verbs)] if verbs else []), *update]


def but_keys(table: sa.Table) -> tuple[str, ...]:
    """Return the columns of a table that are no part of its key."""
    return tuple(column.name for column in table.c if not column.primary_key)


def swept(tables: Tables) -> list[str]:
    """Return the names of the tables that keep what WordPress was asked."""
    wordpress = wordpress_tables(tables.prefix)
    return [wordpress.request.name, wordpress.site.name]
