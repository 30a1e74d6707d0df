"""SQLite: a copy by its online backup, never of the file, which may lack what stands in the log beside it."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.database import sqlite_files
from syncer.errors import UserError
from syncer.setup.backup.manifest import BackupFailed

_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
#: what link(2) says on a file system that knows no second name of a file: FAT, exFAT, some shares of a network
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS)


def dump(engine: sa.Engine, part: Path) -> None:
    """Copy one moment of the database into a new file (0600), durably, beside whoever writes. Raises BackupFailed."""
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    source = engine.raw_connection()
    driver: Any = source.driver_connection
    try:
        with closing(sqlite3.connect(part)) as target:
            target.execute("PRAGMA synchronous = OFF")  # synced once, below
            # all pages in one step: with several, each write of another process begins it anew
            # (https://sqlite.org/backup.html)
            driver.backup(target)
        with part.open("rb") as written:
            os.fsync(written.fileno())
    except sqlite3.Error as error:
        raise BackupFailed(f"{part}: the backup was not written: {_why(error)}") from None
    finally:
        source.close()


def _why(error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorcode", 0) & 0xFF in _FULL:
        return "the disk is full or failed; make room and run it again"
    return "the database could not be read; run `syncer check`"


def file_to_be(url: sa.URL) -> Path:
    """Return the file of a database that is to be made. Raises UserError where something is in the way."""
    path = sqlite_files.file_of(url)
    if path is None:
        raise UserError("restore: --into names no file; write it like sqlite:////var/lib/syncer/syncer.db")
    if not path.parent.is_dir():
        raise UserError(f"restore: the folder {path.parent} does not exist; create it")
    if path.exists() and path.stat().st_size == 0:
        path.unlink()
    if os.path.lexists(path):
        raise UserError(f"restore: {path} holds a database already; move it away, or name another file")
    for end in sqlite_files.BESIDE:
        log = path.with_name(path.name + end)
        if os.path.lexists(log):
            # SQLite would play it back into the database that is put here
            raise UserError(f"restore: {log} is left of another database; move it away")
    return path


def load(backup: Path, target: Path) -> None:
    """Put a backup in place as `target`, whole or not at all; its owner is the folder's. Raises BackupFailed."""
    part = target.with_name(f".{target.name}.restore.part")
    try:
        part.unlink(missing_ok=True)
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            with os.fdopen(handle, "wb") as written, backup.open("rb") as source:
                shutil.copyfileobj(source, written, 1 << 20)
                _as_the_folder(written.fileno(), target.parent)
                written.flush()
                os.fsync(written.fileno())
            _give_name(part, target)
        finally:
            part.unlink(missing_ok=True)
        sync_folder(target.parent)
    except OSError as error:
        room = "; make room" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "; correct the path, or its mode"
        raise BackupFailed(f"{target}: cannot be written ({error.strerror}){room}") from None


def _give_name(part: Path, target: Path) -> None:
    """Let a whole file be called `target`; unlike a renaming alone it never takes the place of another file."""
    try:
        os.link(part, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        part.replace(target)


def _as_the_folder(handle: int, folder: Path) -> None:
    """Let a file that root wrote be the service's: whoever owns the folder."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with contextlib.suppress(OSError):
            os.fchown(handle, owner.st_uid, owner.st_gid)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
