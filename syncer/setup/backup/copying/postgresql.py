"""PostgreSQL: an archive of `pg_dump`, put back by `pg_restore`."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.database import tls
from syncer.database.tls import ServerLogin
from syncer.errors import UserError
from syncer.settings.secret_file import SECRET_KEY
from syncer.setup.backup.copying import clients

_PACKAGE = "postgresql-client"
#: an archive by a number, a kind and a name, as `pg_restore --list` writes it: `215; 2620 16412 TRIGGER public …`
_TRIGGER = re.compile(r"\d+; \d+ \d+ TRIGGER ")


def dump(engine: sa.Engine, login: ServerLogin, tables: Sequence[str], part: Path) -> None:
    """Write one moment of these tables as an archive into a new file (0600), durably. Raises UserError."""
    binary = clients.program("pg_dump", package=_PACKAGE)
    _require_new_enough(binary, engine)
    os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    with engine.connect() as connection:
        schema = sa.inspect(connection).default_schema_name or "public"
    wanted = [f'--table="{schema}"."{name}"' for name in tables]
    with _conninfo(login) as (target, env):
        words = [binary, "--format=custom", "--no-owner", "--no-privileges", "--no-password", f"--file={part}"]
        clients.run([*words, *wanted, f"--dbname={target}"], env=env)
    with part.open("rb") as written:
        os.fsync(written.fileno())


def load(backup: Path, login: ServerLogin) -> None:
    """Restore an archive into the empty database that the URL names, all of it or nothing. Raises UserError."""
    binary = clients.program("pg_restore", package=_PACKAGE)
    listed = clients.run([binary, "--list", str(backup)], stdout=subprocess.PIPE).splitlines(keepends=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix="syncer-") as contents:
        # the functions of the triggers are in no table: syncer makes both itself
        contents.writelines(line for line in listed if not _TRIGGER.match(line))
        contents.flush()
        with _conninfo(login) as (target, env):
            words = [binary, "--no-owner", "--no-privileges", "--no-password", "--exit-on-error"]
            words += ["--single-transaction", f"--use-list={contents.name}", f"--dbname={target}"]
            clients.run([*words, str(backup)], env=env)


def _require_new_enough(binary: str, engine: sa.Engine) -> None:
    """Raise UserError for a client that is older than the server: it refuses to dump that one."""
    said = clients.run([binary, "--version"], stdout=subprocess.PIPE)
    found = re.search(r"\) (\d+)", said)
    with engine.connect() as connection:
        version: Any = connection.dialect.server_version_info
    if found is not None and int(found[1]) < version[0]:
        raise UserError(
            f"the server is PostgreSQL {version[0]}, and this pg_dump is {found[1]}, which cannot dump it;"
            f" run `apt install postgresql-client-{version[0]}`"
        )


@contextmanager
def _conninfo(login: ServerLogin) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield the connection string without the password, and the environment that names the password's file."""
    from psycopg.conninfo import make_conninfo

    url = sa.make_url(login.url).set(drivername="postgresql+psycopg")
    _, given = url.get_dialect()().create_connect_args(url)
    given = {**given, **tls.arguments(login, "postgresql")}
    password = given.pop("password", None)
    secret = [name for name in given if SECRET_KEY.fullmatch(name)]
    if secret:
        raise UserError(f"{login.place} url: a backup cannot hand {secret[0]} to the client; take it out")
    given.pop("context", None)  # the driver's own
    target = make_conninfo(**given)
    if password is None:
        yield target, {}
        return
    if "\n" in password:
        raise UserError("a backup cannot hand a password with line breaks to the client; choose another password")
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    with clients.secret_file(f"*:*:*:*:{escaped}\n") as path:
        yield target, {"PGPASSFILE": str(path)}
