"""A clock that ran ahead and was set right: what it left in the database silences nobody until that time comes."""

from __future__ import annotations

from datetime import timedelta

from syncer.alerting.catalog import WARNING, Sign
from syncer.app import App
from syncer.service.alerts.conditions.signs import Signs
from syncer.service.alerts.post import post_of
from syncer.service.alerts.telling import telling_of
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.receivers.alerting import alarms_of, hold, mail_channel, rows, turn
from tests.support.receivers.smtp import Mailbox
from tests.support.walk import put

PAUSED = Sign("lane_paused", WARNING, {"by": "a person"}, "newsletter")
AHEAD = timedelta(days=400)


def conditions(app: App) -> set[str]:
    return {sign.condition for sign in Signs(app).look().signs}


def test_the_digest_comes_again_at_its_time_and_once(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    app = with_channels(mail_channel(box, more='topics = ["digest"]'))
    right = clock.now
    for now in (right, right + AHEAD):
        clock.now = now
        turn(alarms_of(app))
    before = len(box.raw)

    sent = []
    for day in range(15):
        clock.now = right + timedelta(days=day)
        turn(alarms_of(app))
        sent.append(len(box.raw) - before)

    assert (sent[0], sent[-1]) == (0, 2)


def test_a_second_or_two_brings_no_second_digest(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    app = with_channels(mail_channel(box, more='topics = ["digest"]'))
    moment = app.settings.alerts.digest_moment(clock.now, app.settings.deadlines.zone)
    assert moment is not None
    for seconds in (-60, 7 * 86_400 + 1, 7 * 86_400 - 1, 7 * 86_400 + 60):
        clock.now = moment + timedelta(seconds=seconds)
        turn(alarms_of(app))

    assert len(box.raw) == 1


def test_a_backup_from_the_future_is_not_the_last_good_one(app: App, clock: Clock) -> None:
    clock.now += AHEAD
    with app.transactions.write() as tx:
        tx.audit.add("backup:made")
    clock.now -= AHEAD

    assert "backup_old" in conditions(app)


def test_a_channel_that_fails_since_then_is_said_to_fail_after_three_days(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    app = with_channels(mail_channel(box))
    box.refusals = [b"451 not now"] * 100
    hold(app, PAUSED)
    post = post_of(app)
    for step in (AHEAD, -AHEAD, timedelta(days=3)):
        clock.now += step
        telling_of(app).tell()
        post.work()
        post.collect(5)

    assert rows(app, app.tables.alert_channel)[0].failing_since == clock.now - timedelta(days=3)
    assert "channel_fails" in conditions(app)


def test_what_was_raised_then_is_told_to_those_who_wait_some_hours(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    app = with_channels(mail_channel(box, "boss", "after_hours = 4"))
    clock.now += AHEAD
    hold(app, PAUSED)
    clock.now -= AHEAD

    telling_of(app).tell()

    assert [row.kind for row in rows(app, app.tables.alert_message)] == ["raised"]


def test_rows_that_nobody_takes_are_said_a_quarter_of_an_hour_later(app: App, clock: Clock) -> None:
    looks = Signs(app)
    put(app, "erasure", "ada@lovelace.test", "form 1")
    stale = []
    for step in (timedelta(), -AHEAD, timedelta(minutes=14), timedelta(minutes=1)):
        clock.now += step
        stale.append("queue_stale" in {sign.condition for sign in looks.look().signs})

    assert stale == [False, False, False, True]
