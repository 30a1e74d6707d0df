"""Who answers for the data: what a page for a data subject says of its sender."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Controller:
    """The controller (GDPR Art. 4(7)) as its settings name it; what is not named is None, or no line.

    `address` are the lines of the postal address, `contact` is where a person may write to, in free text.
    """

    name: str | None = None
    address: tuple[str, ...] = ()
    contact: str | None = None
    data_protection_officer: str | None = None
    supervisory_authority: str | None = None
