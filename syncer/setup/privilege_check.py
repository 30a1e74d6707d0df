"""What `syncer check` tries on purpose: statements that must be refused. Everything is rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from adapters.contract import Check
from syncer.audit.chain import ZERO
from syncer.database.connections import undone
from syncer.database.tables import Tables

_TRIGGERS = (
    "find out who dropped the trigger, and by `syncer audit verify` what was changed; `syncer db upgrade` creates it"
    " again"
)
_ACCOUNTS = "give the daemon an account of its own: `syncer db grants` prints the statements"


#: statements to try, by the name under which they are reported; the last of each must be refused
Statements = dict[str, tuple[str, ...]]


def run(engine: sa.Engine, queue: sa.Engine, tables: Tables) -> list[Check]:
    """Try to change and delete an audit entry, and whatever else the account should be refused. Return the findings."""
    kind = engine.dialect.name
    findings = [_append_only(list(_not_refused(engine, _on_audit(kind, tables), tables)))]
    if kind == "sqlite":
        return findings
    loose = list(_not_refused(engine, _beyond(kind, tables), tables)) + _privileges(engine, tables)
    loose += list(_not_refused(queue, _on_queue(tables), tables))
    findings.append(_account(loose))
    if kind == "mysql":
        findings.append(_binlog(engine))
    return findings


def _append_only(allowed: list[str]) -> Check:
    name = "audit is append-only"
    if allowed:
        return Check(name, False, f"NOT refused: {', '.join(allowed)}", _TRIGGERS)
    return Check(name, True, "UPDATE, DELETE and overwriting are refused")


def _account(loose: list[str]) -> Check:
    # a warning, not a failure: on one shared account syncer works, but the database does not protect its log
    if loose:
        return Check("account", True, f"warning: the account may also {', '.join(loose)}", _ACCOUNTS)
    return Check("account", True, "the account may do no more than it needs")


def _on_audit(kind: str, tables: Tables) -> Statements:
    """Return what the triggers refuse, to be tried on an entry that is made for it and rolled back with it."""
    t = tables.audit.name
    update, delete = f"UPDATE {t} SET body = 'x' WHERE seq = :seq", f"DELETE FROM {t} WHERE seq = :seq"
    wanted: Statements = {"UPDATE": (update,), "DELETE": (delete,)}
    if kind == "postgresql":
        return wanted | {
            "TRUNCATE": (f"TRUNCATE {t}",),
            "UPDATE as a replica": ("SET LOCAL session_replication_role = replica", update),
        }
    copy = f"SELECT seq, at, what, event_id, destination, body, leaf, mac FROM {t} WHERE seq = :seq"
    return wanted | {"REPLACE": (f"REPLACE INTO {t} (seq, at, what, event_id, destination, body, leaf, mac) {copy}",)}


def _beyond(kind: str, tables: Tables) -> Statements:
    """Return what an account of least privilege is refused. No row fits: only the right to try counts."""
    t = tables.audit.name
    wanted: Statements = {
        "delete events": (f"DELETE FROM {tables.event.name} WHERE 1 = 0",),
        "delete deliveries": (f"DELETE FROM {tables.delivery.name} WHERE 1 = 0",),
        "delete the audit head": (f"DELETE FROM {tables.head.name} WHERE 1 = 0",),
        "change audit entries where no trigger stands": (f"UPDATE {t} SET at = at WHERE 1 = 0",),
    }
    if kind == "postgresql":
        wanted["disable the audit's triggers"] = (f"ALTER TABLE {t} DISABLE TRIGGER USER",)
    return wanted


def _on_queue(tables: Tables) -> Statements:
    name = tables.queue.name
    return {
        "delete queue rows": (f"DELETE FROM {name} WHERE 1 = 0",),
        "change the key of queue rows": (f"UPDATE {name} SET event_key = event_key WHERE 1 = 0",),
    }


def _not_refused(engine: sa.Engine, wanted: Statements, tables: Tables) -> Iterator[str]:
    """Yield the names of what went through, each tried in a transaction of its own."""
    for name, statements in wanted.items():
        try:
            with undone(engine) as connection:
                _try(connection, statements, tables)
        except sa.exc.DBAPIError:
            continue
        yield name


def _try(connection: sa.Connection, statements: Sequence[str], tables: Tables) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
    values = {"seq": _entry(connection, tables)} if ":seq" in statements[-1] else {}
    for statement in statements:
        connection.execute(sa.text(statement), values if ":seq" in statement else {})


def _entry(connection: sa.Connection, tables: Tables) -> int:
    """Insert an entry that is rolled back; its number is free, since the head row's lock keeps all others waiting."""
    last = connection.execute(sa.select(tables.head.c.seq).with_for_update()).scalar_one()
    seq = int(last) + 1
    row = {"seq": seq, "at": "", "what": "check", "body": "", "leaf": ZERO, "mac": ZERO}
    connection.execute(tables.audit.insert().values(row))
    return seq


def _privileges(engine: sa.Engine, tables: Tables) -> list[str]:
    """Return what MariaDB and MySQL grant that cannot be tried there: TRUNCATE and DROP TRIGGER commit at once."""
    if engine.dialect.name != "mysql":
        return []
    query = sa.text(
        "SELECT privilege_type FROM information_schema.user_privileges"
        " WHERE grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
        " UNION SELECT privilege_type FROM information_schema.schema_privileges WHERE table_schema = DATABASE()"
        " UNION SELECT privilege_type FROM information_schema.table_privileges"
        " WHERE table_schema = DATABASE() AND table_name = :audit"
    )
    with engine.connect() as connection:
        held = set(connection.execute(query, {"audit": tables.audit.name}).scalars())
    names = {"DROP": "truncate the audit", "TRIGGER": "drop the audit's triggers"}
    return [name for privilege, name in names.items() if privilege in held]


def _binlog(engine: sa.Engine) -> Check:
    with engine.connect() as connection:
        logged, form = connection.exec_driver_sql("SELECT @@log_bin, @@binlog_format").one()
    if logged and form == "STATEMENT":
        detail = "binlog_format is STATEMENT: the server refuses every write of READ COMMITTED (error 1665)"
        return Check("binary log", False, detail, "set binlog_format = MIXED or ROW on the server")
    return Check("binary log", True, f"{form}" if logged else "off")
