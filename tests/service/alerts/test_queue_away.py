"""The queue's own database is away, WordPress' for instance: that is an alert, and stops no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncer.app import App
from syncer.service.alerts.conditions.signs import Signs
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.receivers.alerting import alarms_of, mail_channel, turn
from tests.support.receivers.smtp import Mailbox


@pytest.fixture
def apart(with_channels: Make, box: Mailbox, tmp_path: Path) -> App:
    """An installation whose queue lies in another database, which has gone."""
    site = tmp_path / "site"
    site.mkdir()
    app = with_channels(f'{mail_channel(box)}\n[queue]\nurl = "sqlite:///{site}/queue.db"\n')
    app.queue.engine.dispose()
    site.rename(tmp_path / "gone")
    return app


def test_people_are_told_that_it_is_not_taken_and_of_all_else(apart: App, clock: Clock, box: Mailbox) -> None:
    apart.leases.ensure(["crm"])
    apart.interventions.pause("crm", "the account is under review")
    alarms = alarms_of(apart)
    for _ in range(5):
        alarms.work()
        clock.advance(minutes=10)
    alarms.finish()

    said = "".join(str(mail.get_content()) for mail in box.mails)
    assert "crm is paused" in said
    assert "The queue has not been taken for 15 minutes" in said
    assert "it cannot be read" in said


def test_the_digest_waits_for_it_and_keeps_no_message_waiting(
    apart: App, clock: Clock, box: Mailbox, tmp_path: Path
) -> None:
    apart.leases.ensure(["crm"])
    turn(alarms_of(apart))
    apart.interventions.pause("crm", "the account is under review")
    clock.advance(days=8)
    for _ in range(2):
        turn(alarms_of(apart))
        clock.advance(minutes=2)

    assert ["digest" in str(mail["Subject"]) for mail in box.mails] == [False]

    (tmp_path / "gone").rename(tmp_path / "site")
    turn(alarms_of(apart))

    assert [mail["Subject"] for mail in box.mails if "digest" in str(mail["Subject"])] != []


def test_rows_on_record_as_refused_are_not_over_because_nobody_can_look(apart: App) -> None:
    assert "queue_refused" not in Signs(apart).look().asked
