"""The table of passkeys: whose they are, what they are called, how often they were used."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables

#: passkeys of one person
MOST = 10


@dataclass(frozen=True, slots=True)
class Passkey:
    """Somebody's passkey. `id` is the SHA-256 (hex) of the credential's id; moments are UTC; `public_key` is COSE."""

    id: str
    user: str
    label: str
    credential: bytes
    public_key: bytes
    sign_count: int
    created_at: datetime
    used_at: datetime | None

    def goes_on_with(self, counted: int) -> bool:
        """Say whether a counter went on. One that stands still or goes back says that there are two of this key.

        Many authenticators do not count, and say 0 each time.
        """
        return counted > self.sign_count or (counted == 0 and self.sign_count == 0)


@dataclass(frozen=True, slots=True)
class KeyCount:
    """How many passkeys somebody can sign in with, and how many not because their rows are damaged."""

    sound: int = 0
    damaged: int = 0


class PasskeyBook:
    """The passkeys of one installation; `transactions` name who acts."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._tables = transactions.tables
        self._passkey = transactions.tables.passkey

    def find(self, credential: bytes) -> Passkey | None:
        """Return a passkey by its credential's id; None for one that nobody has here, and for a damaged one."""
        p = self._passkey.c
        with reading(self._transactions.engine) as connection:
            row = connection.execute(sa.select(*as_held(p)).where(p.id == key_of(credential))).first()
        return None if row is None else _passkey(HeldRow(p, row))

    def of(self, user: str) -> list[Passkey]:
        """Return the passkeys of somebody, the oldest first; damaged ones are left out."""
        p = self._passkey.c
        query = sa.select(*as_held(p)).where(p.user_name == user).order_by(p.created_at, p.id)
        with reading(self._transactions.engine) as connection:
            rows = connection.execute(query).all()
        return [found for found in (_passkey(HeldRow(p, row)) for row in rows) if found is not None]

    def keep(
        self, tx: Transaction, user: str, label: str, credential: bytes, public_key: bytes, sign_count: int
    ) -> None:
        """Keep a new passkey, within a transaction. Raises IntegrityError for one that somebody has already."""
        values: dict[str, Any] = {"id": key_of(credential), "user_name": user, "label": label}
        values |= {"credential": _b64(credential), "public_key": _b64(public_key), "sign_count": sign_count}
        tx.connection.execute(self._passkey.insert().values(**values, created_at=tx.now, used_at=None))

    def use(self, tx: Transaction, passkey: Passkey, counted: int) -> bool:
        """Note that a passkey was shown; False where it was taken away meanwhile, or its counter went on elsewhere."""
        p = self._passkey.c
        same = (p.id == passkey.id, p.user_name == passkey.user, p.sign_count == passkey.sign_count)
        changed = {"sign_count": counted, "used_at": tx.now}
        return tx.connection.execute(self._passkey.update().where(*same).values(changed)).rowcount == 1

    @retry_on_conflict
    def call(self, user: str, which: str, label: str) -> bool:
        """Give one of somebody's own passkeys a label; say whether it is theirs."""
        p = self._passkey.c
        with self._transactions.write() as tx:
            query = self._passkey.update().where(p.id == which, p.user_name == user).values(label=label)
            return tx.connection.execute(query).rowcount == 1

    @retry_on_conflict
    def remove(self, user: str, which: str, session: str, *, may_be_last: bool) -> bool:
        """Take one of somebody's own passkeys away and end their sessions but one (its hash); say whether it was done.

        The last one stays unless `may_be_last`: two browsers that remove one each leave one.
        """
        p, s, u = self._passkey.c, self._tables.session, self._tables.user.c
        with self._transactions.write() as tx:
            tx.connection.execute(sa.select(u.name).where(u.name == user).with_for_update())
            rows = tx.connection.execute(sa.select(*as_held(p)).where(p.user_name == user)).all()
            held = {row.id: _passkey(HeldRow(p, row)) for row in rows}
            others = [each for each in held.values() if each is not None and each.id != which]
            if which not in held or not (others or may_be_last):
                return False
            tx.connection.execute(self._passkey.delete().where(p.id == which, p.user_name == user))
            tx.connection.execute(s.delete().where(s.c.user_name == user, s.c.hash != session))
            tx.audit.add("user:changed", facts={"user": user, "changed": "a passkey was removed"})
        return True


def key_of(credential: bytes) -> str:
    """Return by what a passkey is kept: the SHA-256 (hex) of the credential's id, which may have 1,023 bytes."""
    return hashlib.sha256(credential).hexdigest()


def counted(connection: sa.Connection, tables: Tables, users: sa.Select[Any]) -> Mapping[str, KeyCount]:
    """Return how many passkeys each of these users has, by name."""
    p, found = tables.passkey.c, dict[str, KeyCount]()
    for row in connection.execute(sa.select(*as_held(p)).where(p.user_name.in_(users))):
        held, known = HeldRow(p, row), _passkey(HeldRow(p, row))
        if held.user_name is not None:
            so_far = found.get(held.user_name, KeyCount())
            found[held.user_name] = KeyCount(so_far.sound + (known is not None), so_far.damaged + (known is None))
    return found


def _passkey(row: HeldRow) -> Passkey | None:
    """Return a passkey; None where its row holds what syncer never writes there."""
    try:
        credential, public_key = _unb64(row.credential or ""), _unb64(row.public_key or "")
    except ValueError:
        return None
    if row.damaged or key_of(credential) != row.id:
        return None
    return Passkey(
        row.id, row.user_name, row.label, credential, public_key, row.sign_count, row.created_at, row.used_at
    )


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
