"""A backup of an SQLite database, and its restore."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path


def backup(source: Path, target: Path) -> None:
    # closed at once: a connection collected later deletes the write-ahead log of the database put in its place
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def restore(copy: Path, database: Path) -> None:
    for name in (database, Path(f"{database}-wal"), Path(f"{database}-shm")):
        name.unlink(missing_ok=True)
    shutil.copy(copy, database)
