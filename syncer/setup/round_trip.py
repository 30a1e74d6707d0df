"""What `syncer check` writes and reads back in each database, one value of each kind. Everything is rolled back."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from adapters.contract import Check
from syncer.database import sessions
from syncer.database.connections import undone
from syncer.database.failures import in_words, is_denied
from syncer.database.tables import Tables
from syncer.intake.queue import Queue, QueueRow, moment

#: a day that is another one when day and month change places, an hour that Berlin does not have, all microseconds
TIME = datetime(2026, 3, 29, 2, 30, 5, 678901, tzinfo=UTC)
LOCAL = datetime(2026, 2, 3, 4, 5, 6, 70809, tzinfo=UTC)
#: letters of two, three and four bytes, and what quoting may trip over
TEXT = "é€😀 \\ ' \" %"
NUMBER = 2**53 + 1  # which no floating-point number holds
DIGEST = bytes(range(224, 256))
_SETTINGS = (
    "see that the database stores UTF-8 (PostgreSQL: ENCODING 'UTF8'; MariaDB: utf8mb4), and what was set for it by"
    " ALTER DATABASE, ALTER ROLE or init_connect"
)
_WRITABLE = "let this account write there, or name another database in settings.toml"

#: writes values, returns (kind, what was written, what came back) for each
Trip = Callable[[sa.Connection], list[tuple[str, Any, Any]]]


def run(engine: sa.Engine, queue: Queue, tables: Tables) -> list[Check]:
    """Write and read one value of each kind in syncer's own tables and in the queue. Return a finding for each."""
    return [
        _tried("round trip", engine, lambda connection: _own(connection, tables)),
        _tried("queue round trip", queue.engine, lambda connection: _queue(connection, queue)),
    ]


def _tried(name: str, engine: sa.Engine, trip: Trip) -> Check:
    try:
        with undone(engine) as connection:
            through = "; behind a pooler, so nothing is prepared" if sessions.pooled(connection) else ""
            found = trip(connection)
    except sa.exc.SQLAlchemyError as error:
        if isinstance(error, sa.exc.DBAPIError) and is_denied(error):
            return Check(name, True, "not tried: this account may not insert there")
        return Check(name, False, f"nothing can be written ({in_words(error)})", _WRITABLE)
    except (ValueError, ArithmeticError) as error:  # a driver that cannot read what came back
        return Check(name, False, f"what was written cannot be read back ({type(error).__name__})", _SETTINGS)
    other = [kind for kind, written, back in found if written != back]
    if other:
        return Check(name, False, f"what was written comes back changed: {', '.join(other)}", _SETTINGS)
    return Check(name, True, f"{', '.join(kind for kind, _, _ in found)} come back as they were written{through}")


def _own(connection: sa.Connection, tables: Tables) -> list[tuple[str, Any, Any]]:
    e, a = tables.event, tables.audit
    key = secrets.token_hex(18)
    event: dict[str, Any] = {"received_at": TIME, "due_on": LOCAL.date(), "queue_id": NUMBER, "source": TEXT}
    fixed = {"id": key, "event_key": key, "state": "check", "created_at": LOCAL, "rechecks_done": 0}
    connection.execute(e.insert().values(event | fixed))
    # the entry's number is free, since the head row's lock keeps all others waiting
    seq = int(connection.execute(sa.select(tables.head.c.seq).with_for_update()).scalar_one()) + 1
    entry = {"body": TEXT, "leaf": DIGEST, "mac": DIGEST}
    connection.execute(a.insert().values(entry | {"seq": seq, "at": "", "what": "check"}))
    one = connection.execute(sa.select(*(e.c[name] for name in event)).where(e.c.id == key)).one()
    other = connection.execute(sa.select(a.c.body, a.c.leaf).where(a.c.seq == seq)).one()
    return [
        ("times", TIME, one.received_at),
        ("days", LOCAL.date(), one.due_on),
        ("numbers", NUMBER, one.queue_id),
        ("texts", (TEXT, TEXT), (one.source, other.body)),
        ("digests", DIGEST, bytes(other.leaf)),
    ]


def _queue(connection: sa.Connection, queue: Queue) -> list[tuple[str, Any, Any]]:
    key = secrets.token_hex(18)
    row = {"event_key": key, "kind": "check", "received_at": TIME, "source": TEXT, "created_at": LOCAL}
    connection.execute(queue.table.insert().values(row))
    (back,) = queue.read(connection, queue.table.c.event_key == key)
    return [("times", (TIME, LOCAL), _times(back)), ("texts", TEXT, back.source)]


def _times(row: QueueRow) -> tuple[datetime | None, datetime | None]:
    return moment(row.received_at), moment(row.created_at)
