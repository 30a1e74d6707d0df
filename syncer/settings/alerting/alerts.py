"""The tables [alerts] and [heartbeat]: how often people are told, when the digest comes, and the dead man's switch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

from syncer.settings.keys.readers import one_of, read_path, read_text, whole
from syncer.settings.keys.table import Table, key

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_AT = re.compile(rf"({'|'.join(DAYS)}) ([01]\d|2[0-3]):([0-5]\d)")


def _at(given: Any) -> str:
    if not _AT.fullmatch(read_text(given)):
        raise ValueError('is not a day and time; write it like "Mon 08:00"')
    return read_text(given)


@dataclass(frozen=True, kw_only=True)
class AlertsSettings(Table):
    """How often people are reminded, what goes out as one message, and when the digest comes.

    `digest_at` is in the controller's zone; a daily digest uses its time alone.
    """

    repeat_hours: int = key(whole(1, 168), 24, as_json=True)
    group_seconds: int = key(whole(0, 3600), 60, as_json=True)
    digest: Literal["daily", "weekly", "off"] = key(one_of("daily", "weekly", "off"), "weekly")
    digest_at: str = key(_at, "Mon 08:00")

    def digest_moment(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """Return the last moment (UTC) at or before `now` for which there is a digest; None where it is off."""
        if self.digest == "off":
            return None
        day, _, clock = self.digest_at.partition(" ")
        today = now.astimezone(zone).date()
        back = 0 if self.digest == "daily" else (today.weekday() - DAYS.index(day)) % 7
        step = 1 if self.digest == "daily" else 7
        for days in (back, back + step):
            local = datetime.combine(today - timedelta(days=days), time.fromisoformat(clock), zone)
            if (moment := local.astimezone(UTC)) <= now:
                return moment
        return None  # the second is always past


@dataclass(frozen=True, kw_only=True)
class HeartbeatSettings(Table):
    """A dead man's switch elsewhere: a GET of its URL, a secret, as long as all is well."""

    url_env: str | None = key(read_text, None)
    url_file: Path | None = key(read_path, None)
    every_minutes: int = key(whole(1, 1440), 5, as_json=True)

    def require_fit(self) -> None:
        """Raise ValueError unless one place of the URL is named."""
        require_one(url_env=self.url_env, url_file=self.url_file)


def require_one(**places: object) -> None:
    """Raise ValueError unless exactly one of these keys is given."""
    if sum(place is not None for place in places.values()) != 1:
        raise ValueError(f"give {' or '.join(places)}, exactly one of the two")
