"""All SQL of the audit: append at the end of a transaction, read for verification, export and timelines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NewType

import sqlalchemy as sa

from syncer import __version__
from syncer.audit.chain import ZERO, Chain, ChainRow, Entry, Verdict, tag, verify
from syncer.audit.chain_keys import ChainKeys
from syncer.audit.log_end import CONSOLE_KEY, WHOLE_KEY, LogEnd, link, untyped
from syncer.database.bulk import by_index, insert, one_of
from syncer.database.connections import all_plain_rows, plain_rows, reading, snapshot
from syncer.database.tables import Tables
from syncer.errors import UserError
from syncer.privacy.keyring import Keyring

FETCH = 2000
#: what an entry says of its kind or its writer; the keys depend on `what` and on the version that wrote it
Facts = Mapping[str, Any]
#: a moment as the log has it: UTC, ISO 8601 with microseconds and Z
Stamp = NewType("Stamp", str)


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry as it is read. `actor` and `facts` are None where the body was purged or was not read."""

    seq: int
    at: Stamp
    what: str
    event: str | None
    destination: str | None
    actor: Facts | None
    facts: Facts | None


@dataclass(slots=True)
class Pending:
    """The entries of an open transaction, in order; they get their places in the chain at its end."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        what: str,
        *,
        event: str | None = None,
        subject: str | None = None,
        destination: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Note one entry. `facts` hold strings, integers, booleans, None, lists and mappings, nothing personal."""
        self.rows.append(
            {
                "what": what,
                "event": event,
                # SQLite gives back whatever was written into a row, and no entry could hold it
                "subject": subject if isinstance(subject, str) else None,
                "destination": destination,
                "facts": dict(facts or {}),
            }
        )


def key_check(connection: sa.Connection, tables: Tables) -> str | None:
    """Return the check value of the key that the log goes on with; None before it is begun."""
    return connection.execute(sa.select(tables.head.c.key_check)).scalar()


