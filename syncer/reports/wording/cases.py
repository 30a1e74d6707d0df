"""The short number by which people speak of a request: that of the log entry that recorded its receipt."""

from __future__ import annotations

from syncer.language.texts import _

#: digits of the highest number that an entry can have
LONGEST = 19


def case_number(text: str) -> int | None:
    """Return the case number that was typed, with or without a `#`; None for what is none.

    An event's id begins with a zero until the year 2527 (the first bits of a version 7 UUID are the time), and a case
    number never does: nobody has to say which of them was meant.
    """
    digits = text.removeprefix("#")
    is_number = digits.isascii() and digits.isdecimal() and not digits.startswith("0")
    return int(digits) if is_number and len(digits) <= LONGEST else None


def case(number: int | None, event_id: str) -> str:
    """Return what a request is called: `case 4711`; one that the log never received has its id only."""
    return _("case {number}").format(number=number) if number is not None else _("event {id}").format(id=event_id)
