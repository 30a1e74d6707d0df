"""`syncer backup`: written beside its place, restored and verified, and only then a backup."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from syncer import __version__
from syncer.app import App
from syncer.clock import stamp
from syncer.database.connections import reading
from syncer.database.failures import half_done, retry_on_conflict
from syncer.errors import UserError
from syncer.setup.backup import examine, keep, scratch
from syncer.setup.backup.copying import mariadb, postgresql, sqlite
from syncer.setup.backup.examine import Contents
from syncer.setup.backup.manifest import (
    CHECKING,
    ENDS,
    LEFT,
    MANIFEST,
    NOTE,
    PART,
    BackupFailed,
    Manifest,
    beside,
    digest_of,
    stem_of,
)

#: the audit's word for a backup that was made and verified
MADE = "backup:made"


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup that was made: its file, its manifest, what was removed, and what a person should know, one line each.

    `unverified` says why it does not count; None where it was restored and verified.
    """

    file: Path
    manifest: Manifest
    removed: tuple[Path, ...]
    remarks: tuple[str, ...]
    unverified: str | None


def make(app: App, folder: Path, keep_newest: int | None = None) -> Backup:
    """Make a backup in a folder, verify it, note it in the log, and remove the older ones beyond `keep_newest`.

    Raises UserError, BackupFailed.
    """
    app.trust.require()  # a database that was put back is no backup of what was there
    with _alone(folder), _in_words(folder):
        _clear(folder)
        engine = app.engine.dialect.name
        file = folder / f"{stem_of(app.clock(), folder, ENDS[engine])}{ENDS[engine]}"
        try:
            backup = _written(app, file)
            if backup.unverified is None:
                _note(app, backup.manifest)
                removed = () if keep_newest is None else keep.thin_out(folder, backup.manifest, keep_newest)
                return Backup(file, backup.manifest, removed, backup.remarks, None)
            return backup
        finally:
            _clear(folder)


def _written(app: App, file: Path) -> Backup:
    part, before, moment = file.with_name(file.name + PART), examine.contents(app), app.clock()
    tables = _tables(app)
    login, engine = app.settings.database_login, app.engine.dialect.name
    if engine == "sqlite":
        sqlite.dump(app.engine, part)
    elif engine == "mysql":
        mariadb.dump(login, tables, part)
    else:
        postgresql.dump(app.engine, login, tables, part)
    unverified, found = None, before
    try:
        with (
            scratch.restored(engine, part, login, app.tables, file.parent) as there,
            examine.opened(app.settings, there) as copy,
        ):
            found = examine.contents(copy)
            examine.require_sound(copy)
    except scratch.NoScratch as missing:
        unverified = str(missing)
    manifest = _manifest(app, part, found, stamp(moment), unverified is None)
    _publish(file, part, manifest)
    return Backup(file, manifest, (), tuple(_remarks(app, file.parent)), unverified)


def _manifest(app: App, part: Path, found: Contents, made: str, verified: bool) -> Manifest:
    return Manifest(
        engine=app.engine.dialect.name,
        schema=found.schema,
        compatible_from=found.compatible_from,
        software=__version__,
        made=made,
        size=part.stat().st_size,
        sha256=digest_of(part),
        prefix=app.settings.database.prefix,
        log=found.log,
        entries=found.entries,
        head=found.head,
        note=found.note,
        queue=app.queue.shared,
        verified=verified,
    )


def _publish(file: Path, part: Path, manifest: Manifest) -> None:
    """Give the backup its name last: what has none beside its manifest was interrupted."""
    for end, text in ((NOTE, manifest.note), (MANIFEST, manifest.text())):
        if text is not None:
            target = beside(file, end)
            written = target.with_name(target.name + PART)
            handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "wb") as opened:
                opened.write(text.encode())
                opened.flush()
                os.fsync(opened.fileno())
            written.rename(target)
    part.rename(file)
    sqlite.sync_folder(file.parent)


@retry_on_conflict
def _note(app: App, manifest: Manifest) -> None:
    facts = {
        "engine": manifest.engine,
        "size": manifest.size,
        "sha256": manifest.sha256,
        "head": manifest.entries,
        "schema": manifest.schema,
    }
    with app.transactions.write() as tx:
        tx.audit.add(MADE, facts=facts)


def _tables(app: App) -> list[str]:
    """Return our tables, also those that a newer syncer added; the queue's where it is here."""
    with reading(app.engine) as connection:
        there = sa.inspect(connection).get_table_names()
    queue = app.tables.queue.name if app.queue.shared else None
    return sorted(name for name in there if name.startswith(app.tables.prefix) or name == queue)


def _remarks(app: App, folder: Path) -> Iterator[str]:
    if not app.queue.shared:
        yield (
            f"the queue table {app.tables.queue.name} lies in another database and is not in this backup: back that one"
            " up as well; after a restore, `syncer replay` lists what was taken from it meanwhile"
        )
    device = folder.stat().st_dev
    with suppress(OSError):
        if app.settings.identity.key_file.stat().st_dev == device:
            yield (
                f"{folder} and the key file lie on one device: who gets that disk has both; carry the backup elsewhere"
            )


# -- the folder ---------------------------------------------------------------------------------------------------


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder; one backup at a time writes there. It is made where it is missing."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise UserError(f"{folder}: cannot be used as a folder ({error.strerror}); make it, or name another") from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupFailed(f"{folder}: another backup is being written there; wait for it") from None
        except OSError:
            pass  # a file system without locks: two at once still have names of their own
        yield
    finally:
        os.close(handle)


def _clear(folder: Path) -> None:
    """Remove what an interruption left: parts, copies being checked, manifest and note without their backup."""
    for path in folder.iterdir():
        if LEFT.fullmatch(path.name):
            path.unlink(missing_ok=True)
    for path in folder.glob(f"syncer-*{MANIFEST}"):
        if keep.is_ours(path) and not any(beside(path, end).exists() for end in ENDS.values()):
            path.unlink(missing_ok=True)
            beside(path, NOTE).unlink(missing_ok=True)
    for path in folder.glob(f"{CHECKING}*"):
        with suppress(OSError):
            _clear_unless_held(path)


def _clear_unless_held(place: Path) -> None:
    """Remove a folder in which a backup was checked. Raises OSError for one in which somebody still does."""
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(place)
    finally:
        os.close(handle)


@contextmanager
def _in_words(folder: Path) -> Iterator[None]:
    try:
        with half_done(f"{folder}: the backup was not made; run `syncer check`"):
            yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise BackupFailed(f"{folder}: the disk is full; make room and run it again") from None
        name = error.filename or folder
        raise BackupFailed(f"{name}: the backup was not written ({error.strerror}); correct its mode") from None
