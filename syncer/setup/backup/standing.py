"""How backups stand, for `syncer check`: when the last good one was made, and where key and database lie."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from adapters.contract import Check
from syncer.app import App
from syncer.database import sqlite_files
from syncer.reports.wording.words import day_time
from syncer.setup.backup.make import MADE

_REMEDY = "run `syncer backup DIR`, and let a timer run it daily"


def run(app: App) -> list[Check]:
    """Return a finding about the last backup, and one where key file and database lie on one device."""
    return [_last(app), *_devices(app)]


def _last(app: App) -> Check:
    made = app.ledger.entries((MADE,))
    hours = app.settings.backup.alarm_hours
    if not made:
        return Check("last backup", True, "none was made and verified yet", _REMEDY, warn=True)
    age = app.clock() - datetime.fromisoformat(made[-1].at)
    said = f"made {day_time(made[-1].at)}"
    if abs(age) <= timedelta(hours=hours):
        return Check("last backup", True, said)
    return Check("last backup", True, f"{said}, more than {hours} hours ago", _REMEDY, warn=True)


def _devices(app: App) -> list[Check]:
    """Say where one disk holds both; a server's disks cannot be seen from here."""
    file, key = sqlite_files.file_of(app.engine.url), app.settings.identity.key_file
    with suppress(OSError):
        if file is not None and file.stat().st_dev == key.stat().st_dev:
            what = "both lie on one device: who gets a copy of that disk opens every stored address"
            mend = "move the key file elsewhere and name it in [identity] key_file, or hand it over by LoadCredential="
            return [Check("key and database", True, what, mend, warn=True)]
    return []
