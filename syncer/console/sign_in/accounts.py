"""Accounts of people who may sign in: made, changed, disabled, reset. Each change leaves its entry in the audit.

Nobody chooses another's password: whoever makes or resets an account gets a code, with which its owner begins.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.console.sign_in.passkeys.keys import KeyCount, counted
from syncer.console.sign_in.person import as_text, roles_of
from syncer.console.sign_in.sessions import hashed
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.database.tables import Tables
from syncer.domain.codes import DAMAGED
from syncer.domain.permissions import Permission, Role, permissions
from syncer.errors import UserError

NAME = re.compile(r"[a-z][a-z0-9._-]{1,31}")
#: for so long a code lets its owner begin
CODE_LASTS = timedelta(hours=24)
_CODE_BYTES = 15
#: columns of what somebody signs in with, and of the code to begin with
_FACTORS = ("password", "totp_sealed", "totp_step", "oidc_issuer", "oidc_subject")
_ENROLMENT = ("enrol_hash", "enrol_until")


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may sign in. Moments are UTC; `disabled_at` None for an account that is not disabled.

    `password` is a PHC string, `totp_sealed` as `app_secrets.seal` made it, `totp_step` the last that was used.
    `damaged` are the columns that hold what syncer never writes there, each of which reads as empty. `name` is DAMAGED
    where that is one of them. `damaged_passkeys` are as many as nobody can sign in with for the same reason.
    """

    name: str
    roles: frozenset[Role]
    created_at: datetime | None
    disabled_at: datetime | None
    password: str | None
    totp_sealed: str | None
    totp_step: int | None
    enrol_until: datetime | None
    oidc_subject: str | None
    language: str | None
    last_seen_at: datetime | None
    passkeys: int
    damaged: tuple[str, ...] = ()
    damaged_passkeys: int = 0

    @property
    def barred(self) -> str | None:
        """Why they cannot sign in, whatever they show; None for who can. Nobody knows what a damaged row was to say."""
        if self.damaged:
            return "the account's row is damaged"
        return None if self.disabled_at is None else "the account is disabled"

    @property
    def factors(self) -> tuple[str, ...]:
        """What they sign in with: password, totp, passkey, oidc."""
        held = {
            "password": self.password,
            "totp": self.totp_sealed,
            "passkey": self.passkeys,
            "oidc": self.oidc_subject,
        }
        return tuple(name for name, value in held.items() if value)

    @property
    def is_enrolled(self) -> bool:
        """Say whether they ever chose how to sign in."""
        return bool(self.password or self.passkeys or self.oidc_subject)

    @property
    def has_second_factor(self) -> bool:
        """Say whether they have something of their own to show where a second factor is asked for."""
        return bool(self.passkeys or self.totp_sealed)

    @property
    def may_add_password(self) -> bool:
        """Say whether they sign in with passkeys alone: nobody whom a provider lets in goes round it by a password."""
        return bool(self.passkeys and not (self.password or self.totp_sealed or self.oidc_subject))

    def needs_second_factor(self, setting: str) -> bool:
        """Say whether a password alone is too little: always, or with "actions" for whoever may do more than read."""
        return setting == "required" or not permissions(self.roles) <= {Permission.VIEW}


class NoSuchAccount(UserError):
    """Raised for a name that no account has."""


class LastAdmin(UserError):
    """Raised for what would leave nobody who may look after accounts."""


