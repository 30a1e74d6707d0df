"""Conditions that an index answers: every value but the one that a million rows have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from syncer.database.bulk import LONGEST

T = TypeVar("T")


def all_but(column: sa.Column[Any], value: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    """Return two conditions: below a value and above it. What syncer never writes lies there too."""
    return column < value, column > value


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield a few hundred values at once."""
    for start in range(0, len(values), LONGEST):
        yield values[start : start + LONGEST]
