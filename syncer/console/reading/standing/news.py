"""What is new since somebody last said that they had looked: what came, was closed, held, or came back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer.app import App
from syncer.clock import stamp
from syncer.database.bulk import by_index
from syncer.database.column_types import moment_of, raw
from syncer.database.connections import reading, writing
from syncer.database.failures import retry_on_conflict

RECEIVED, FULFILLED, HELD, RETURNED = "event:received", "event:fulfilled", "delivery:held", "delivery:reappeared"


@dataclass(frozen=True, slots=True)
class Marks:
    """When (UTC) somebody last said that they had looked, and the time before that; None for never."""

    last: datetime | None
    before: datetime | None


@dataclass(frozen=True, slots=True)
class News:
    """How often each happened after a moment (UTC), as the log says."""

    since: datetime
    came: int
    closed: int
    held: int
    returned: int

    def none(self) -> bool:
        """Say whether nothing happened."""
        return not (self.came or self.closed or self.held or self.returned)


def marks(app: App, name: str) -> Marks | None:
    """Return when an account last looked; None for somebody who has none."""
    u = app.tables.user.c
    with reading(app.engine) as connection:
        row = connection.execute(sa.select(raw(u.looked_at), raw(u.looked_before_at)).where(u.name == name)).first()
    return Marks(moment_of(row[0]), moment_of(row[1])) if row else None


def news(app: App, since: datetime) -> News:
    """Count what the log says was done after a moment."""
    t = app.tables.audit
    with reading(app.engine) as connection:
        after = _last_before(connection, app, stamp(since))
        numbers = {}
        for what in (RECEIVED, FULFILLED, HELD, RETURNED):
            query = sa.select(sa.func.count()).where(t.c.what == what, t.c.seq > after)
            index = f"ix_{app.tables.prefix}audit_what"
            numbers[what] = int(connection.execute(by_index(query, t, index)).scalar_one())
    return News(since, numbers[RECEIVED], numbers[FULFILLED], numbers[HELD], numbers[RETURNED])


@retry_on_conflict
def looked(app: App, name: str, until: datetime) -> None:
    """Note that somebody has seen all that happened until a moment (UTC): their mark never goes back."""
    u = app.tables.user
    earlier = sa.or_(u.c.looked_at.is_(None), u.c.looked_at < until)
    with writing(app.engine) as connection:
        moved = u.update().where(u.c.name == name, earlier)
        connection.execute(moved.values(looked_before_at=u.c.looked_at, looked_at=until))


def _last_before(connection: sa.Connection, app: App, moment: str) -> int:
    """Return the number of the last entry that was written until a moment: entries are in the order of their times."""
    t = app.tables.audit.c
    low, high = 0, int(connection.execute(sa.select(sa.func.max(t.seq))).scalar() or 0)
    while low < high:
        middle = (low + high + 1) // 2
        row = connection.execute(sa.select(t.seq, t.at).where(t.seq <= middle).order_by(t.seq.desc()).limit(1)).first()
        if row is None or str(row.at) <= moment:
            low = middle
        else:
            high = middle - 1
    return low
