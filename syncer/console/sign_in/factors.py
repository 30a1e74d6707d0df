"""What somebody signs in with, chosen by themselves: with the code that they were given, or later when signed in."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.console.keeping.first_factor import FirstFactorLeave
from syncer.console.sign_in import passwords, totp
from syncer.console.sign_in.accounts import Account, code_hash
from syncer.database.failures import retry_on_conflict
from syncer.privacy import app_secrets
from syncer.privacy.keyring import Keyring


class Factors:
    """The passwords and authenticator apps of one installation; `transactions` name who acts."""

    def __init__(self, transactions: Transactions, keyring: Keyring) -> None:
        self._transactions = transactions
        self._tables = transactions.tables
        self._user = transactions.tables.user
        self._keyring = keyring

    def step(self, account: Account, code: str) -> int | None:
        """Return which step of their app a code is; None for a wrong one, one that was used, or without an app."""
        secret = app_secrets.opened(self._keyring, account.totp_sealed, account.name)
        if secret is None:
            return None
        return totp.step_of(secret, code, self._transactions.clock(), account.totp_step)

    def use(self, tx: Transaction, account: Account, step: int) -> bool:
        """Take a step of an app for good, within a transaction; say whether nobody else took it meanwhile.

        A secret that an earlier key sealed is sealed anew on that occasion.
        """
        u = self._user.c
        unused = (u.name == account.name, u.totp_sealed == account.totp_sealed)
        values: dict[str, Any] = {"totp_step": step}
        secret = app_secrets.opened(self._keyring, account.totp_sealed, account.name)
        if secret is not None and not app_secrets.is_present(self._keyring, account.totp_sealed):
            values["totp_sealed"] = app_secrets.seal(self._keyring, secret, account.name)
        later = sa.or_(u.totp_step.is_(None), u.totp_step < step)
        return tx.connection.execute(self._user.update().where(*unused, later).values(values)).rowcount == 1

    @retry_on_conflict
    def enrol(self, account: Account, code: str, password: str, secret: str | None, step: int | None) -> bool:
        """Let an account begin with these factors, once for each code; say whether the code was still good.

        What they signed in with before is gone, and so are their sessions. `secret` None is without an app.
        """
        u, kept = self._user.c, passwords.kept(password)
        with self._transactions.write() as tx:
            fresh = (u.name == account.name, u.enrol_hash == code_hash(code), u.enrol_until >= tx.now)
            values: dict[str, Any] = {"password": kept, "enrol_hash": None, "enrol_until": None, "totp_step": step}
            values["totp_sealed"] = None if secret is None else app_secrets.seal(self._keyring, secret, account.name)
            query = self._user.update().where(*fresh, u.disabled_at.is_(None)).values(values)
            if tx.connection.execute(query).rowcount != 1:
                return False
            s = self._tables.session
            tx.connection.execute(s.delete().where(s.c.user_name == account.name))
            with_what = "a password and an app" if secret else "a password"
            tx.audit.add("user:enrolled", facts={"user": account.name, "factors": with_what})
        return True

    @retry_on_conflict
    def add_password(self, account: Account, password: str, secret: str | None, step: int | None, session: str) -> bool:
        """Add a password and an app to passkeys, and end all sessions but one; say whether there was neither yet.

        `secret` None is without an app.
        """
        sealed = None if secret is None else app_secrets.seal(self._keyring, secret, account.name)
        values = {"password": passwords.kept(password), "totp_sealed": sealed, "totp_step": step}
        u, with_what = self._user.c, "a password and an app were added" if secret else "a password was added"
        none_yet = (u.password.is_(None), u.totp_sealed.is_(None), u.oidc_subject.is_(None))
        with self._transactions.write() as tx:
            return self._changed(tx, account, session, with_what, values, *none_yet)

    @retry_on_conflict
    def change_password(self, account: Account, password: str, session: str) -> bool:
        """Replace the password and end all sessions but one (its hash); say whether it was still the one before."""
        values, same = {"password": passwords.kept(password)}, self._user.c.password == account.password
        with self._transactions.write() as tx:
            return self._changed(tx, account, session, "the password", values, same)

    @retry_on_conflict
    def change_app(self, account: Account, secret: str, step: int, session: str, *, is_first: bool = False) -> bool:
        """Take an authenticator app for what was there before, and end all sessions but one; say whether it still was.

        `is_first`: that session has shown no second factor, and has leave to choose a first one.
        """
        values = {"totp_sealed": app_secrets.seal(self._keyring, secret, account.name), "totp_step": step}
        column, what = self._user.c.totp_sealed, "the authenticator app"
        same = column.is_(None) if account.totp_sealed is None else column == account.totp_sealed
        with self._transactions.write() as tx:
            if is_first and not FirstFactorLeave(self._transactions).use(tx, session):
                return False
            return self._changed(tx, account, session, what, values, same)

    def _changed(
        self,
        tx: Transaction,
        account: Account,
        session: str,
        what: str,
        values: dict[str, Any],
        *only: sa.ColumnElement[bool],
    ) -> bool:
        """Change what somebody signs in with, unless their session was ended meanwhile: by a reset, say."""
        s = self._tables.session.c
        lasts = sa.exists().where(s.hash == session, s.user_name == account.name)
        query = self._user.update().where(self._user.c.name == account.name, lasts, *only).values(values)
        if tx.connection.execute(query).rowcount != 1:
            return False
        others = (s.user_name == account.name, s.hash != session)
        tx.connection.execute(self._tables.session.delete().where(*others))
        tx.audit.add("user:changed", facts={"user": account.name, "changed": what})
        return True
