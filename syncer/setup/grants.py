"""Least privilege: the accounts of an installation and the GRANT statements for each kind of server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from syncer.app import make_tables
from syncer.database.revisions import version_table
from syncer.database.tables import Tables
from syncer.intake.wordpress.tables import wordpress_tables
from syncer.settings.checked import Settings

ACCOUNTS: Mapping[str, str] = {
    "producer": "writes requests and can read nothing, not even its own",
    "daemon": "takes, delivers and reads back; `run`, `drain` and every command but `retention`, `init`, `db upgrade`",
    "reader": "`status`, `events`, `show` and `audit verify`; sees no sealed address and writes nothing",
    "retention": "`retention`: purges audit bodies that are past their time, and nothing else",
    "migrate": "`init` and `db upgrade`; not needed at run time, so keep it out of the daemon's settings",
}
#: what the names of the accounts begin with
NAMES = "syncer_"
#: what a producer writes of a queue row: neither the number nor that it was taken
QUEUE_WRITTEN = ("event_key", "kind", "email", "received_at", "source", "source_ref", "created_at")
#: what the daemon may change of a queue row: it takes it and blanks the address
QUEUE_TAKEN = ("email", "taken_at")
#: what the daemon changes of an event: never who asked for what and when. Of these `subject` alone says who: `resync`
#: gives it to an event whose address nobody could read
EVENT_CHANGED = (
    "subject", "email_sealed", "due_on", "legal_due_on", "extended_at", "informed_on", "state", "code",
    "fulfilled_at", "rechecks_done", "next_recheck_at", "shredded_at",
)  # fmt: skip
#: what the daemon changes of a delivery: never the plan
DELIVERY_CHANGED = (
    "state", "outcome", "code", "attempts", "next_attempt_at", "claim_rank", "due_on", "applied_at", "confirmed_at",
    "unseen", "failing_since",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Grant:
    """What one account may do with one table, or with some of its columns; None means the whole table."""

    account: str
    table: str
    verbs: tuple[str, ...]
    columns: tuple[str, ...] | None = None


def grants(tables: Tables) -> list[Grant]:
    """Return what each account but `migrate` needs, and nothing more."""
    return [*_producer(tables), *_daemon(tables), *_reader(tables), *_retention(tables)]


def _producer(tables: Tables) -> list[Grant]:
    return [Grant("producer", tables.queue.name, ("INSERT",), QUEUE_WRITTEN)]


def _daemon(tables: Tables) -> list[Grant]:
    queue, event, delivery = tables.queue.name, tables.event.name, tables.delivery.name

    def may(table: str, *verbs: str, changes: tuple[str, ...] = ()) -> list[Grant]:
        update = [Grant("daemon", table, ("UPDATE",), changes)] if changes else []
        return [Grant("daemon", table, verbs), *update]

    return [
        *may(queue, "SELECT", changes=QUEUE_TAKEN),
        Grant("daemon", queue, ("INSERT",), QUEUE_WRITTEN),  # for `syncer submit`
        *may(event, "SELECT", "INSERT", changes=EVENT_CHANGED),
        *may(delivery, "SELECT", "INSERT", changes=DELIVERY_CHANGED),
        *(
            line
            for table in (tables.lane, tables.watch)
            for line in may(table.name, "SELECT", "INSERT", changes=_but_keys(table))
        ),
        # the whole row: MariaDB asks for the key's columns too where a row is there already
        *may(tables.tally.name, "SELECT", "INSERT", "UPDATE"),
        # a daemon that stops deletes its row, and one that starts deletes the rows of those that died
        *may(tables.daemon.name, "SELECT", "INSERT", "DELETE", changes=("seen_until",)),
        *(line for name in _swept(tables) for line in may(name, "SELECT", "INSERT", "DELETE")),
        *may(tables.audit.name, "SELECT", "INSERT"),
        *may(tables.head.name, "SELECT", changes=_but_keys(tables.head)),
        *may(tables.checkpoint.name, "SELECT", "INSERT"),
        *(
            line
            for table in (tables.anchor, tables.verification, tables.progress)
            for line in may(table.name, "SELECT", "INSERT", changes=_but_keys(table))
        ),
        *may(version_table(tables.prefix), "SELECT"),
    ]


def _reader(tables: Tables) -> list[Grant]:
    readable = tuple(column.name for column in tables.event.c if column.name != "email_sealed")
    whole = [table.name for table in tables.own if table is not tables.event]
    return [
        Grant("reader", tables.queue.name, ("SELECT",), ("id", "taken_at")),
        Grant("reader", tables.event.name, ("SELECT",), readable),
        *(Grant("reader", name, ("SELECT",)) for name in (*whole, *_swept(tables), version_table(tables.prefix))),
    ]


def _retention(tables: Tables) -> list[Grant]:
    return [
        Grant("retention", tables.audit.name, ("SELECT", "INSERT")),
        Grant("retention", tables.audit.name, ("UPDATE",), ("body",)),
        Grant("retention", tables.head.name, ("SELECT",)),
        Grant("retention", tables.head.name, ("UPDATE",), ("seq", "mac")),
        Grant("retention", tables.checkpoint.name, ("SELECT",)),  # the comparison before the first write
        Grant("retention", tables.event.name, ("SELECT",), ("id", "state", "fulfilled_at")),
        Grant("retention", version_table(tables.prefix), ("SELECT",)),
    ]


def _swept(tables: Tables) -> list[str]:
    wordpress = wordpress_tables(tables.prefix)
    return [wordpress.request.name, wordpress.site.name]


def _but_keys(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.c if not column.primary_key)


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
    for account, purpose in ACCOUNTS.items():
        own = [grant for grant in wanted if grant.account == account]
        if not own and account != "migrate":
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
        for name in dict.fromkeys(grant.table for grant in own):
            yield f'REVOKE ALL ON "{name}" FROM {who};'  # what an earlier syncer asked for
        for grant in own:
            yield f'GRANT {_verbs(grant, chr(34))} ON "{grant.table}" TO {who};'
            if "INSERT" in grant.verbs and grant.table in (tables.queue.name, tables.delivery.name):
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
