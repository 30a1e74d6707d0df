"""An installation that writes as an older syncer did."""

from __future__ import annotations

from syncer.app import App
from syncer.audit.actor import actor
from syncer.audit.ledger import Ledger
from syncer.audit.transaction import Transactions
from syncer.events.store import Store
from syncer.settings.checked import settings_digest


def without_comparison(app: App) -> None:
    """Let the app write without comparing the database with its notes; call it before anything else is asked of it."""
    # another process: it has not seen what the log was before
    ledger = Ledger(app.engine, app.tables, app.keyring, actor("cli"), settings_digest(app.settings))
    app.transactions = Transactions(app.engine, app.tables, ledger, app.clock, lambda: None)
    app.store = Store(app.transactions, tuple(app.settings.schedule.recheck_days))
