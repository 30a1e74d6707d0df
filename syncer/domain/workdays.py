"""Days on which no legal period ends: Saturdays, Sundays and the public holidays of the controller's country."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

DayOff = Callable[[date], bool]


def weekend(day: date) -> bool:
    """Say whether a day is a Saturday or a Sunday."""
    return day.weekday() >= 5


def days_off(country: str | None) -> DayOff:
    """Return the test for a day off in `country`: `DE`, or with a subdivision `DE-BY`; None knows weekends only.

    Raises ValueError with the remedy for a country or subdivision that the `holidays` package does not know.
    """
    if country is None:
        return weekend
    from holidays import country_holidays

    name, _, part = country.partition("-")
    try:
        public = country_holidays(name, subdiv=part or None)
    except NotImplementedError:
        raise ValueError('is no country with known holidays; write it like "DE" or "DE-BY"') from None
    return lambda day: weekend(day) or day in public