class AccountBook:
    """The accounts of one installation; `transactions` name who acts."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._tables: Tables = transactions.tables
        self._user = transactions.tables.user

    # -- reading --------------------------------------------------------------------------------------------

    def find(self, name: str) -> Account | None:
        """Return an account, a damaged one too; None for a name that none has."""
        if not NAME.fullmatch(name):
            return None
        found = self._read(self._user.c.name == name)
        return found[0] if found else None

    def all(self) -> list[Account]:
        """Return every account, by name."""
        return self._read()

    def of_code(self, code: str) -> Account | None:
        """Return whose code this is; None for one that was used, is too old, or is none."""
        u, now = self._user.c, self._transactions.clock()
        found = self._read(u.enrol_hash == code_hash(code), u.enrol_until >= now, u.disabled_at.is_(None))
        return found[0] if found and found[0].barred is None else None

    def is_enabled(self, tx: Transaction, name: str) -> bool:
        """Say, within a transaction, whether somebody may sign in; nobody disables them before it ends."""
        u = self._user.c
        query = sa.select(*as_held(u)).where(u.name == name, u.disabled_at.is_(None)).with_for_update()
        row = tx.connection.execute(query).first()
        return row is not None and not HeldRow(u, row).damaged

    def _read(self, *which: sa.ColumnElement[bool]) -> list[Account]:
        with reading(self._transactions.engine) as connection:
            return self._accounts(connection, *which)

    def _accounts(self, connection: sa.Connection, *which: sa.ColumnElement[bool]) -> list[Account]:
        u = self._user.c
        rows = connection.execute(sa.select(*as_held(u)).where(*which).order_by(u.name)).all()
        keys = counted(connection, self._tables, sa.select(u.name).where(*which))
        return [_account(HeldRow(u, row), keys) for row in rows]

    # -- changing -------------------------------------------------------------------------------------------

    @retry_on_conflict
    def add(self, name: str, roles: Iterable[Role]) -> str:
        """Make an account and return the code with which its owner begins. Raises UserError for a name that is none."""
        if not NAME.fullmatch(name):
            raise UserError("a name has 2 to 32 characters: lower-case letters, digits, . _ and -, a letter first")
        code, text = new_code(), as_text(roles)
        with self._transactions.write() as tx:
            if tx.connection.execute(sa.select(self._user.c.name).where(self._user.c.name == name)).first():
                raise UserError(f"there is an account {name} already; `syncer user list` shows it")
            values = {"name": name, "roles": text, "created_at": tx.now, **_enrolment(code, tx.now)}
            tx.connection.execute(self._user.insert().values(values))
            tx.audit.add("user:added", facts={"user": name, "roles": text})
        return code

    @retry_on_conflict
    def set_roles(self, name: str, roles: Iterable[Role], *, keep_an_admin: bool = False) -> int | None:
        """Give an account these roles alone and end its sessions; return how many there were. Raises UserError.

        None where it had them already: then nothing is changed, and its sessions go on.
        """
        wanted = frozenset(roles)
        with self._transactions.write() as tx:
            before = self._locked(tx, name, with_all=keep_an_admin)
            if before == wanted:
                return None
            if keep_an_admin and Role.ADMIN not in wanted:
                self._require_another_admin(tx, name)
            self._set(tx, name, roles=as_text(wanted))
            changed = f"roles from {as_text(before) or 'none'} to {as_text(wanted) or 'none'}"
            tx.audit.add("user:changed", facts={"user": name, "changed": changed})
            return self._end_sessions(tx, name)

    @retry_on_conflict
    def disable(self, name: str, *, keep_an_admin: bool = False) -> int:
        """Let an account sign in no more and end its sessions; return how many there were. Raises UserError."""
        with self._transactions.write() as tx:
            self._locked(tx, name, with_all=keep_an_admin)
            if keep_an_admin:
                self._require_another_admin(tx, name)
            is_news = self._user.c.disabled_at.is_(None)
            if self._set(tx, name, is_news, disabled_at=tx.now, enrol_hash=None, enrol_until=None):
                tx.audit.add("user:disabled", facts={"user": name})
            return self._end_sessions(tx, name)

    @retry_on_conflict
    def enable(self, name: str) -> None:
        """Let a disabled account sign in again, as it did before. Raises NoSuchAccount."""
        with self._transactions.write() as tx:
            self._locked(tx, name)
            if self._set(tx, name, self._user.c.disabled_at.is_not(None), disabled_at=None):
                tx.audit.add("user:enabled", facts={"user": name})

    @retry_on_conflict
    def reset(self, name: str, *, keep_an_admin: bool = False) -> str:
        """Take all factors away, end all sessions, and return a new code to begin with. Raises UserError."""
        code = new_code()
        with self._transactions.write() as tx:
            self._locked(tx, name, with_all=keep_an_admin)
            if keep_an_admin:
                self._require_another_admin(tx, name)
            gone = dict.fromkeys(_FACTORS)
            self._set(tx, name, **self._mended(tx, name), **gone, **_enrolment(code, tx.now))
            p = self._tables.passkey
            tx.connection.execute(p.delete().where(p.c.user_name == name))
            tx.audit.add("user:reset", facts={"user": name})
            self._end_sessions(tx, name)
        return code

    @retry_on_conflict
    def sign_out(self, name: str) -> int:
        """End all sessions of an account; return how many there were. Raises NoSuchAccount."""
        with self._transactions.write() as tx:
            self._locked(tx, name)
            ended = self._end_sessions(tx, name)
            if ended:
                tx.audit.add("console:signed_out", facts={"user": name, "sessions": ended})
        return ended

    @retry_on_conflict
    def speak(self, name: str, language: str | None) -> None:
        """Let the console speak a language to somebody; None for that of their browser."""
        with self._transactions.write() as tx:
            self._set(tx, name, language=language)

    def _mended(self, tx: Transaction, name: str) -> Mapping[str, object]:
        """Return what a damaged row is to hold instead: of rights nothing, and who may have been disabled stays so."""
        u = self._user.c
        damaged = HeldRow(u, tx.connection.execute(sa.select(*as_held(u)).where(u.name == name)).one()).damaged
        sound = {"roles": "", "created_at": tx.now, "disabled_at": tx.now}
        return {column: sound.get(column) for column in damaged if column not in (*_FACTORS, *_ENROLMENT)}

    def _set(self, tx: Transaction, name: str, *only: sa.ColumnElement[bool], **values: Any) -> int:
        return tx.connection.execute(
            self._user.update().where(self._user.c.name == name, *only).values(values)
        ).rowcount

    def _locked(self, tx: Transaction, name: str, *, with_all: bool = False) -> frozenset[Role]:
        """Return the roles of an account, which nobody else changes until the transaction's end.

        `with_all` holds every account, in one order: two who take each other's rights away wait for each other here.
        """
        if not NAME.fullmatch(name):  # PostgreSQL cannot even be asked for every text
            raise NoSuchAccount(f"there is no account {name!r}; `syncer user list` shows them")
        u = self._user.c
        query = sa.select(u.name, u.roles).order_by(u.name).with_for_update()
        rows = tx.connection.execute(query if with_all else query.where(u.name == name)).all()
        for row in rows:
            if row.name == name:
                return roles_of(row.roles)
        raise NoSuchAccount(f"there is no account {name}; `syncer user list` shows them")

    def _require_another_admin(self, tx: Transaction, name: str) -> None:
        others = (each for each in self._accounts(tx.connection) if each.name != name)
        if not any(Role.ADMIN in each.roles and each.is_enrolled and each.barred is None for each in others):
            raise LastAdmin(f"{name} is the only one who may look after accounts and can sign in")

    def _end_sessions(self, tx: Transaction, name: str) -> int:
        s = self._tables.session
        return tx.connection.execute(s.delete().where(s.c.user_name == name)).rowcount


def new_code() -> str:
    """Return a code with which somebody begins: 24 characters of Base32, 120 bits."""
    return base64.b32encode(secrets.token_bytes(_CODE_BYTES)).decode("ascii")


def code_hash(code: str) -> str:
    """Return what is kept of a code; blanks, dashes and small letters are as people type it."""
    return hashed("".join(code.split()).replace("-", "").upper())


def _enrolment(code: str, now: datetime) -> dict[str, Any]:
    return {"enrol_hash": code_hash(code), "enrol_until": now + CODE_LASTS}


def _account(row: HeldRow, keys: Mapping[str, KeyCount]) -> Account:
    held = keys.get(row.name, KeyCount())
    return Account(
        row.name or DAMAGED, roles_of(row.roles or ""), row.created_at, row.disabled_at, row.password, row.totp_sealed,
        row.totp_step, row.enrol_until if row.enrol_hash else None, row.oidc_subject, row.language, row.last_seen_at,
        held.sound, row.damaged, held.damaged,
    )  # fmt: skip
