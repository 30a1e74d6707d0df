"""`syncer restore` and `syncer backup --check`: what may be put back, where to, and whether it is whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa

from syncer.app import make_tables
from syncer.database import engines, revisions, sqlite_files
from syncer.database.connections import reading
from syncer.database.failures import half_done, in_words
from syncer.delivery.leases import is_running
from syncer.delivery.owners import is_dead
from syncer.errors import UserError
from syncer.settings.checked import Settings
from syncer.settings.login import Login
from syncer.setup.backup import examine, manifest, scratch
from syncer.setup.backup.copying import mariadb, postgresql, sqlite
from syncer.setup.backup.manifest import CHECKING, NOTE, BackupFailed, Manifest, beside


def check(settings: Settings, file: Path) -> Manifest:
    """Verify a backup as when it was made: SHA-256, restored into a scratch database, the log up to its head.

    Raises UserError, BackupFailed.
    """
    found = _usable(settings, file)
    login = settings.database_login
    if found.engine != "sqlite" and _kind(login.url) != found.engine:
        raise UserError(f"{file}: a backup of {found.engine}; name such a server in [database] url to check it")
    try:
        with (
            _place_to_check(file.parent) as place,
            scratch.restored(found.engine, file, login, make_tables(settings), place) as there,
            half_done(f"{file}: not verified; run it again"),
            examine.opened(settings, there) as copy,
        ):
            examine.require_sound(copy, found)
    except OSError as error:
        raise BackupFailed(f"{file}: the scratch copy was not written ({error.strerror}); make room there") from None
    return found


@contextmanager
def _place_to_check(folder: Path) -> Iterator[Path]:
    """Yield a folder for the scratch copy, held until the block ends: a backup clears what nobody holds."""
    # a medium that cannot be written to is where a backup should be
    beside = folder if os.access(folder, os.W_OK) else None
    with TemporaryDirectory(prefix=CHECKING, dir=beside) as place:
        handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield Path(place)
        finally:
            os.close(handle)


def _usable(settings: Settings, file: Path) -> Manifest:
    """Return the manifest of a backup that this code and these settings can use. Raises UserError."""
    found = manifest.read(file)
    manifest.require_whole(file, found)
    if found.schema > revisions.REVISION and not revisions.is_reached(found.schema, found.compatible_from):
        raise UserError(
            f"{file}: its schema {found.schema} is newer than this syncer ({revisions.REVISION}); upgrade syncer"
        )
    if found.prefix != settings.database.prefix:
        remedy = f'write prefix = "{found.prefix}" there, or use the settings it was made with'
        raise UserError(f"{file}: its tables have another prefix than {settings.path}: [database] says; {remedy}")
    return found


def restore(settings: Settings, file: Path, into: str) -> Manifest:
    """Put a backup into an empty database. Raises UserError, BackupFailed."""
    found, login = _usable(settings, file), _login(settings, into)
    if _kind(login.url) != found.engine:
        raise UserError(f"restore: {file} is a backup of {found.engine}; --into names another kind of database")
    if found.engine == "sqlite":
        url = sa.make_url(login.url)
        path = sqlite_files.file_of(url)
        if path is not None and path.exists() and path.stat().st_size:
            with engines.opened(login) as engine:
                _require_empty(engine, settings)
        sqlite.load(file, sqlite.file_to_be(url))
        return found
    with engines.opened(login) as engine:
        _require_empty(engine, settings)
        try:
            (mariadb if found.engine == "mysql" else postgresql).load(file, login)
            revisions.protect_again(engine, make_tables(settings))
        except (BackupFailed, sa.exc.SQLAlchemyError) as error:
            why = str(error) if isinstance(error, BackupFailed) else in_words(error)
            remedy = "make that database anew before the next attempt: a part may be in it"
            raise BackupFailed(f"restore: {why}; {remedy}") from None
    return found


def _login(settings: Settings, into: str) -> Login:
    try:
        url = sa.make_url(into)
        kind = _kind(into)
    except (sa.exc.ArgumentError, ValueError):
        raise UserError("restore: --into is not a database URL; write it like sqlite:////var/lib/x.db") from None
    if url.password is not None:
        raise UserError(
            "restore: a password does not belong on the command line; leave it out of --into, [database] says it"
        )
    if kind == "sqlite":
        file = sqlite_files.file_of(url)
        place = str(Path(os.path.abspath(file))) if file is not None else url.database
        return Login("restore: --into", url.set(database=place).render_as_string(hide_password=False))
    own = settings.database_login
    password = sa.make_url(own.url).password
    return replace(own, url=url.set(password=password).render_as_string(hide_password=False))


def _kind(url: str) -> str:
    return sa.make_url(url).get_backend_name().replace("mariadb", "mysql")


def _require_empty(engine: sa.Engine, settings: Settings) -> None:
    """Raise UserError where a daemon runs on the target, and where it holds tables of ours."""
    tables = make_tables(settings)
    try:
        with reading(engine) as connection:
            there = set(sa.inspect(connection).get_table_names())
            if {tables.daemon.name, tables.lane.name} <= there:
                daemons = connection.execute(_running(connection, tables.daemon, "seen_until")).scalars().all()
                lanes = connection.execute(_running(connection, tables.lane, "lease_until")).scalars().all()
                if any(owner and not is_dead(owner) for owner in [*daemons, *lanes]):
                    raise UserError("restore: a daemon runs on this database; stop every daemon first")
    except sa.exc.SQLAlchemyError as error:
        raise UserError(
            f"restore: the database of --into cannot be used ({in_words(error)}); make it, or correct the URL"
        ) from None
    ours = sorted(name for name in there if name.startswith(tables.prefix) or name == tables.queue.name)
    if ours:
        file = sqlite_files.file_of(engine.url)
        remedy = f"move {file} away with its -wal and -shm" if file is not None else "name an empty database"
        raise UserError(f"restore: the database of --into holds syncer's tables already; {remedy}")


def _running(connection: sa.Connection, table: sa.Table, until: str) -> sa.Select[Any]:
    return sa.select(table.c.owner).where(is_running(connection, table.c[until]))


def next_steps(settings: Settings, file: Path, found: Manifest, into: str) -> Iterator[str]:
    """Yield what comes after a restore, one line each, in this order."""
    named = (sa.make_url(_login(settings, into).url), sa.make_url(settings.database.url))
    if len({(url.host, url.port, url.database) for url in named}) > 1:
        yield f"name this database in {settings.path}: [database] url"
    if found.schema < revisions.REVISION:
        yield "syncer db upgrade"
    note = beside(file, NOTE)
    yield "syncer check                       # says whether the database is behind its newest note"
    yield 'syncer audit fork --reason "…"     # where it is; with --against NOTE where the notes are elsewhere'
    since = str(note) if note.exists() else "NOTE"
    yield f'syncer replay --since {since} --reason "…"'
    if settings.wordpress is not None:
        yield "syncer wordpress sweep"
    yield "then start the daemons"
