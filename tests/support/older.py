"""An installation that writes as an older syncer did."""

from __future__ import annotations

import base64
import secrets

from syncer.app import App
from syncer.audit.actor import actor
from syncer.audit.ledger import Ledger
from syncer.audit.transaction import Transactions
from syncer.events.store import Store
from syncer.privacy.keyring import Keyring
from syncer.settings.checked import settings_digest


def without_comparison(app: App) -> None:
    """Let the app write without comparing the database with its notes; call it before anything else is asked of it."""
    # another process: it has not seen what the log was before
    ledger = Ledger(app.engine, app.tables, app.keyring, actor("cli"), settings_digest(app.settings))
    app.transactions = Transactions(app.engine, app.tables, ledger, app.clock, lambda: None)
    app.store = Store(app.transactions, tuple(app.settings.schedule.recheck_days))


def sealed_before(keyring: Keyring, address: str, event_id: str) -> str:
    """Seal an address as syncer did before it sealed requests with them: `v1`."""
    version, nonce = keyring.versions[-1], secrets.token_bytes(12)
    sealed = version.aead.encrypt(nonce, address.encode(), f"syncer_event.email_sealed:{event_id}".encode())
    return f"v1.{version.key_id}.{_b64(nonce)}.{_b64(sealed)}"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")
