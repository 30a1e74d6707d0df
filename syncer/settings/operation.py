"""The tables of settings.toml about unattended work: the guard, and backups."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.settings.keys.readers import number, read_flag, whole
from syncer.settings.keys.table import Table, key


@dataclass(frozen=True, kw_only=True)
class GuardSettings(Table):
    """How many deletions may begin at a destination within 24 hours before a person is asked.

    `share_percent` is of the contacts that the destination holds. `always_allowed` begins however small the list is;
    with it and `deletions_per_day` at 0 each deletion waits for a person.
    """

    enabled: bool = key(read_flag, True)
    deletions_per_day: int = key(whole(0, 1_000_000), 50, as_json=True)
    share_percent: float = key(number(0, 100), 1.0, as_json=True)
    always_allowed: int = key(whole(0, 1_000_000), 10, as_json=True)


@dataclass(frozen=True, kw_only=True)
class BackupSettings(Table):
    """After how many hours without a good backup an alarm is raised."""

    alarm_hours: int = key(whole(1, 8760), 26, as_json=True)
