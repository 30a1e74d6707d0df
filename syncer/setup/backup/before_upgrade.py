"""A copy of an SQLite database before its schema changes, beside it: what an upgrade is taken back with."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa

from syncer.database import sqlite_files
from syncer.setup.backup.copying import sqlite
from syncer.setup.backup.manifest import BackupFailed

_NAME = re.compile(r"pre-\d{4}\.db")
KEPT = 3


def keep(engine: sa.Engine, revision: str) -> Path | None:
    """Copy an SQLite file to `pre-REVISION.db` and return its path; None on a server. The newest three stay.

    Raises BackupFailed where there is no room, and for a damaged database: then nothing must be upgraded.
    """
    file = sqlite_files.file_of(engine.url)
    if file is None:
        return None
    target = file.with_name(f"pre-{revision}.db")
    part = target.with_name(f".{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        _require_room(file)
        sqlite.dump(engine, part)
        _require_sound(part)
        _require_same(part, target)
        os.replace(part, target)
        sqlite.sync_folder(target.parent)
    except OSError as error:
        raise BackupFailed(f"{target}: not written ({error.strerror}), so nothing was upgraded; make room") from None
    finally:
        part.unlink(missing_ok=True)
    for old in sorted(path for path in file.parent.iterdir() if _NAME.fullmatch(path.name))[:-KEPT]:
        old.unlink()
    return target


def _require_room(file: Path) -> None:
    needed = sum(path.stat().st_size for path in (file, file.with_name(file.name + "-wal")) if path.exists())
    free = shutil.disk_usage(file.parent).free
    # the upgrade itself writes as well
    if free < 2 * needed:
        raise BackupFailed(
            f"{file.parent}: {free // 2**20} MiB are free, and the backup before the upgrade and the upgrade itself"
            f" need {2 * needed // 2**20 + 1} MiB; make room, nothing was upgraded"
        )


def _require_sound(part: Path) -> None:
    with closing(sqlite3.connect(f"{part.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        if copy.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
            raise BackupFailed(f"{part}: the database is damaged, so nothing was upgraded; put back one that is whole")


def _require_same(part: Path, target: Path) -> None:
    """Raise BackupFailed where the name is taken by something else than a backup of this database."""
    if not os.path.lexists(target):
        return
    try:
        is_ours = _key_check(part) == _key_check(target)
    except sqlite3.Error:  # a folder, a dangling link, or what is no database or may not be read
        is_ours = False
    if not is_ours:
        raise BackupFailed(f"{target}: this is no copy of this database; move it away, nothing was upgraded")


def _key_check(file: Path) -> object:
    with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
        named = copy.execute("SELECT name FROM sqlite_master WHERE name LIKE '%audit_head' ORDER BY name").fetchone()
        return copy.execute(f'SELECT key_check FROM "{named[0]}"').fetchone() if named else None  # noqa: S608
