"""An installation that writes as an older syncer did."""

from __future__ import annotations

from syncer.app import App
from syncer.audit.transaction import Transactions
from syncer.events.store import Store


def without_comparison(app: App) -> None:
    """Let the app write without comparing the database with its notes; call it before anything else is asked of it."""
    app.transactions = Transactions(app.engine, app.tables, app.ledger, app.clock, lambda: None)
    app.store = Store(app.transactions, tuple(app.settings.schedule.recheck_days))
