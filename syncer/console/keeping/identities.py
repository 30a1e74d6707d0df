"""Which account belongs to which person at the identity provider: bound once, by the code to begin with."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.audit.transaction import Transaction, Transactions
from syncer.console.sign_in.accounts import Account, AccountBook, code_hash
from syncer.database.column_types import HeldRow, as_held
from syncer.database.connections import reading


class Identities:
    """The bonds of one installation. Issuer and subject are compared letter by letter, whatever the database does."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions
        self._user = transactions.tables.user

    def of(self, issuer: str, subject: str) -> Account | None:
        """Return the account of a person at a provider, disabled ones too; None where there is none."""
        with reading(self._transactions.engine) as connection:
            names = self._names(connection, issuer, subject)
        return AccountBook(self._transactions).find(names[0]) if len(names) == 1 else None

    def is_still(self, tx: Transaction, account: Account, issuer: str, subject: str) -> bool:
        """Say whether an account belongs to that person and may sign in, and let nobody change that meanwhile."""
        u = self._user.c
        query = sa.select(*as_held(u)).where(u.name == account.name, u.disabled_at.is_(None))
        row = tx.connection.execute(query.with_for_update()).first()
        if row is None or HeldRow(u, row).damaged:
            return False
        return (row.oidc_issuer, row.oidc_subject) == (issuer, subject)

    def bind(self, tx: Transaction, account: Account, code: str, issuer: str, subject: str) -> bool:
        """Bind an account to a person at a provider, once for each code; say whether both were still free."""
        u = self._user
        # every account, in one order: of two who bind one person at once the second sees the first
        tx.connection.execute(sa.select(u.c.name).order_by(u.c.name).with_for_update()).all()
        if self._names(tx.connection, issuer, subject):
            return False
        fresh = (u.c.name == account.name, u.c.enrol_hash == code_hash(code), u.c.enrol_until >= tx.now)
        values = {"oidc_issuer": issuer, "oidc_subject": subject, "enrol_hash": None, "enrol_until": None}
        bound = u.update().where(*fresh, u.c.disabled_at.is_(None)).values(values)
        if tx.connection.execute(bound).rowcount != 1:
            return False
        tx.audit.add("user:enrolled", facts={"user": account.name, "factors": "an identity provider"})
        return True

    def _names(self, connection: sa.Connection, issuer: str, subject: str) -> list[str]:
        u = self._user.c
        query = sa.select(u.name, u.oidc_issuer, u.oidc_subject)
        rows = connection.execute(query.where(u.oidc_subject == subject)).all()
        return [row.name for row in rows if (row.oidc_issuer, row.oidc_subject) == (issuer, subject)]
