"""The JSON edge: what `json.dumps` writes, of dataclasses too, with what the fields' metadata says."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.reports.as_json import as_json

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
plain = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=30)


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True)
class Inner:
    a: int
    b: str | None


@dataclass(frozen=True, slots=True)
class Other:
    c: bool


@dataclass(frozen=True, slots=True)
class Outer:
    from_: datetime = field(metadata={"key": "from"})
    day: date
    colour: Colour
    note: str = field(metadata={"unset": ""})
    one: Inner | None = field(metadata={"flat": True})
    several: tuple[Inner | Other, ...] = field(metadata={"flat": True})
    nested: tuple[Inner, ...]


WHEN = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.mark.slow
@given(plain)
def test_plain_values_are_written_as_the_standard_library_does(value: Any) -> None:
    assert as_json(value) == json.dumps(value, indent=2, ensure_ascii=False)


def test_a_dataclass_is_written_field_by_field_as_its_metadata_says() -> None:
    value = Outer(WHEN, date(2026, 2, 1), Colour.RED, "ä", Inner(1, None), (Other(True),), (Inner(2, "x\n"),))

    assert as_json({"all": [value]}) == json.dumps(
        {
            "all": [
                {
                    "from": "2026-11-24T09:30:00.000000Z",
                    "day": "2026-02-01",
                    "colour": "red",
                    "note": "ä",
                    "a": 1,
                    "b": None,
                    "c": True,
                    "nested": [{"a": 2, "b": "x\n"}],
                }
            ]
        },
        indent=2,
        ensure_ascii=False,
    )


def test_what_is_unset_or_flat_and_none_writes_nothing() -> None:
    value = Outer(WHEN, date(2026, 2, 1), Colour.RED, "", None, (), ())

    assert list(json.loads(as_json(value))) == ["from", "day", "colour", "nested"]
    assert json.loads(as_json(value))["nested"] == []


def test_what_no_json_can_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="set is nothing that JSON can hold"):
        as_json({"x": {1, 2}})
