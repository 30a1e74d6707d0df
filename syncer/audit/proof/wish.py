"""The wish that the log be signed soon, of a process that has no key to sign with: the web console."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from syncer.database.connections import writing
from syncer.database.failures import is_duplicate, retry_on_conflict
from syncer.database.tables import Tables

#: after so long nobody waits for it any more
LASTS = timedelta(hours=1)
_ID = "checkpoint:wished"


class SigningWish:
    """A row that says since when somebody waits for a signature."""

    def __init__(self, engine: sa.Engine, tables: Tables) -> None:
        self._engine = engine
        self._once = tables.once

    @retry_on_conflict
    def make(self, now: datetime) -> None:
        """Wish for a signature from now (UTC) on."""
        o, until = self._once, now + LASTS
        try:
            with writing(self._engine) as connection:
                if not connection.execute(o.update().where(o.c.id == _ID).values(until=until)).rowcount:
                    connection.execute(o.insert().values(id=_ID, until=until))
        except sa.exc.IntegrityError as error:
            if not is_duplicate(error):  # somebody else wished for the same at the same moment
                raise

    def is_open(self, connection: sa.Connection, signed_at: datetime | None, now: datetime) -> bool:
        """Say whether somebody waits since the log was last signed, at `signed_at`; both times are UTC."""
        o = self._once.c
        until = connection.execute(sa.select(o.until).where(o.id == _ID)).scalar()
        return until is not None and until > now and (signed_at is None or until - LASTS >= signed_at)
