"""Migrations after 0014 only add within a minor version: code of the version before runs on what they leave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.database import engines, revisions
from syncer.database.tables import tables
from tests.support.upgrading import schema_steps

#: the first revision of this minor version; the next minor version may begin anew
FIRST = "0014"


@dataclass(frozen=True)
class Column:
    kind: str
    nullable: bool
    filled: bool  # by a default of the server's, or by an expression


Shape = dict[str, dict[str, Column]]


def shape(opened: sa.Engine) -> Shape:
    found = sa.inspect(opened)
    return {
        name: {
            column["name"]: Column(
                str(column["type"]), column["nullable"], column["default"] is not None or bool(column.get("computed"))
            )
            for column in found.get_columns(name)
        }
        for name in found.get_table_names()
    }


def broken(before: Shape, after: Shape) -> list[str]:
    """Name what older code would stumble over."""
    found = []
    for table, columns in before.items():
        there = after.get(table)
        if there is None:
            found.append(f"{table} is gone")
            continue
        found += [f"{table}.{name} is gone or another" for name, kind in columns.items() if there.get(name) != kind]
        added = {name: column for name, column in there.items() if name not in columns}
        found += [f"{table}.{name} must be given" for name, new in added.items() if not (new.nullable or new.filled)]
    return found


def test_every_migration_of_this_minor_version_only_adds(tmp_path: Path) -> None:
    with engines.opened(f"sqlite:///{tmp_path}/syncer.db") as opened:
        schema_steps.upgrade(opened, FIRST)
        before = shape(opened)
        revisions.upgrade(opened, tables(), queue_here=True)
        after, oldest = shape(opened), revisions.compatible_from(opened, "syncer_")

    assert broken(before, after) == []
    assert oldest == FIRST
    assert len(before) > 15


ONE: Shape = {"event": {"id": Column("INTEGER", False, False)}}


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({}, ["event is gone"]),
        ({"event": {}}, ["event.id is gone or another"]),
        ({"event": {"id": replace(ONE["event"]["id"], kind="TEXT")}}, ["event.id is gone or another"]),
        ({"event": {**ONE["event"], "x": Column("TEXT", False, False)}}, ["event.x must be given"]),
        ({"event": {**ONE["event"], "x": Column("TEXT", False, True)}}, []),
        ({"event": {**ONE["event"], "x": Column("TEXT", True, False)}, "new": {}}, []),
    ],
)
def test_what_is_no_addition_is_named(after: Shape, said: list[str]) -> None:
    assert broken(ONE, after) == said
