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
#: what the daemon may change of a queue row: it takes it and blanks the address
QUEUE_COLUMNS = ("email", "taken_at")


@dataclass(frozen=True, slots=True)
class Grant:
    """What one account may do with one table, or with some of its columns; None means the whole table."""

    account: str
    table: str
    verbs: tuple[str, ...]
    columns: tuple[str, ...] | None = None


def grants(tables: Tables) -> list[Grant]:
    """Return what each account but `migrate` needs, and nothing more."""
    queue, audit, head = tables.queue.name, tables.audit.name, tables.head.name
    work = [table.name for table in (tables.event, tables.delivery, tables.lane, tables.watch)]
    wordpress = wordpress_tables(tables.prefix)
    swept = [wordpress.request.name, wordpress.site.name]
    signed = [tables.checkpoint.name, tables.anchor.name, tables.verification.name]
    readable = tuple(column.name for column in tables.event.c if column.name != "email_sealed")
    return [
        Grant("producer", queue, ("INSERT",)),
        Grant("daemon", queue, ("SELECT", "INSERT")),  # INSERT for `syncer submit`
        Grant("daemon", queue, ("UPDATE",), QUEUE_COLUMNS),
        *(Grant("daemon", name, ("SELECT", "INSERT", "UPDATE")) for name in work),
        # a daemon that stops deletes its row, and one that starts deletes the rows of those that died
        Grant("daemon", tables.daemon.name, ("SELECT", "INSERT", "UPDATE", "DELETE")),
        *(Grant("daemon", name, ("SELECT", "INSERT", "DELETE")) for name in swept),
        Grant("daemon", audit, ("SELECT", "INSERT")),
        Grant("daemon", head, ("SELECT", "UPDATE")),
        Grant("daemon", tables.checkpoint.name, ("SELECT", "INSERT")),
        Grant("daemon", tables.anchor.name, ("SELECT", "INSERT", "UPDATE")),
        Grant("daemon", tables.verification.name, ("SELECT", "INSERT", "UPDATE")),
        Grant("daemon", version_table(tables.prefix), ("SELECT",)),
        Grant("reader", queue, ("SELECT",), ("id", "taken_at")),
        Grant("reader", tables.event.name, ("SELECT",), readable),
        *(
            Grant("reader", name, ("SELECT",))
            for name in (*work[1:], *swept, tables.daemon.name, audit, head, *signed, version_table(tables.prefix))
        ),
        Grant("retention", audit, ("SELECT", "INSERT")),
        Grant("retention", audit, ("UPDATE",), ("body",)),
        Grant("retention", head, ("SELECT", "UPDATE")),
        Grant("retention", tables.checkpoint.name, ("SELECT",)),  # the comparison before the first write
        Grant("retention", tables.event.name, ("SELECT",), readable),
        Grant("retention", version_table(tables.prefix), ("SELECT",)),
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


def _mysql(wanted: Sequence[Grant], database: str, host: str) -> Iterator[str]:
    for account, purpose in ACCOUNTS.items():
        own = [grant for grant in wanted if grant.account == account]
        if not own and account != "migrate":
            continue
        who = f"'{NAMES}{account}'@'{host}'"
        yield f"-- {account}: {purpose}"
        yield f"CREATE USER IF NOT EXISTS {who};  -- then: ALTER USER {who} IDENTIFIED BY '…'"
        yield from (f"GRANT {_verbs(grant, '`')} ON `{database}`.`{grant.table}` TO {who};" for grant in own)
        if account == "migrate":
            verbs = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES, TRIGGER"
            yield f"GRANT {verbs} ON `{database}`.* TO {who};"
        yield ""


def _postgresql(tables: Tables, wanted: Sequence[Grant], database: str) -> Iterator[str]:
    for account, purpose in ACCOUNTS.items():
        own = [grant for grant in wanted if grant.account == account]
        if not own and account != "migrate":
            continue
        who = f'"{NAMES}{account}"'
        yield f"-- {account}: {purpose}"
        yield (
            f"DO $$ BEGIN CREATE ROLE {who} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
            f"  -- then: \\password {who}"
        )
        yield f'GRANT CONNECT ON DATABASE "{database}" TO {who};'
        yield f"GRANT USAGE{', CREATE' if account == 'migrate' else ''} ON SCHEMA public TO {who};"
        if account == "migrate":
            # the owner of a table can disable its triggers: the tables belong to this account alone
            for name in dict.fromkeys(grant.table for grant in wanted):
                yield f'ALTER TABLE IF EXISTS "{name}" OWNER TO {who};'
            if any(grant.table == tables.audit.name for grant in wanted):
                for function in ("refuse", "guard"):
                    yield f"ALTER FUNCTION {tables.audit.name}_{function}() OWNER TO {who};"
        for grant in own:
            yield f'GRANT {_verbs(grant, chr(34))} ON "{grant.table}" TO {who};'
            if "INSERT" in grant.verbs and grant.table in (tables.queue.name, tables.delivery.name):
                yield f'GRANT USAGE ON SEQUENCE "{grant.table}_id_seq" TO {who};'
        yield ""


def _verbs(grant: Grant, quote: str) -> str:
    columns = f" ({', '.join(f'{quote}{name}{quote}' for name in grant.columns)})" if grant.columns else ""
    return ", ".join(f"{verb}{columns}" for verb in grant.verbs)
