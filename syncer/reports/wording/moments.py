"""Moments as a document shows them: in one zone, the controller's, each with its offset from UTC, as its language
writes them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from syncer.language.texts import ENGLISH, _, spoken

#: what stands where there is no moment
NONE = "-"


@dataclass(frozen=True, slots=True)
class Moments:
    """Writes the moments of one document in its zone."""

    zone: ZoneInfo

    def local(self, moment: datetime | str) -> datetime:
        """Return an aware moment, or one that the log wrote (ISO 8601 in UTC), on the zone's clock."""
        known = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
        return known.astimezone(self.zone)

    def exact(self, moment: datetime | str | None) -> str:
        """Return a moment for a register, to the second: `2026-11-28 17:32:05 +01:00`."""
        if not moment:
            return NONE
        local = self.local(moment)
        return f"{in_register(local.date())} {local:%H:%M:%S} {offset(local)}"

    def minute(self, moment: datetime | str | None) -> str:
        """Return a moment for a register that is read, to the minute: `2026-11-28 17:32 +01:00`."""
        if not moment:
            return NONE
        local = self.local(moment)
        return f"{in_register(local.date())} {local:%H:%M} {offset(local)}"

    def written(self, moment: datetime | str) -> str:
        """Return a moment for a letter, to the minute: `28 November 2026, 17:32`; see `clock` for its offset."""
        local = self.local(moment)
        return _("{day}, {time}").format(day=_in_words(local.date()), time=f"{local:%H:%M}")

    def day(self, day: date | datetime | str) -> str:
        """Return a day in words; given as one, as a UTC moment, or as a moment that the log wrote."""
        known = day if isinstance(day, date) and not isinstance(day, datetime) else self.local(day).date()
        return _in_words(known)

    def month(self, day: date) -> str:
        """Return the month of a day in words: `November 2026`."""
        return f"{day:%B %Y}" if spoken() == ENGLISH else _by_babel(day, "LLLL y")

    def clock(self, moment: datetime) -> str:
        """Return which clock a document goes by, as of a moment: `Europe/Berlin (UTC+01:00)`."""
        return f"{self.zone.key} (UTC{offset(self.local(moment))})"


def in_register(day: date) -> str:
    """Return a day in figures: `2026-11-28`, `28.11.2026` or `28/11/2026`."""
    return day.isoformat() if spoken() == ENGLISH else _by_babel(day, _FIGURES[spoken()])


#: language -> a day in figures, each of two digits, so that columns of them stand straight
_FIGURES = {"de": "dd.MM.y", "fr": "dd/MM/y"}


def in_short(day: date, *, with_year: bool = True) -> str:
    """Return a day as a page of many shows it: `28 Nov 2026`, `28. Nov. 2026`."""
    return _by_babel(day, f"{'d.' if spoken() == 'de' else 'd'} MMM{' y' if with_year else ''}")


def _in_words(day: date) -> str:
    return f"{day.day} {day:%B %Y}" if spoken() == ENGLISH else _by_babel(day, "long")


def _by_babel(day: date, form: str) -> str:
    from babel.dates import format_date  # slow to load, and most commands speak English

    return str(format_date(day, form, locale=spoken()))


def offset(local: datetime) -> str:
    """Return an aware moment's offset from UTC, like +01:00."""
    text = f"{local:%z}"
    return f"{text[:3]}:{text[3:5]}"
