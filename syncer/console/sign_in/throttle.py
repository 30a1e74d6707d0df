"""How often a sign-in may be tried: token buckets in the database, so that a new start forgets nothing.

Nobody is locked out: a bucket fills again by itself. Whoever signed in from a network before is asked there for their
own bucket alone, and a browser that somebody signed in with has one to itself: a stranger who empties all others, even
one who sits in the same network, does not shut the officer out.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.database.column_types import HeldRow, as_held, moment_of, raw
from syncer.database.connections import reading, writing
from syncer.database.failures import TRIES, is_duplicate, retry_on_conflict

P = ParamSpec("P")
T = TypeVar("T")

_SPAN = timedelta(minutes=15)
#: for so long it is remembered from where, and with which browser, somebody signed in
KNOWN = timedelta(days=90)
#: a bucket that nobody asked for so long is full
_FULL = timedelta(days=1)
_KNOWN_NAME = "known:"


def made_meanwhile(transaction: Callable[P, T]) -> Callable[P, T]:
    """Run a transaction again where somebody else made the same row at the same moment."""

    @wraps(transaction)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        for left in reversed(range(TRIES)):
            try:
                return transaction(*args, **kwargs)
            except sa.exc.IntegrityError as error:
                if left == 0 or not is_duplicate(error):
                    raise
        raise AssertionError("not reached")

    return repeated


@dataclass(frozen=True, slots=True)
class BucketKind:
    """How many tries a bucket holds, and how many flow into it each second."""

    holds: float
    a_second: float


ACCOUNT = BucketKind(5, 1 / 60)
NETWORK = BucketKind(20, 20 / _SPAN.total_seconds())
ALL = BucketKind(200, 200 / _SPAN.total_seconds())


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket by its name in the table, which says nothing about what was typed."""

    name: str
    kind: BucketKind


#: of everybody together who comes from where they never signed in
EVERYBODY = Bucket("all", ALL)


