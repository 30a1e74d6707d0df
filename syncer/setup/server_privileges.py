"""What an account may do with a server beyond its tables, which cannot be tried there or needs no statement."""

from __future__ import annotations

import re
from collections.abc import Iterator

import sqlalchemy as sa

from syncer.database.connections import undone
from syncer.database.failures import is_denied
from syncer.database.tables import Tables

#: one line of SHOW GRANTS: the rights, and on what
_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<object>.+?) TO ", re.IGNORECASE)
#: the rights on single tables that statements have tried already
_BY_TABLE = {"SELECT", "INSERT", "UPDATE", "DELETE", "USAGE", "PROXY"}
_ROLE = {
    "rolsuper": "is a superuser",
    "rolcreaterole": "create roles",
    "rolcreatedb": "create databases",
    "rolreplication": "replicate the server",
    "rolbypassrls": "pass by row security",
}


def beyond(engine: sa.Engine, tables: Tables) -> Iterator[str]:
    """Yield what the account of `engine` may do with the server beyond the statements of `refusals`, as phrases."""
    if engine.dialect.name == "mysql":
        with engine.connect() as connection:
            lines = [str(line) for line in connection.exec_driver_sql("SHOW GRANTS").scalars()]
        yield from _mysql(lines, {table.name for table in (tables.queue, *tables.own)})
        if not engine.url.password and engine.url.host and "unix_socket" not in engine.url.query:
            yield "log in without a password"
    elif engine.dialect.name == "postgresql":
        yield from _postgresql(engine, tables)


def _mysql(lines: list[str], ours: set[str]) -> Iterator[str]:
    """Yield what SHOW GRANTS tells of whole databases, and of what commits at once: TRUNCATE and DROP TRIGGER."""
    for found in filter(None, map(_GRANT.match, lines)):
        place, rights = found["object"].replace("`", ""), re.sub(r"\(.*?\)", "", found["rights"])
        held = [right.strip().upper() for right in rights.split(",")]
        table = place.rpartition(".")[2]
        if table == "*":
            more = [right for right in held if right not in ("USAGE", "PROXY")]
        else:
            more = [right for right in held if right not in _BY_TABLE] if table in ours else []
        if more:
            yield f"{', '.join(more)} on {place}"
        if "WITH GRANT OPTION" in found.string:
            yield f"pass its rights on {place} on"


def _postgresql(engine: sa.Engine, tables: Tables) -> Iterator[str]:
    t = tables.audit.name
    tried = {
        "create tables": f'CREATE TABLE "{tables.prefix}check_only" ()',
        "disable the audit's triggers": f'ALTER TABLE IF EXISTS "{t}" DISABLE TRIGGER USER',
    }
    for phrase, statement in tried.items():
        try:
            with undone(engine) as connection:
                connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
                connection.exec_driver_sql(statement)
        except sa.exc.DBAPIError as error:
            if is_denied(error):
                continue
        yield phrase
    query = sa.text(f"SELECT {', '.join(_ROLE)} FROM pg_catalog.pg_roles WHERE rolname = current_user")  # noqa: S608
    with engine.connect() as connection:
        row = connection.execute(query).one()
    yield from (phrase for held, phrase in zip(row, _ROLE.values(), strict=True) if held)
