"""Forms that are sent twice: the first is carried out, the second is answered as the first was."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta

import sqlalchemy as sa

from syncer.audit.transaction import Clock
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading, writing
from syncer.database.failures import is_duplicate, retry_on_conflict
from syncer.database.tables import Tables

#: for so long a form that is being carried out is nobody else's: a process that died gives it back then
BUSY = timedelta(seconds=60)
#: for so long the answer to a form is known
KNOWN = timedelta(hours=24)
#: seconds that the second of two waits for the answer to the first, and between two looks for it
PATIENCE, EVERY = 5.0, 0.05


class StillBusy(Exception):
    """Raised for a form that somebody else carries out right now, for longer than one waits for that."""


class FormKeys:
    """The forms of one installation; a form is known by its own random key and who sent it."""

    def __init__(self, engine: sa.Engine, tables: Tables, clock: Clock) -> None:
        self._engine = engine
        self._once = tables.once
        self._clock = clock

    def claim(self, name: str) -> str | None:
        """Return None for a form that is ours to carry out, else where the first was sent. Raises StillBusy."""
        deadline = time.monotonic() + PATIENCE
        while True:
            if self._insert(name):
                return None
            with reading(self._engine) as connection:
                o = self._once.c
                row = connection.execute(sa.select(*as_held(o)).where(o.id == name, o.until > self._clock())).first()
            known = None if row is None else HeldRow(o, row)
            if known is not None and not known.damaged and known.facts is not None:
                return str(known.facts)
            if time.monotonic() > deadline:
                raise StillBusy
            time.sleep(EVERY)

    @retry_on_conflict
    def answer(self, name: str, place: str) -> None:
        """Keep where a form that was carried out sent its sender: a path, without a person."""
        with writing(self._engine) as connection:
            known = {"facts": place, "until": self._clock() + KNOWN}
            connection.execute(self._once.update().where(self._once.c.id == name).values(known))

    @retry_on_conflict
    def give_back(self, name: str) -> None:
        """Forget a form of which nothing was carried out: it may be sent again."""
        with writing(self._engine) as connection:
            connection.execute(self._once.delete().where(self._once.c.id == name, self._once.c.facts.is_(None)))

    @retry_on_conflict
    def _insert(self, name: str) -> bool:
        now, o = self._clock(), self._once.c
        try:
            with writing(self._engine) as connection:
                connection.execute(self._once.delete().where(o.id == name, o.until <= now))
                connection.execute(self._once.insert().values(id=name, until=now + BUSY))
        except sa.exc.IntegrityError as error:
            if is_duplicate(error):
                return False
            raise
        return True


def name_of(user: str, key: str) -> str:
    """Return by what a form is known: nobody finds out another's by its key."""
    return f"form:{hashlib.sha256(f'{user}|{key}'.encode()).hexdigest()}"
