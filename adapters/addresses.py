"""The person's address as asked of a provider and as the provider answers it."""

from __future__ import annotations

from adapters.contract import Subject
from adapters.errors import Permanent


def spellings_of(subject: Subject) -> tuple[str, ...]:
    """Return the spellings to look for. Raises Permanent `malformed` where there is none or an empty one."""
    if not subject.spellings or not all(subject.spellings):
        raise Permanent("malformed", "an empty address")  # an empty filter returns everybody
    return subject.spellings


def same_address(answered: object, asked: str) -> bool:
    """Say whether the answer holds the address asked for, letter case and blanks around it aside."""
    return isinstance(answered, str) and answered.strip().casefold() == asked.casefold()
