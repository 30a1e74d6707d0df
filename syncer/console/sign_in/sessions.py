"""Who is signed in: a row for each session, ended by signing out, by rest, by age, and by what happens to the account.

The cookie holds 256 random bits, the database their SHA-256 alone: whoever reads the table signs in with nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Clock, Transaction
from syncer.console.sign_in.person import OIDC, WORDPRESS, Person, as_text, roles_of
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading, writing
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.domain.permissions import Role

#: a session's last use is written no oftener: a page that is read changes nothing else
NOTED_EVERY = timedelta(minutes=1)
_BYTES = 32
#: what the columns of an account are called beside those of its session
_OWN = "own_"
#: a session that rests on another site's word lasts no longer: nobody tells us when it ended, or was locked, there
VOUCHED_FOR = timedelta(hours=1)
_VOUCHED = (WORDPRESS, OIDC)


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its owner sees it in a list; times are UTC."""

    hash: str
    via: str
    network: str
    created_at: datetime
    seen_at: datetime


class Sessions:
    """The sessions of one installation; `idle` and `age` are how long one lasts unused, and at all.

    One for whom another site vouches lasts an hour at most, and then asks that site again.

    `closed` are ways in that the settings do not open: what came in by one is worth nothing, and goes on once it is
    open again.
    """

    def __init__(
        self,
        engine: sa.Engine,
        tables: Tables,
        clock: Clock,
        idle: timedelta,
        age: timedelta,
        closed: frozenset[str] = frozenset(),
    ) -> None:
        self._engine = engine
        self._session = tables.session
        self._user = tables.user
        self._clock = clock
        self._idle = idle
        self._age = age
        self._closed = closed

    def find(self, cookie: str) -> Person | None:
        """Return who holds this cookie; None where its session has ended, or the account may not sign in.

        Nor does a row that holds what syncer never writes there let anybody in.
        """
        s, u, now = self._session.c, self._user.c, self._clock()
        both = self._session.outerjoin(self._user, s.user_name == u.name)
        query = sa.select(*as_held(s), *as_held(u, _OWN)).select_from(both)
        with reading(self._engine) as connection:
            found = connection.execute(query.where(s.hash == hashed(cookie))).first()
        if found is None:
            return None
        row, has_account = HeldRow(s, found), found._mapping[f"{_OWN}name"] is not None
        account = HeldRow(u, found, _OWN)
        if row.damaged or row.via in self._closed or self._is_over(row, now):
            return None
        if has_account and (account.damaged or account.disabled_at is not None):
            return None
        if not has_account and row.roles is None:  # the account is gone
            return None
        self._note(row, now)
        roles = roles_of(account.roles if has_account else row.roles)
        return Person(row.user_name, roles, row.via, row.network, row.hash, row.stepped_up_at, account.language)

    def open(
        self,
        tx: Transaction,
        user: str,
        via: str,
        network: str,
        *,
        stepped_up: bool,
        roles: Sequence[Role] | None = None,
        in_place_of: str | None = None,
    ) -> str:
        """Begin a session and return its cookie's value; a session `in_place_of` which it comes (its hash) ends.

        `roles` are those of somebody without an account. `stepped_up`: they showed a second factor just now.
        """
        cookie = secrets.token_urlsafe(_BYTES)
        if in_place_of is not None:
            tx.connection.execute(self._session.delete().where(self._session.c.hash == in_place_of))
        values: dict[str, Any] = {"hash": hashed(cookie), "user_name": user, "via": via, "network": network}
        values |= {"roles": None if roles is None else as_text(roles), "created_at": tx.now, "seen_at": tx.now}
        values["stepped_up_at"] = tx.now if stepped_up else None
        tx.connection.execute(self._session.insert().values(values))
        if roles is None:
            tx.connection.execute(self._user.update().where(self._user.c.name == user).values(last_seen_at=tx.now))
        return cookie

    def step_up(self, tx: Transaction, person: Person) -> str:
        """Go on under a new cookie, for somebody who showed a second factor just now; the age of the session stays."""
        cookie = secrets.token_urlsafe(_BYTES)
        changed = {"hash": hashed(cookie), "stepped_up_at": tx.now, "seen_at": tx.now}
        tx.connection.execute(self._session.update().where(self._session.c.hash == person.session).values(changed))
        return cookie

    def of(self, user: str) -> list[OpenSession]:
        """Return the sessions of somebody that have not ended, the last used first; damaged ones open nothing."""
        s, now = self._session.c, self._clock()
        query = sa.select(*as_held(s)).where(s.user_name == user).order_by(s.seen_at.desc())
        with reading(self._engine) as connection:
            held = [HeldRow(s, row) for row in connection.execute(query)]
        rows = [row for row in held if not row.damaged and not self._is_over(row, now)]
        return [OpenSession(row.hash, row.via, row.network, row.created_at, row.seen_at) for row in rows]

    def end(self, tx: Transaction, *hashes: str) -> int:
        """End sessions; return how many there were."""
        return tx.connection.execute(self._session.delete().where(self._session.c.hash.in_(hashes))).rowcount

    def end_all(self, tx: Transaction, user: str, *, but: str | None = None) -> int:
        """End the sessions of somebody, all but one perhaps (its hash); return how many there were."""
        s = self._session.c
        others = () if but is None else (s.hash != but,)
        return tx.connection.execute(self._session.delete().where(s.user_name == user, *others)).rowcount

    def forget(self) -> None:
        """Delete the sessions that ended by rest or age."""
        s, now = self._session.c, self._clock()
        vouched = sa.and_(s.via.in_(_VOUCHED), s.created_at < now - VOUCHED_FOR)
        over = sa.or_(s.seen_at < now - self._idle, s.created_at < now - self._age, vouched)
        with writing(self._engine) as connection:
            connection.execute(self._session.delete().where(over))

    def _is_over(self, row: HeldRow, now: datetime) -> bool:
        age = min(self._age, VOUCHED_FOR) if row.via in _VOUCHED else self._age
        return bool(now - row.seen_at > self._idle or now - row.created_at > age)

    def _note(self, row: HeldRow, now: datetime) -> None:
        if now - row.seen_at >= NOTED_EVERY:
            self._noted(row.hash, now)

    @retry_on_conflict
    def _noted(self, of: str, now: datetime) -> None:
        with writing(self._engine) as connection:
            connection.execute(self._session.update().where(self._session.c.hash == of).values(seen_at=now))


def hashed(secret: str) -> str:
    """Return what the database keeps of a secret of 256 random bits: its SHA-256 (hex)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
