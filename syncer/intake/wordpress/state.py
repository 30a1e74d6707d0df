"""How WordPress stands, as a value: what the last sweep saw, and what a person must look at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class WordPressAlarm:
    """Something a person must look at: the request or site it is about, since when (UTC), and what to do."""

    code: str
    about: str
    since: datetime | None
    remedy: str


@dataclass(frozen=True, slots=True)
class WordPressState:
    """How the last sweep went: when (UTC), the sites it could read, and their erasure requests."""

    configured: bool
    swept_at: datetime | None
    sites: int
    requests: int
    alarms: tuple[WordPressAlarm, ...]


#: how it stands where the settings name no WordPress
NOT_CONFIGURED = WordPressState(False, None, 0, 0, ())
