"""A scratch database: where a backup is restored to be verified, and which is gone afterwards."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import sqlalchemy as sa

from syncer.database import engines, revisions, sqlite_files
from syncer.database.failures import in_words
from syncer.database.tables import Tables
from syncer.settings.login import Login
from syncer.setup.backup.copying import mariadb, postgresql, sqlite
from syncer.setup.backup.manifest import BackupFailed

#: what the name of a scratch database on a server begins with
SCRATCH = "syncer_scratch_"
#: seconds after which one is nobody's any more
_LEFT_AFTER = 86_400
_MISSING = {
    "mysql": "this account may make no scratch database; let the administrator run"
    " GRANT ALL ON `syncer\\_scratch\\_%`.* TO {user}",
    "postgresql": "this account may make no scratch database; let the administrator run ALTER ROLE {user} CREATEDB",
}


class NoScratch(BackupFailed):
    """Raised where the account may make no scratch database; the text says what is missing."""


@contextmanager
def restored(engine: str, backup: Path, login: Login, tables: Tables, beside: Path) -> Iterator[Login]:
    """Restore a backup into a scratch database, and yield how to log in to it; it is gone at the end of the block.

    `login` names the server; an SQLite file is made in the folder `beside`. Raises UserError, NoScratch.
    """
    if engine == "sqlite":
        with _scratch_file(backup, beside) as url:
            yield Login(login.place, url)
        return
    with _scratch_database(login, tables.prefix) as there:
        (mariadb if engine == "mysql" else postgresql).load(backup, there)
        with engines.opened(there) as opened:
            revisions.protect_again(opened, tables)
        yield there


@contextmanager
def _scratch_file(backup: Path, folder: Path) -> Iterator[str]:
    part = folder / f"{backup.name.removesuffix('.part')}.scratch.part"
    try:
        part.unlink(missing_ok=True)
        sqlite.load(backup, part)
        yield sa.URL.create("sqlite", database=str(part)).render_as_string()
    finally:
        for each in (part, *(part.with_name(part.name + end) for end in sqlite_files.BESIDE)):
            each.unlink(missing_ok=True)


@contextmanager
def _scratch_database(login: Login, prefix: str) -> Iterator[Login]:
    url = sa.make_url(login.url)
    postgres = url.get_backend_name() == "postgresql"
    like = " TEMPLATE template0 ENCODING 'UTF8'" if postgres else " CHARACTER SET utf8mb4"
    ours = SCRATCH + hashlib.sha256(f"{url.database}/{prefix}".encode()).hexdigest()[:8]
    name = f"{ours}_{int(time.time())}_{secrets.token_hex(2)}"
    with engines.opened(login) as engine:
        _drop_left(engine, ours, postgres=postgres)
        try:
            _run(engine, f"CREATE DATABASE {name}{like}")
        except sa.exc.DBAPIError as error:
            missing = _MISSING["postgresql" if postgres else "mysql"].format(user=url.username or "this account")
            raise NoScratch(f"not verified ({in_words(error)}): {missing}") from None
        try:
            yield replace(login, url=url.set(database=name).render_as_string(hide_password=False))
        finally:
            _drop(engine, name, postgres=postgres)


def _drop_left(engine: sa.Engine, ours: str, *, postgres: bool) -> None:
    """Drop what a killed backup of this database left a day ago or longer: it holds what the backup holds."""
    listed = "SELECT datname FROM pg_database" if postgres else "SELECT schema_name FROM information_schema.schemata"
    with engine.connect() as connection:
        names = connection.exec_driver_sql(listed).scalars().all()
    for name in map(str, names):
        began, _, _ = name.removeprefix(f"{ours}_").partition("_")
        if name.startswith(f"{ours}_") and began.isdecimal() and time.time() - int(began) > _LEFT_AFTER:
            _drop(engine, name, postgres=postgres)


def _drop(engine: sa.Engine, name: str, *, postgres: bool) -> None:
    _run(engine, f"DROP DATABASE {name}{' WITH (FORCE)' if postgres else ''}")


def _run(engine: sa.Engine, statement: str) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql(statement)
