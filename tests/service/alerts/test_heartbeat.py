"""The dead man's switch: called as long as all is well, and silent as soon as something is not."""

from __future__ import annotations

import io
import time

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.database.connections import writing
from syncer.log import configure
from syncer.service.alerts.alarms import Alarms
from syncer.service.drain import prepare
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.processes import until
from tests.support.receivers.alerting import alarms_of
from tests.support.receivers.hooks import Receiver
from tests.support.walk import put

LINES = '\n[heartbeat]\nurl_env = "TEST_HOOK_URL"\nevery_minutes = 5\n'


def beats(alarms: Alarms, hooks: Receiver, number: int) -> bool:
    """Whether one more round calls, and that makes so many calls."""
    alarms.work()
    time.sleep(0.1)
    return len(hooks.received) == number


def test_it_is_called_every_so_often_while_all_is_well(with_channels: Make, clock: Clock, hooks: Receiver) -> None:
    alarms = alarms_of(with_channels(LINES))
    alarms.work()
    until(lambda: len(hooks.received) == 1, 5)
    clock.advance(minutes=4)
    assert beats(alarms, hooks, 1)
    clock.advance(minutes=1)
    alarms.work()

    until(lambda: len(hooks.received) == 2, 5)
    assert {(one.method, one.body) for one in hooks.received} == {("GET", b"")}


def test_it_is_silent_while_a_job_stands_still(with_channels: Make, clock: Clock, hooks: Receiver) -> None:
    moves = [False]
    alarms = alarms_of(with_channels(LINES), all_moves=lambda: moves[0])
    assert beats(alarms, hooks, 0)
    moves[0] = True
    alarms.work()

    until(lambda: len(hooks.received) == 1, 5)


@pytest.mark.slow
@pytest.mark.parametrize("paused", [False, True])
def test_it_is_silent_while_a_lane_is_stuck_and_a_pause_is_none(
    with_channels: Make, clock: Clock, hooks: Receiver, mailchimp: MailchimpSandbox, paused: bool
) -> None:
    app = with_channels(LINES)
    put(app, "erasure", "ada@lovelace.test", "form 1")
    prepare(app)
    clock.advance(minutes=16)
    if paused:
        for name in ("crm", "newsletter"):
            app.interventions.pause(name, "the account is under review")

    assert beats(alarms_of(app), hooks, 1 if paused else 0)


@pytest.mark.slow
def test_it_is_silent_while_the_database_is_away(with_channels: Make, clock: Clock, hooks: Receiver) -> None:
    app = with_channels(LINES)
    alarms = alarms_of(app)
    with writing(app.engine) as connection:
        connection.exec_driver_sql(f"ALTER TABLE {app.tables.lane.name} RENAME TO away")
    with pytest.raises(Exception, match="no such table"):
        alarms.work()

    assert hooks.received == []


@pytest.mark.slow
def test_a_switch_that_cannot_be_reached_is_logged_without_its_address(
    with_channels: Make,
    clock: Clock,
    hooks: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    configure("info", stream := io.StringIO(), json=True)
    monkeypatch.setenv("TEST_HOOK_URL", "http://127.0.0.1:9/t0ps3cret")
    alarms_of(with_channels(LINES)).work()
    until(lambda: "heartbeat.failed" in stream.getvalue(), 5)
    said = stream.getvalue() + "".join(capfd.readouterr())

    assert "t0ps3cret" not in said
