"""The leave to choose a first factor of one's own, for somebody whom an identity provider lets in.

A provider's word alone leads to no second factor, or whoever took it over, or stole a session that it opened, would
decide a moment later. So it takes the code to begin with, which came from the server by another way: the session that
the code bound an account in may choose one, once, for as long as a second factor would count.
"""

from __future__ import annotations

from syncer.audit.transaction import Transaction, Transactions
from syncer.console.keeping.once import OnceStore
from syncer.console.sign_in.person import STEP_UP_COUNTS

_KIND = "first-factor"


class FirstFactorLeave:
    """The leaves of one installation; a session is named by the hash of its cookie."""

    def __init__(self, transactions: Transactions) -> None:
        self._once = OnceStore(transactions)

    def give(self, tx: Transaction, session: str) -> None:
        """Give leave to a session that was opened just now."""
        self._once.keep(tx, _KIND, session, tx.now + STEP_UP_COUNTS, {})

    def is_given(self, session: str) -> bool:
        """Say whether a session may choose a first factor."""
        return self._once.holds(_KIND, session)

    def use(self, tx: Transaction, session: str) -> bool:
        """Use the leave up; say whether there was one."""
        return self._once.take(tx, _KIND, session) is not None
