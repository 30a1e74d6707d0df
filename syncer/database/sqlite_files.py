"""The files of an SQLite database: who may read them, and what stays in the log beside them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa

from syncer.errors import UserError

#: what SQLite puts beside the file, with the file's own mode (https://sqlite.org/tempfiles.html)
BESIDE = ("-wal", "-shm", "-journal")
OTHERS = stat.S_IRWXO
GROUP_AND_OTHERS = stat.S_IRWXG | stat.S_IRWXO
#: milliseconds that emptying the log waits for a reader or a writer; it is tried again soon
PATIENCE = 200


def file_of(url: sa.URL) -> Path | None:
    """Return the file that a URL names, also as a `file:` URI; None for a database in memory."""
    name = url.database or ""
    if name.startswith("file:"):
        name = "" if "mode=memory" in name or url.query.get("mode") == "memory" else unquote(urlsplit(name).path)
    if url.get_backend_name() != "sqlite" or not name or name.startswith(":memory:"):
        return None
    return Path(name)


def close_to_others(path: Path, *, shared: bool = False) -> None:
    """Make a missing file for its owner alone (0600), and take from others what they may do with one of ours.

    `shared` leaves the group its rights: a producer of another system user reaches the queue's own file by them.
    Raises UserError for a file of another user that everybody may read, and for one that cannot be made safely.
    """
    if not os.path.lexists(path):
        _require_own(path.parent)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        return
    except FileExistsError:
        pass
    except OSError:
        return  # SQLite says it better
    if path.is_symlink() and not path.exists():
        raise UserError(f"{path}: this is a link to a file that is not there; remove it, or make that file")
    for each in (path, *(path.with_name(path.name + end) for end in BESIDE)):
        with contextlib.suppress(FileNotFoundError):
            _tighten(each, OTHERS if shared else GROUP_AND_OTHERS)


def problem(path: Path) -> str | None:
    """Return what is wrong with the folder of a database, with its remedy; None where nobody else may write there."""
    mode = path.parent.stat().st_mode
    if not mode & (stat.S_IWGRP | stat.S_IWOTH):
        return None
    who = "everybody" if mode & stat.S_IWOTH else "a group"
    # a journal found beside a file is played back into it (https://sqlite.org/lockingv3.html#hot_journals)
    return (
        f"{who} may write into {path.parent}, and put a journal there that SQLite plays back into the database;"
        f" run `chmod go-w {path.parent}`"
    )


def _require_own(folder: Path) -> None:
    with contextlib.suppress(OSError):
        if folder.stat().st_mode & stat.S_IWOTH:
            raise UserError(
                f"{folder}: everybody on this machine may write into this folder, so no database is made there;"
                f" choose a folder of its own, or run `chmod o-w {folder}`"
            )


def _tighten(path: Path, beyond: int) -> None:
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISREG(found.st_mode) or not mode & beyond:
        return
    with contextlib.suppress(OSError):
        path.chmod(mode & ~beyond)
        return
    if mode & OTHERS:
        raise UserError(f"{path}: everybody on this machine can read it; run `chmod o-rwx {path}` as its owner")


def empty_log(engine: sa.Engine) -> bool:
    """Empty the write-ahead log of an SQLite database, where blanked and shredded addresses live on in old pages.

    Return False while another connection reads or writes there, or the disk refuses: then it is to be tried again.
    A log that is empty costs one look at the file. Other engines keep their logs themselves: True.
    """
    path = file_of(engine.url)
    if path is None:
        return True
    try:
        if path.with_name(path.name + "-wal").stat().st_size == 0:
            return True
    except OSError:
        return True  # there is none
    # not a transaction: a checkpoint within one is refused (https://sqlite.org/pragma.html#pragma_wal_checkpoint)
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        (before,) = cursor.execute("PRAGMA busy_timeout").fetchone()
        cursor.execute(f"PRAGMA busy_timeout = {PATIENCE}")
        try:
            busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            cursor.execute(f"PRAGMA busy_timeout = {before}")
        return not busy
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
