"""Where the settings name nobody any more: what is open is cleared once it is over, and nothing new is raised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncer.alerting.catalog import WARNING, Sign
from syncer.app import App
from syncer.service.alerts.telling import telling_of
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.processes import inside as run
from tests.support.processes import started, until
from tests.support.receivers.alerting import alarms_of, hold, hook_channel, rows, turn, whats
from tests.support.receivers.hooks import Receiver

PAUSED = Sign("lane_paused", WARNING, {"by": "a person"}, "newsletter")


def without_channels(make: Make, app: App) -> App:
    """The same installation once the lines of its channel are out of the settings."""
    path: Path = app.settings.path
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("[channels.")], encoding="utf-8")
    return make("", again=True)


def test_what_is_open_is_cleared_once_it_is_over_though_the_last_channel_is_gone(
    with_channels: Make, clock: Clock, hooks: Receiver
) -> None:
    app = with_channels(hook_channel())
    hold(app, PAUSED)
    clock.advance(minutes=2)
    telling_of(app).tell()  # the message stays where it is: the channel is removed before anything is sent

    app = without_channels(with_channels, app)
    for _ in range(3):
        turn(alarms_of(app))
        clock.advance(minutes=20)

    (alert,) = [row for row in rows(app, app.tables.alert) if row.condition == "lane_paused"]
    assert alert.cleared_at is not None
    assert whats(app) == ["alert:raised", "alert:cleared"]
    assert rows(app, app.tables.alert_told) == []
    assert [row.next_try_at for row in rows(app, app.tables.alert_message)] == [None]


def test_where_nobody_is_told_what_is_open_lasts_as_long_as_it_is_so_and_nothing_new_is_raised(
    with_channels: Make, clock: Clock, hooks: Receiver
) -> None:
    app = with_channels(hook_channel())
    app.leases.ensure(["newsletter", "crm"])
    app.interventions.pause("newsletter", "the account is under review")
    turn(alarms_of(app))
    app = without_channels(with_channels, app)
    app.interventions.pause("crm", "the account is under review")

    for _ in range(3):
        turn(alarms_of(app))
        clock.advance(minutes=20)

    paused = [row for row in rows(app, app.tables.alert) if row.condition == "lane_paused"]
    assert [(row.scope, row.cleared_at) for row in paused] == [("newsletter", None)]


def test_where_nobody_was_ever_told_no_duty_is_taken(with_channels: Make, hooks: Receiver) -> None:
    app = with_channels("")
    app.leases.ensure(["crm"])
    app.interventions.pause("crm", "the account is under review")

    turn(alarms_of(app))

    assert rows(app, app.tables.alert) == []
    assert rows(app, app.tables.duty) == []


@pytest.mark.slow
def test_a_daemon_whose_settings_name_no_channel_any_more_clears_what_is_over(
    with_channels: Make, clock: Clock, hooks: Receiver, tmp_path: Path
) -> None:
    app = with_channels(hook_channel())
    clock.now = datetime.now(UTC) - timedelta(hours=1)
    hold(app, PAUSED)
    hold(app)  # not seen any more, for an hour by now
    app = without_channels(with_channels, app)

    with started(app.settings.path, "run", log=tmp_path / "log"):
        until(lambda: "alert:cleared" in whats(app), 20)

    assert run(app.settings.path, "alerts").returncode == 0
