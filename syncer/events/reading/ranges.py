"""Conditions that an index answers: every value but the one that a million rows have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import sqlalchemy as sa

from syncer.database.bulk import LONGEST

T = TypeVar("T")


def all_but(column: sa.Column[Any], *values: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Return conditions, one of which every other value meets: below these, between and above them.

    What syncer never writes lies there too.
    """
    in_order = sorted(values)
    between = (sa.and_(column > low, column < high) for low, high in pairwise(in_order))
    return column < in_order[0], *between, column > in_order[-1]


def parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield a few hundred values at once."""
    for start in range(0, len(values), LONGEST):
        yield values[start : start + LONGEST]