class Throttle:
    """Counts tries. `key` turns what was typed into names of buckets that nobody can turn back."""

    def __init__(self, transactions: Transactions, key: bytes) -> None:
        self._engine = transactions.engine
        self._bucket = transactions.tables.bucket
        self._once = transactions.tables.once
        self._clock = transactions.clock
        self._key = key

    def of_account(self, purpose: str, account: str, network: str) -> Bucket:
        """Return the bucket of one account in one network, for a purpose: signing in, or a second factor."""
        return Bucket(f"{purpose}:{self._label(account, network)}", ACCOUNT)

    def of_network(self, network: str) -> Bucket:
        """Return the bucket of a network."""
        return Bucket(f"network:{self._label(network)}", NETWORK)

    def buckets(self, purpose: str, account: str, network: str, browser: str) -> list[Bucket]:
        """Return the buckets that a try takes from, in the order in which they are locked; `browser` is its cookie."""
        if browser and self._is_known(account, browser):
            return [self.of_account(purpose, account, browser)]
        own = self.of_account(purpose, account, network)
        return [own] if self._is_known(account, network) else [EVERYBODY, self.of_network(network), own]

    def take(self, buckets: Sequence[Bucket]) -> int:
        """Take a try from each; return 0, or how many seconds to wait where one of them is empty."""
        if wait := self._empty(buckets):  # whoever goes on without a pause holds up nobody's writing
            return wait
        return self._taken(buckets)

    def is_empty(self, bucket: Bucket) -> bool:
        """Say whether no try is left in a bucket now."""
        return self._empty([bucket]) > 0

    def _empty(self, buckets: Sequence[Bucket]) -> int:
        b, now, kinds = self._bucket.c, self._clock(), {bucket.name: bucket for bucket in buckets}
        with reading(self._engine) as connection:
            rows = [HeldRow(b, row) for row in connection.execute(sa.select(*as_held(b)).where(b.name.in_(kinds)))]
        # a damaged one is written anew as a try is taken from it
        sound = ((kinds[row.name], row) for row in rows if not row.damaged)
        return max((_seconds(bucket, _now(bucket, row, now)) for bucket, row in sound), default=0)

    @made_meanwhile
    @retry_on_conflict
    def _taken(self, buckets: Sequence[Bucket]) -> int:
        now = self._clock()
        with writing(self._engine) as connection:
            levels = [(bucket, *self._level(connection, bucket, now)) for bucket in buckets]
            wait = max((_seconds(bucket, level) for bucket, level, _ in levels), default=0)
            for bucket, level, is_new in levels:
                values = {"tokens": level if wait else level - 1, "at": now}
                if is_new:
                    connection.execute(self._bucket.insert().values(name=bucket.name, **values))
                elif not wait:
                    connection.execute(self._bucket.update().where(self._bucket.c.name == bucket.name).values(values))
        return wait

    def _level(self, connection: sa.Connection, bucket: Bucket, now: datetime) -> tuple[float, bool]:
        b = self._bucket.c
        query = sa.select(*as_held(b)).where(b.name == bucket.name).with_for_update()
        row = connection.execute(query).first()
        if row is None:
            return bucket.kind.holds, True
        held = HeldRow(b, row)
        if held.damaged:  # nobody knows what it held: nothing, and it fills again by itself
            empty = {"tokens": 0.0, "at": now, "told_at": None}
            connection.execute(self._bucket.update().where(b.name == bucket.name).values(empty))
            return 0.0, False
        return _now(bucket, held, now), False

    def succeeded(self, tx: Transaction, buckets: Sequence[Bucket], account: str, *places: str) -> None:
        """Give back what a try took that was none of a stranger's, and remember its network and its browser."""
        b = self._bucket
        for bucket in buckets:
            more = {"tokens": b.c.tokens + 1}
            tx.connection.execute(b.update().where(b.c.name == bucket.name).values(more))
        for name in sorted(f"{_KNOWN_NAME}{self._label(account, place)}" for place in places):
            if tx.connection.execute(b.update().where(b.c.name == name).values(at=tx.now)).rowcount == 0:
                tx.connection.execute(b.insert().values(name=name, tokens=0.0, at=tx.now))

    def is_told(self, name: str) -> bool:
        """Say whether the log told this within the last 15 minutes, without holding anything for it."""
        b = self._bucket.c
        with reading(self._engine) as connection:
            at = moment_of(connection.execute(sa.select(raw(b.told_at)).where(b.name == name)).scalar())
        return at is not None and timedelta() <= self._clock() - at < _SPAN

    def is_untold(self, tx: Transaction, name: str) -> bool:
        """Say whether the log says nothing yet of this within the last 15 minutes, and note that it does from now."""
        b = self._bucket
        # what is later than now was written by a clock that was set back since, or is no time
        due = sa.or_(b.c.told_at.is_(None), b.c.told_at <= tx.now - _SPAN, b.c.told_at > tx.now)
        if tx.connection.execute(b.update().where(b.c.name == name, due).values(told_at=tx.now)).rowcount:
            return True
        if tx.connection.execute(sa.select(b.c.name).where(b.c.name == name)).first():
            return False
        values: dict[str, Any] = {"name": name, "tokens": 0.0, "at": tx.now, "told_at": tx.now}
        tx.connection.execute(b.insert().values(values))
        return True

    def forget(self) -> None:
        """Delete what says nothing any more: full buckets, networks of long ago, and what could be used once."""
        b, now = self._bucket.c, self._clock()
        is_known = b.name.like(f"{_KNOWN_NAME}%")
        over = sa.or_(sa.and_(~is_known, b.at < now - _FULL), b.at < now - KNOWN)
        with writing(self._engine) as connection:
            connection.execute(self._bucket.delete().where(over))
            connection.execute(self._once.delete().where(self._once.c.until < now))

    def of_denial(self, account: str, page: str) -> str:
        """Return the name under which it is kept that somebody was refused a page."""
        return f"denied:{self._label(account, page)}"

    def _is_known(self, account: str, place: str) -> bool:
        b = self._bucket.c
        query = sa.select(raw(b.at)).where(b.name == f"{_KNOWN_NAME}{self._label(account, place)}")
        with reading(self._engine) as connection:
            at = moment_of(connection.execute(query).scalar())
        return at is not None and self._clock() - at <= KNOWN

    def _label(self, *parts: str) -> str:
        text = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, b"syncer.console.bucket.v1\0" + text, "sha256")[:16].hex()


def _now(bucket: Bucket, row: HeldRow, now: datetime) -> float:
    flown = max(0.0, (now - row.at).total_seconds()) * bucket.kind.a_second
    return float(min(bucket.kind.holds, row.tokens + flown))


def _seconds(bucket: Bucket, level: float) -> int:
    """Return how long until there is one more try; 0 where there is one."""
    return 0 if level >= 1 - 1e-9 else math.ceil((1 - level) / bucket.kind.a_second)
