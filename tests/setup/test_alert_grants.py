"""The daemon's account can do all that alerts need, and the reader's can look at them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncer.app import App, load_settings, open_app
from syncer.service.alerts.alarms import Alarms
from tests.conftest import Clock
from tests.support.processes import inside as run
from tests.support.receivers.alerting import hook_channel, rows, turn
from tests.support.receivers.hooks import SECRET, receiver
from tests.support.servers import ENGINES


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_the_daemons_account_raises_tells_clears_and_drops(
    app: App, accounts: Callable[[str], str], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = app.settings.path
    path.write_text(path.read_text(encoding="utf-8") + hook_channel(more='least = "info"'), encoding="utf-8")
    monkeypatch.setenv("SYNCER_DATABASE__URL", accounts("daemon"))
    with receiver() as hooks, open_app(load_settings(path), clock=clock) as daemon:
        monkeypatch.setenv("TEST_HOOK_URL", hooks.url())
        monkeypatch.setenv("TEST_HOOK_SECRET", SECRET)
        daemon.leases.ensure(["crm"])
        daemon.interventions.pause("crm", "the account is under review")
        alarms = Alarms(daemon, look_seconds=0)
        for step in range(6):
            turn(alarms)
            clock.advance(minutes=20)
            if step == 1:
                daemon.interventions.resume("crm", "the review is over")

        assert [one.json["type"] for one in hooks.received] == ["syncer.alert.raised", "syncer.alert.cleared"]
        clock.advance(days=100)
        turn(Alarms(daemon, look_seconds=0))
        assert "lane_paused" not in {row.condition for row in rows(daemon, daemon.tables.alert)}
    monkeypatch.setenv("SYNCER_DATABASE__URL", accounts("reader"))
    assert run(path, "alerts").returncode in (0, 1)
