"""What the console need not remember any more is deleted while it listens, whoever comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from syncer.app import App
from syncer.console import server
from tests.conftest import Clock
from tests.console.serving.conftest import Place
from tests.support.processes import until
from tests.support.walk import rows


def test_what_is_over_is_forgotten_though_nobody_signs_in(
    served: Callable[..., Place], app: App, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "TIDIED_EVERY", 0.02)
    t, now = app.tables, clock()
    with app.transactions.write() as tx:
        tx.connection.execute(t.once.insert().values(id="form:1", until=now + timedelta(hours=1)))
        tx.connection.execute(t.bucket.insert().values(name="all", tokens=5.0, at=now))
        session = {"hash": "h", "user_name": "anna", "via": "passkey", "network": "n", "created_at": now}
        tx.connection.execute(t.session.insert().values(seen_at=now, **session))

    served()
    clock.advance(days=2)

    until(lambda: not any(rows(app, table) for table in (t.once, t.bucket, t.session)), 20, every=0.02)
