"""Numbers, ids and times of an answer, read strictly: an odd one is nothing or a failure of ours, never a crash.

Python itself stumbles over several: `int` refuses more than 4,300 digits, takes the digits of every script and fails
on `²`, though `isdigit` lets it through; true counts as 1; a float overflows; the year 9999 has no UTC west of it.
"""

from __future__ import annotations

from datetime import UTC, datetime

from adapters.errors import Permanent

#: digits of a number that means something: below 2**63 in any case
_MOST_DIGITS = 18
#: characters of the longest form of a time; `2026-11-24T12:00:00.000000+00:00` has 32
_LONGEST_TIME = 40


def whole_number(value: object) -> int | None:
    """Return a whole number of at most 18 digits, given as one or as its ASCII digits; None for anything else."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS else None
    return value if type(value) is int and 0 <= value < 10**_MOST_DIGITS else None


def numeric_id(value: object) -> str:
    """Return an id that is a number, as its ASCII digits; "" for anything else."""
    return "" if whole_number(value) is None else str(value)


def utc(value: object) -> datetime:
    """Return a time of ISO 8601 in UTC; without a zone it is taken for UTC.

    Raises Permanent `unknown_state` for any other form, and for a moment that UTC has no year for.
    """
    try:
        if isinstance(value, str) and value.isascii() and len(value) <= _LONGEST_TIME:
            return in_utc(datetime.fromisoformat(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Permanent("unknown_state", "a time in a form unknown to this version")


def utc_or_none(value: object) -> datetime | None:
    """Return what `utc` returns, None where it raises."""
    try:
        return utc(value)
    except Permanent:
        return None


def in_utc(when: datetime) -> datetime:
    """Return a time that has a time zone; without one it is taken for UTC."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)
