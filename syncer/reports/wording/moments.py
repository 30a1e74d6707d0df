"""Moments as a document shows them: in one zone, the controller's, and each with its offset from UTC. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

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
        return f"{local:%Y-%m-%d %H:%M:%S} {offset(local)}"

    def minute(self, moment: datetime | str | None) -> str:
        """Return a moment for a register that is read, to the minute: `2026-11-28 17:32 +01:00`."""
        if not moment:
            return NONE
        local = self.local(moment)
        return f"{local:%Y-%m-%d %H:%M} {offset(local)}"

    def written(self, moment: datetime | str) -> str:
        """Return a moment for a letter, to the minute: `28 November 2026, 17:32`; see `clock` for its offset."""
        local = self.local(moment)
        return f"{local.day} {local:%B %Y, %H:%M}"

    def day(self, day: date | datetime | str) -> str:
        """Return a day in words; given as one, as a UTC moment, or as a moment that the log wrote."""
        known = day if isinstance(day, date) and not isinstance(day, datetime) else self.local(day).date()
        return f"{known.day} {known:%B %Y}"

    def clock(self, moment: datetime) -> str:
        """Return which clock a document goes by, as of a moment: `Europe/Berlin (UTC+01:00)`."""
        return f"{self.zone.key} (UTC{offset(self.local(moment))})"


def offset(local: datetime) -> str:
    """Return an aware moment's offset from UTC, like +01:00."""
    text = f"{local:%z}"
    return f"{text[:3]}:{text[3:5]}"
