"""What `syncer check` tries on purpose: statements that must be refused. Everything is rolled back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from adapters.contract import Check
from syncer.audit.chain import ZERO
from syncer.database.connections import undone
from syncer.database.failures import in_words, is_conflict, is_denied, is_outage
from syncer.database.tables import Tables
from syncer.setup import server_privileges
from syncer.setup.refusals import Forbidden, phrases, refusals

_TRIGGERS = (
    "find out who dropped the trigger, and by `syncer audit verify --full` what was changed; `syncer db upgrade`"
    " creates it"
    " again"
)
_ACCOUNTS = (
    "run what `syncer db grants` prints and let [database] url name that account; one of an earlier version must give"
    " back first what it has"
)

#: statements to try, by the name under which they are reported; the last of each must be refused
Statements = dict[str, tuple[str, ...]]


def run(engine: sa.Engine, queue: sa.Engine, tables: Tables) -> list[Check]:
    """Try to change and delete an audit entry, and whatever else the daemon's account must be refused.

    Return the findings.
    """
    kind = engine.dialect.name
    findings = [_append_only(list(_not_refused(engine, _on_audit(kind, tables), tables)))]
    if {kind, queue.dialect.name} == {"sqlite"}:
        return findings
    findings.append(_daemon(engine, queue, tables))
    if kind == "mysql":
        findings.append(_binlog(engine))
    return findings


def _daemon(engine: sa.Engine, queue: sa.Engine, tables: Tables) -> Check:
    try:
        tried = _Tried.of(engine, queue, tables, "daemon")
    except sa.exc.DBAPIError as error:  # read-only, or gone meanwhile
        return Check("account", False, f"its rights cannot be tried ({in_words(error)})", "run `syncer check` again")
    # on one shared account syncer works, but the database does not protect its log
    return Check("account", True, tried.detail, _ACCOUNTS if tried.loose else "", warn=bool(tried.loose))


def run_as(account: str, engine: sa.Engine, queue: sa.Engine, tables: Tables) -> list[Check]:
    """Try what `account` must be refused, with engines that log in as it. Return the finding.

    `queue` is the engine of the queue's own database, or `engine` again.
    """
    name = f"account {account}"
    if {engine.dialect.name, queue.dialect.name} == {"sqlite"}:
        return [Check(name, True, "not tried: SQLite has no accounts, its files have modes")]
    try:
        tried = _Tried.of(engine, queue, tables, account)
    except sa.exc.SQLAlchemyError as error:
        mend = "put the URL of that account into SYNCER_DATABASE__URL (of a queue elsewhere: SYNCER_QUEUE__URL)"
        return [Check(name, False, f"it cannot log in ({in_words(error)})", mend)]
    return [Check(name, not tried.loose, tried.detail, _ACCOUNTS if tried.loose else "")]


@dataclass(frozen=True, slots=True)
class _Tried:
    """How many statements were tried as an account, and what it may do beyond its need."""

    count: int
    loose: tuple[str, ...]

    @classmethod
    def of(cls, engine: sa.Engine, queue: sa.Engine, tables: Tables, account: str) -> _Tried:
        """Try all that the account must be refused, each statement in a transaction of its own, rolled back."""
        parts = _parts(engine, queue, tables, account)
        through = [item for each, items in parts for item in items if not _refused(each, item)]
        loose = [*phrases(through), *(text for each, _ in parts for text in server_privileges.beyond(each, tables))]
        return cls(sum(len(items) for _, items in parts), tuple(dict.fromkeys(loose)))

    @property
    def detail(self) -> str:
        """What to say of it in one line."""
        if self.loose:
            return f"the account may also {', '.join(self.loose)}"
        return f"the account may do no more than it needs: {self.count} statements were tried and refused"


def _parts(
    engine: sa.Engine, queue: sa.Engine, tables: Tables, account: str
) -> list[tuple[sa.Engine, tuple[Forbidden, ...]]]:
    """Return what to try where. Of a queue elsewhere only those accounts are tried that have something to do there."""
    if queue is engine:
        return [(engine, refusals(tables, account, engine.dialect.name))]
    both = ("daemon", "reader", "console_reader", "console")
    concerned = {engine: (*both, "retention"), queue: (*both, "producer")}
    return [
        (
            each,
            tuple(
                item
                for item in refusals(tables, account, each.dialect.name)
                if (item.table == tables.queue.name) == (each is queue)
            ),
        )
        for each, accounts in concerned.items()
        if account in accounts and each.dialect.name != "sqlite"
    ]


def _append_only(allowed: list[str]) -> Check:
    name = "audit is append-only"
    if allowed:
        return Check(name, False, f"NOT refused: {', '.join(allowed)}", _TRIGGERS)
    return Check(name, True, "UPDATE, DELETE and overwriting are refused")


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


def _refused(engine: sa.Engine, item: Forbidden) -> bool:
    """Say whether the server has no right for it; any other error came after the right was checked.

    Raises what says that the server is away.
    """
    try:
        with undone(engine) as connection:
            _try(connection, (item.statement,), None)
    except sa.exc.DBAPIError as error:
        if is_denied(error):
            return True
        if is_outage(error) and not is_conflict(error):
            raise
    return False


def _not_refused(engine: sa.Engine, wanted: Statements, tables: Tables) -> Iterator[str]:
    """Yield the names of what went through, each tried in a transaction of its own."""
    for name, statements in wanted.items():
        try:
            with undone(engine) as connection:
                _try(connection, statements, tables)
        except sa.exc.DBAPIError:
            continue
        yield name


def _try(connection: sa.Connection, statements: Sequence[str], tables: Tables | None) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '2s'")
    values = {"seq": _entry(connection, tables)} if tables is not None and ":seq" in statements[-1] else {}
    for statement in statements:
        connection.execute(sa.text(statement), values if ":seq" in statement else {})


def _entry(connection: sa.Connection, tables: Tables) -> int:
    """Insert an entry that is rolled back; its number is free, since the head row's lock keeps all others waiting."""
    last = connection.execute(sa.select(tables.head.c.seq).with_for_update()).scalar_one()
    seq = int(last) + 1
    row = {"seq": seq, "at": "", "what": "check", "body": "", "leaf": ZERO, "mac": ZERO}
    connection.execute(tables.audit.insert().values(row))
    return seq


def _binlog(engine: sa.Engine) -> Check:
    with engine.connect() as connection:
        logged, form = connection.exec_driver_sql("SELECT @@log_bin, @@binlog_format").one()
    if logged and form == "STATEMENT":
        detail = "binlog_format is STATEMENT: the server refuses every write of READ COMMITTED (error 1665)"
        return Check("binary log", False, detail, "set binlog_format = MIXED or ROW on the server")
    return Check("binary log", True, f"{form}" if logged else "off")
