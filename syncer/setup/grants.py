"""Least privilege: the accounts of an installation and the GRANT statements for each kind of server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from syncer.app import make_tables
from syncer.database.tables import Tables
from syncer.settings.checked import Settings
from syncer.setup.granted import console, work
from syncer.setup.granted.grant import Grant

ACCOUNTS: Mapping[str, str] = {
    "producer": "writes requests and can read nothing, not even its own",
    "daemon": "takes, delivers and reads back; `run`, `drain` and every command but `retention`, `init`, `db upgrade`",
    "reader": "`status`, `events`, `show` and `audit verify`; sees no sealed address and writes nothing",
    "console_reader": "`syncer console` with actions = false: as reader, and signs people in and writes who looked",
    "console": "`syncer console`: decides as well, and queues requests; sees no sealed address either",
    "retention": "`retention`: purges audit bodies that are past their time, and nothing else",
    "migrate": "`init` and `db upgrade`; not needed at run time, so keep it out of the daemon's settings",
}
#: what the names of the accounts begin with
NAMES = "syncer_"


def grants(tables: Tables) -> list[Grant]:
    """Return what each account but `migrate` needs, and nothing more."""
    at_work = [*work.producer(tables), *work.daemon(tables), *console.of_the_commands(tables)]
    return [
        *at_work,
        *work.reader(tables),
        *console.console_reader(tables),
        *console.console(tables),
        *work.retention(tables),
    ]


def installation_statements(settings: Settings, host: str) -> str:
    """Return the statements for every account of an installation; a queue's own database comes last.

    `host` is where a MariaDB account connects from.
    """
    tables = make_tables(settings)
    wanted = grants(tables)
    if settings.queue.url is None:
        return _for_server(settings.database.url, tables, wanted, host)
    own = [grant for grant in wanted if grant.table != tables.queue.name]
    queue = [grant for grant in wanted if grant.table == tables.queue.name]
    return _for_server(settings.database.url, tables, own, host) + _for_server(settings.queue.url, tables, queue, host)


def _for_server(address: str, tables: Tables, wanted: Sequence[Grant], host: str) -> str:
    url = sa.make_url(address)
    kind = url.get_backend_name().replace("mariadb", "mysql")
    return statements(kind, tables, wanted, url.database or "", host)


def statements(kind: str, tables: Tables, wanted: Sequence[Grant], database: str, host: str = "localhost") -> str:
    """Return the SQL text of the statements for one server, which its administrator runs.

    `kind` is the dialect (mysql, postgresql, sqlite), `wanted` the grants on the tables of `database`, `host` where a
    MariaDB account connects from. Passwords are the administrator's to choose: none is in the text.
    """
    if kind == "sqlite":
        return _SQLITE.format(database=database)
    lines = _postgresql(tables, wanted, database) if kind == "postgresql" else _mysql(wanted, database, host)
    return "\n".join(lines) + "\n"


_SQLITE = """\
-- SQLite has no accounts: whoever can write the file can change everything, triggers included.
-- Let one system user run syncer and own the folder, and nobody else in:
--   chown syncer: {database} && chmod 600 {database} && chmod 700 "$(dirname {database})"
-- A producer that runs as another user needs a database of its own: [queue] url.
"""


# a locked account without a password lets nobody in, neither before nor between the two steps of its comment
# (https://mariadb.com/kb/en/account-locking/, https://dev.mysql.com/doc/refman/8.0/en/account-locking.html)
_MYSQL_HEAD = """\
-- Each new account is locked, so that nobody gets in before it has a password: run the two statements beside it.
-- Where syncer runs as a system user of this host, the account may have that user's name instead, no password, and
-- IDENTIFIED VIA unix_socket (MariaDB) or IDENTIFIED WITH auth_socket (MySQL).
-- An account that an earlier syncer asked for may do more. Take it all back first, then grant it anew:
--   REVOKE ALL PRIVILEGES, GRANT OPTION FROM 'syncer_…'@'…';
-- That takes what `syncer wordpress grants` gave as well, so run that again too.
"""
_POSTGRESQL_HEAD = """\
-- Each new role may not log in before you let it: run the two statements beside it (\\password is a command of psql).
-- Where pg_hba.conf says "trust", no password is asked for and everybody who reaches the server is any role: see that
-- its lines for this database say "scram-sha-256" (or "peer", for a system user of the role's name).
"""


def _mysql(wanted: Sequence[Grant], database: str, host: str) -> Iterator[str]:
    yield _MYSQL_HEAD
    for account, purpose in ACCOUNTS.items():
        own = [grant for grant in wanted if grant.account == account]
        if not own and account != "migrate":
            continue
        who = f"'{NAMES}{account}'@'{host}'"
        yield f"-- {account}: {purpose}"
        then = f"ALTER USER {who} IDENTIFIED BY '…'; ALTER USER {who} ACCOUNT UNLOCK;"
        yield f"CREATE USER IF NOT EXISTS {who} ACCOUNT LOCK;  -- then: {then}"
        yield from (f"GRANT {_verbs(grant, '`')} ON `{database}`.`{grant.table}` TO {who};" for grant in own)
        if account == "migrate":
            verbs = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER"
            yield f"GRANT {verbs} ON `{database}`.* TO {who};"
        yield ""


def _postgresql(tables: Tables, wanted: Sequence[Grant], database: str) -> Iterator[str]:
    yield _POSTGRESQL_HEAD
    own = (tables.delivery, tables.alert, tables.alert_message, tables.proposal)
    numbered = {table.name for table in (tables.queue, *own)}
    for account, purpose in ACCOUNTS.items():
        given = [grant for grant in wanted if grant.account == account]
        if not given and account != "migrate":
            continue
        who = f'"{NAMES}{account}"'
        yield f"-- {account}: {purpose}"
        yield (
            f"DO $$ BEGIN CREATE ROLE {who} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            f"  -- then: \\password {who}, and: ALTER ROLE {who} LOGIN;"
        )
        yield f'GRANT CONNECT ON DATABASE "{database}" TO {who};'
        yield f"GRANT USAGE{', CREATE' if account == 'migrate' else ''} ON SCHEMA public TO {who};"
        if account == "migrate":
            yield from _owned(tables, wanted, who)
        for name in dict.fromkeys(grant.table for grant in given):
            yield f'REVOKE ALL ON "{name}" FROM {who};'  # what an earlier syncer asked for
        for grant in given:
            yield f'GRANT {_verbs(grant, chr(34))} ON "{grant.table}" TO {who};'
            if "INSERT" in grant.verbs and grant.table in numbered:
                yield f'GRANT USAGE ON SEQUENCE "{grant.table}_id_seq" TO {who};'
        yield ""


def _owned(tables: Tables, wanted: Sequence[Grant], who: str) -> Iterator[str]:
    """Yield what gives the tables to one account alone: the owner of a table can disable its triggers."""
    if any(grant.table == tables.audit.name for grant in wanted):
        yield "REVOKE CREATE ON SCHEMA public FROM PUBLIC;"  # as new servers have it from version 15 on
    for name in dict.fromkeys(grant.table for grant in wanted):
        yield f'ALTER TABLE IF EXISTS "{name}" OWNER TO {who};'
    if any(grant.table == tables.audit.name for grant in wanted):
        for function in ("refuse", "guard"):
            yield f"ALTER FUNCTION {tables.audit.name}_{function}() OWNER TO {who};"


def _verbs(grant: Grant, quote: str) -> str:
    columns = f" ({', '.join(f'{quote}{name}{quote}' for name in grant.columns)})" if grant.columns else ""
    return ", ".join(f"{verb}{columns}" for verb in grant.verbs)