class Ledger:
    """The audit table of one installation. What is handed a connection works in the caller's transaction."""

    def __init__(self, engine: sa.Engine, tables: Tables, keyring: Keyring, actor: Mapping[str, Any], cfg: str) -> None:
        self._engine = engine
        self._tables = tables
        self._keyring = keyring
        self._actor = dict(actor)
        self._cfg = cfg
        self._keys = ChainKeys(engine, tables, keyring)
        setting = WHOLE_KEY if keyring.opens else CONSOLE_KEY
        self._end = LogEnd(tables, self.key_of, keyring.check_value, setting)

    # -- keys -----------------------------------------------------------------------------------------------

    def key_of(self, seq: int) -> bytes:
        """Return the chain key that an entry is made with: the one place that knows which key holds for which."""
        return self._keys.of(seq)

    def replaced_until(self) -> int:
        """Return the number of the last entry that a replaced key made; 0 where none was ever replaced."""
        return self._keys.replaced_until()

    def take_over(self, connection: sa.Connection) -> None:
        """Go on, within this transaction, with this ledger's key: the last entry says that it replaced the one before.

        The caller has written that entry with the ledger of the old key.
        """
        connection.execute(self._tables.head.update().values(key_check=self._keyring.check_value))
        self._keys.read(connection)

    def tag(self, purpose: str, seq: int, content: Mapping[str, Any]) -> bytes:
        """Return the mac of a statement about the first `seq` entries, for what is kept beside the chain.

        Always with the present key: whoever stole the one before makes no statement about the part that was its own.
        """
        return tag(self._keyring.chain_key, purpose, {**content, "seq": seq})

    # -- writing --------------------------------------------------------------------------------------------

    def begin(self, connection: sa.Connection) -> None:
        """Create the head row of an empty log. Raises UserError unless the key file is the database's."""
        head = self._tables.head
        if connection.execute(sa.select(head.c.id)).scalar() is None:
            connection.execute(head.insert().values(id=1, seq=0, mac=ZERO, key_check=self._keyring.check_value))
        self.require_key(connection)

    def require_key(self, connection: sa.Connection) -> None:
        """Raise UserError unless the log was begun with this key file. Read only."""
        check = key_check(connection, self._tables)
        if check is None:
            raise UserError("the database has no audit log yet; run `syncer init`")
        if check == self._keyring.check_value:
            return
        if any(check == version.check_value for version in self._keyring.versions):
            raise UserError(
                "settings.toml: [identity] key_file: the database goes on with a key that was retired: it was put back"
                " to before the rotation; put the right one back, or record the loss with `syncer audit fork` and run"
                " `syncer key rotate` again"
            )
        if not self._keyring.opens:
            raise UserError(
                f"settings.toml: {CONSOLE_KEY.name}: this is not made from the key that the database goes on with:"
                f" another installation's, or `syncer key rotate` replaced it; {CONSOLE_KEY.anew}"
            )
        raise UserError(
            "settings.toml: [identity] key_file: this is not the key the database was made with, or `syncer key rotate`"
            " replaced it; put the original key file back, or copy the one that `syncer key rotate` wrote"
        )

    def append(self, connection: sa.Connection, pending: Pending, at: datetime) -> list[Entry]:
        """Write the entries, last in a transaction, and return them: the head row is the one lock all writers share.

        Raises ChainBroken where the log's end was not made with the key: nothing is built on it.
        """
        if not pending.rows:
            return []
        head = self._tables.head
        seq, last = self._end.lock(connection)
        chain = Chain(self.key_of(seq + 1), seq, last)
        entries = [
            chain.append(at=at, actor=self._actor, sw=__version__, cfg=self._cfg, **item) for item in pending.rows
        ]
        insert(connection, self._tables.audit, [_row(entry) for entry in entries])
        connection.execute(head.update().values(seq=chain.seq, mac=chain.mac))
        return entries

    def end(self, connection: sa.Connection, *, lock: bool = False) -> tuple[int, bytes]:
        """Return the last entry's number and mac, with `lock` until the transaction's end. Raises ChainBroken."""
        return self._end.lock(connection) if lock else self._end.read(connection)

    # -- reading --------------------------------------------------------------------------------------------

    def head_in(self, connection: sa.Connection) -> tuple[int, bytes]:
        """Return what the head says of the last entry: its number and its mac. Raises ChainBroken for no such thing."""
        return self._end.head(connection)

    def verify(self) -> Verdict:
        """Verify the whole chain in constant memory, beside a daemon that goes on writing."""
        with snapshot(self._engine) as connection:
            return verify(self.raw(connection), self.key_of, self.head_in(connection))

    def genuine(self, connection: sa.Connection, what: str, *, after: int = 0, at: str | None = None) -> list[LogEntry]:
        """Return the entries of one kind, oldest first, without those that were not made with the key.

        Those behind entry `after`, and of the moment `at` (a stamp), where these are given. Each is asked for its link
        from the entry before. All that a writer without the key can do is put an entry back that once stood at this
        very number, with all that came before it in its mac.
        """
        t = self._tables.audit.c
        within = sa.select(self._tables.head.c.seq).scalar_subquery()
        query = sa.select(t.seq).where(t.what == what, t.seq <= within, t.seq > after)
        query = query if at is None else query.where(t.at == at)
        seqs = connection.execute(query.order_by(t.seq)).scalars()
        entries = []
        for seq in seqs.all():
            rows = list(self.raw(connection, seq - 2, seq))
            if link(rows, self.key_of) is not None and rows[-1][0] == seq:
                entries.append(_entry(*rows[-1][:6]))
        return entries

    def raw(self, connection: sa.Connection, after: int = 0, upto: int | None = None) -> Iterator[Any]:
        """Yield seq, at, what, event, destination, body, leaf and mac of the entries after `after`, in order of seq."""
        t = self._tables.audit.c
        query = self._raw().where(t.seq > sa.literal_column(str(after))).order_by(t.seq)
        if upto is not None:
            query = query.where(t.seq <= sa.literal_column(str(upto)))
        if connection.dialect.name == "sqlite":
            yield from plain_rows(connection, query)
            return
        # of this statement alone: what follows in the transaction is no stream
        result = connection.execute(query, execution_options={"stream_results": True, "yield_per": FETCH})
        for part in result.partitions(FETCH):
            yield from part

    def part(self, connection: sa.Connection, after: int, count: int, upto: int | None = None) -> Sequence[Any]:
        """Return the next `count` entries after `after`, as `raw` yields them: no stream is left open behind them."""
        t = self._tables.audit.c
        query = self._raw().where(t.seq > sa.literal_column(str(after))).order_by(t.seq)
        if upto is not None:
            query = query.where(t.seq <= sa.literal_column(str(upto)))
        return all_plain_rows(connection, query.limit(count))

    def links(self, connection: sa.Connection, after: int, count: int) -> Sequence[Any]:
        """Return the next `count` entries after `after`, with an empty text in place of one of an event."""
        t = self._tables.audit.c
        text = sa.case((sa.and_(t.event_id.is_not(None), t.body.is_not(None)), ""), else_=t.body).label("body")
        query = self._raw(text).where(t.seq > sa.literal_column(str(after))).order_by(t.seq)
        return all_plain_rows(connection, query.limit(count))

    def _raw(self, body: sa.ColumnElement[Any] | None = None) -> sa.Select[ChainRow]:
        t = self._tables.audit.c
        leaf, mac, text = untyped(t.leaf), untyped(t.mac), t.body if body is None else body
        return sa.select(t.seq, t.at, t.what, t.event_id, t.destination, text, leaf, mac)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield every entry with its leaf and mac in hex, for the export."""
        with reading(self._engine) as connection:
            for seq, at, what, event, destination, body, leaf, mac in self.raw(connection):
                yield {
                    "seq": seq,
                    "at": at,
                    "what": what,
                    "event": event,
                    "destination": destination,
                    "body": body,
                    "leaf": bytes(leaf).hex(),
                    "mac": bytes(mac).hex(),
                }

    def head(self) -> tuple[int, str]:
        """Return the number of entries and the last mac in hex."""
        with reading(self._engine) as connection:
            row = connection.execute(sa.select(self._tables.head.c.seq, self._tables.head.c.mac)).one()
            return int(row.seq), bytes(row.mac).hex()

    def timeline(self, event_id: str) -> list[LogEntry]:
        """Return the entries of one event, oldest first."""
        t = self._tables.audit.c
        query = sa.select(t.seq, t.at, t.what, t.event_id, t.destination, t.body)
        with reading(self._engine) as connection:
            rows = connection.execute(query.where(t.event_id == event_id).order_by(t.seq)).all()
        return [_entry(*row) for row in rows]

    def entries(self, whats: tuple[str, ...], since: str | None = None, until: str | None = None) -> list[LogEntry]:
        """Return all entries of the given kinds, oldest first, written from `since` on and before `until` (stamps)."""
        t = self._tables.audit.c
        query = sa.select(t.seq, t.at, t.what, t.event_id, t.destination, t.body).where(t.what.in_(whats))
        if since is not None:
            query = query.where(t.at >= since)
        if until is not None:
            query = query.where(t.at < until)
        # of so many kinds, by the statistics: a planner that has some would rather read the whole log
        query = by_index(query, self._tables.audit, f"ix_{self._tables.prefix}audit_what")
        with reading(self._engine) as connection:
            return [_entry(*row) for row in connection.execute(query.order_by(t.seq))]

    def of_events(
        self, connection: sa.Connection, events: Sequence[str], *, only: str | None = None, told: tuple[str, ...] = ()
    ) -> list[LogEntry]:
        """Return the entries of these events, each event's oldest first; with `only` those of this kind.

        Those of other kinds than `told` come without actor and facts. An index finds them by their events: by its kind,
        an entry would be one of all that were ever written.
        """
        t = self._tables.audit.c
        body = sa.case((t.what.in_(told), t.body)).label("body") if told else sa.null().label("body")
        query = sa.select(t.seq, t.at, t.what, t.event_id, t.destination, body)
        if only is not None:
            query = query.where(t.what.concat("") == only)  # not the column by itself, which has an index
        found = query.where(one_of(t.event_id, events, connection.dialect.name)).order_by(t.event_id, t.seq)
        return [_entry(*row) for row in connection.execute(found)]


def _row(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "at": entry.at,
        "what": entry.what,
        "event_id": entry.event,
        "destination": entry.destination,
        "body": entry.body,
        "leaf": entry.leaf,
        "mac": entry.mac,
    }


def _entry(seq: int, at: Stamp, what: str, event: str | None, destination: str | None, body: str | None) -> LogEntry:
    content: dict[str, Any] = json.loads(body) if body else {}
    return LogEntry(seq, at, what, event, destination, content.get("actor"), content.get("facts"))
