"""Messages on their way: at least once, with the same name; a channel that fails, hangs or is gone stops no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from syncer.alerting.catalog import WARNING, Sign
from syncer.app import App
from syncer.database.alerting import outbox
from syncer.database.connections import reading, writing
from syncer.service.alerts.channels.mail import MailSender
from syncer.service.alerts.channels.sender import Sender
from syncer.service.alerts.conditions.signs import Signs
from syncer.service.alerts.post import Post, post_of, wait_after
from syncer.service.alerts.telling import telling_of
from syncer.service.alerts.trial import send_trial
from syncer.settings.alerting.channels import EmailChannel
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.receivers.alerting import hold, hook_channel, mail_channel, rows, whats
from tests.support.receivers.hooks import Receiver, verify
from tests.support.receivers.smtp import Mailbox
from tests.support.servers import ENGINES

PAUSED = Sign("lane_paused", WARNING, {"by": "a person"}, "newsletter")


def told(make: Make, clock: Clock, lines: str) -> App:
    """An installation with a message to each of its channels, none of them sent."""
    app = make(lines)
    hold(app, PAUSED)
    clock.advance(minutes=2)
    telling_of(app).tell()
    return app


def failing(app: App) -> list[Sign]:
    return [sign for sign in Signs(app).look().signs if sign.condition == "channel_fails"]


def carry(app: App, post: Post | None = None, rounds: int = 1) -> None:
    post = post or post_of(app)
    for _ in range(rounds):
        post.work()
        post.collect(5)


def test_a_server_that_greylists_gets_the_same_mail_again(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    app = told(with_channels, clock, mail_channel(box))
    box.refusals = [b"451 4.7.1 greylisted, try later"]
    carry(app, rounds=3)
    assert box.raw == []
    assert rows(app, app.tables.alert_channel)[0].error == "the mail server refused the recipient (451)"

    clock.advance(minutes=1)
    carry(app)

    assert len(box.raw) == 1
    assert whats(app) == ["alert:raised", "alert:sent"]
    assert rows(app, app.tables.alert_channel)[0].failing_since is None


@pytest.mark.slow
def test_a_server_that_refuses_is_tried_for_three_days_then_others_hear_of_it(
    with_channels: Make, clock: Clock, box: Mailbox, hooks: Receiver
) -> None:
    app = told(with_channels, clock, mail_channel(box) + hook_channel())
    box.refusals = [b"550 no such user"] * 100
    for _ in range(90):
        carry(app)
        clock.advance(hours=1)

    assert len(hooks.received) == 1
    (mail,) = [row for row in rows(app, app.tables.alert_message) if row.channel == "dpo"]
    assert mail.given_up_at is not None
    assert 15 < mail.attempts < 25
    assert whats(app).count("alert:undeliverable") == 1
    assert [sign.scope for sign in failing(app)] == ["dpo"]


@pytest.mark.parametrize("farewell", [b"221 bye", b"421 too many of you"])
def test_who_has_a_mail_gets_it_once_though_another_recipient_was_refused_for_good(
    with_channels: Make, clock: Clock, box: Mailbox, farewell: bytes
) -> None:
    box.farewell = farewell
    app = told(with_channels, clock, mail_channel(box).replace('to = "', 'to = "ops@example.test, '))
    box.refusals = [b"250 fine", b"550 no such user"] * 100
    for _ in range(5):
        carry(app)
        clock.advance(hours=7)

    assert len(box.raw) == 1
    assert whats(app).count("alert:undeliverable") == 1
    (channel,) = rows(app, app.tables.alert_channel)
    assert channel.error == "the mail server refused a recipient (550)"
    assert channel.failing_since is not None


def test_a_recipient_that_is_greylisted_gets_the_mail_though_another_has_it_twice(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    app = told(with_channels, clock, mail_channel(box).replace('to = "', 'to = "ops@example.test, '))
    box.refusals = [b"250 fine", b"451 later"]
    for _ in range(2):
        carry(app)
        clock.advance(hours=7)

    assert len(box.raw) == 2
    assert rows(app, app.tables.alert_channel)[0].failing_since is None


def test_the_waits_double_from_a_minute_to_six_hours() -> None:
    minutes = {0: 1, 1: 1, 2: 2, 3: 4, 8: 128, 9: 256, 10: 360, 1000: 360}

    assert {number: wait_after(number) // timedelta(minutes=1) for number in minutes} == minutes


def test_what_was_not_seen_to_arrive_is_sent_again_under_its_name(
    with_channels: Make, clock: Clock, hooks: Receiver
) -> None:
    app = told(with_channels, clock, hook_channel())
    lost = post_of(app)
    lost.work()
    deadline = time.monotonic() + 5
    while not hooks.received and time.monotonic() < deadline:
        time.sleep(0.02)

    # its process is gone before it could note the answer
    clock.advance(minutes=1)
    again = with_channels(hook_channel(), again=True)
    carry(again, rounds=2)
    clock.advance(hours=7)
    carry(again, rounds=2)

    first, second = hooks.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    verify(first, now=time.time() + 120)
    verify(second, now=(clock.now).timestamp() - 7 * 3600)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_attempt_is_one_daemons_though_another_saw_the_message_too(
    with_channels: Make, clock: Clock, hooks: Receiver
) -> None:
    app = told(with_channels, clock, hook_channel())
    with reading(app.engine) as connection:
        (message,) = outbox.due(connection, app.tables, clock.now, ["ops"], 9)
    claims = []
    for _ in range(2):
        with writing(app.engine) as connection:
            claims.append(outbox.claim(connection, app.tables, message, clock.now + timedelta(minutes=1)))

    assert claims == [True, False]


@pytest.mark.slow
def test_of_two_that_see_the_same_message_one_sends_it(with_channels: Make, clock: Clock, hooks: Receiver) -> None:
    app = told(with_channels, clock, hook_channel())
    one, other = post_of(app), post_of(with_channels(hook_channel(), again=True))
    one.work()
    other.work()
    one.collect(5)
    other.collect(5)

    assert len(hooks.received) == 1


def sender_of(box: Mailbox, seconds: float) -> Callable[[], Sender]:
    keys = {"kind": "email", "to": "dpo@house.test", "sender": "syncer@house.test", "host": "127.0.0.1"}
    return lambda: MailSender(EmailChannel.read({**keys, "port": box.port}), "settings.toml", seconds)


def test_a_server_that_hangs_is_cut_off_and_stops_no_other_channel(
    with_channels: Make, clock: Clock, box: Mailbox, hooks: Receiver
) -> None:
    app = told(with_channels, clock, mail_channel(box) + hook_channel())
    box.hangs = True
    ops = post_of(app)._senders["ops"]
    post = Post(app.transactions, {"dpo": sender_of(box, 0.5), "ops": ops}, lambda _: None)
    began = time.monotonic()
    post.work()
    assert time.monotonic() - began < 0.4
    post.collect(5)

    assert len(hooks.received) == 1
    assert {row.name: row.error for row in rows(app, app.tables.alert_channel)} == {
        "dpo": "the mail server did not accept the mail (SMTPServerDisconnected)",
        "ops": None,
    }
    box.hangs = False
    clock.advance(minutes=1)
    carry(app)
    assert len(box.raw) == 1


@pytest.mark.slow
def test_what_cannot_be_cut_off_is_left_behind_and_noted_when_it_comes_to_an_end_late(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    app = told(with_channels, clock, mail_channel(box))
    box.hangs = True
    post = Post(app.transactions, {"dpo": sender_of(box, 2.0)}, lambda _: None, deadline=0.1)
    post.work()
    time.sleep(0.2)
    post.work()
    assert rows(app, app.tables.alert_channel)[0].error == "no end in time"
    clock.advance(minutes=1)
    post.work()
    assert box.visits == 1
    assert rows(app, app.tables.alert_channel)[0].error == "an earlier try hangs still"

    box.hangs = False
    box.over.set()
    post.collect(5)
    clock.advance(hours=1)
    carry(app, post, rounds=2)

    assert len(box.raw) == 1


@pytest.mark.slow
def test_a_farewell_that_hangs_is_no_second_mail(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    app = told(with_channels, clock, mail_channel(box))
    box.hangs_at_quit = True
    post = Post(app.transactions, {"dpo": sender_of(box, 0.5)}, lambda _: None)
    for _ in range(3):
        carry(app, post)
        clock.advance(hours=1)

    assert len(box.raw) == 1
    assert whats(app) == ["alert:raised", "alert:sent"]


def test_410_switches_a_webhook_off_which_others_hear_and_a_trial_that_arrives_switches_it_on(
    with_channels: Make, clock: Clock, hooks: Receiver, box: Mailbox
) -> None:
    app = told(with_channels, clock, mail_channel(box) + hook_channel())
    hooks.status = 410
    carry(app)
    clock.advance(days=2)
    telling_of(app).tell()
    carry(app, rounds=3)

    assert len(hooks.received) == 1
    assert [(sign.scope, sign.facts["state"]) for sign in failing(app)] == [("ops", "switched off")]
    assert len(box.raw) == 2

    hooks.status = 200
    assert send_trial(app, "ops") is None
    assert failing(app) == []


@pytest.mark.slow
def test_a_message_that_is_never_accepted_stops_no_other_of_its_channel(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    app = told(with_channels, clock, mail_channel(box))
    box.refusals = [b"552 too large"]
    carry(app)
    hold(app, PAUSED, Sign("wordpress", WARNING, {"alarms": 1}))
    clock.advance(seconds=59)
    telling_of(app).tell()
    clock.advance(seconds=1)
    box.refusals = [b"552 too large"]
    telling_of(app).tell()
    carry(app, rounds=2)

    assert len(box.raw) == 1


@pytest.mark.slow
def test_what_waits_for_a_clock_that_was_set_back_is_sent(with_channels: Make, clock: Clock, hooks: Receiver) -> None:
    app = told(with_channels, clock, hook_channel())
    clock.advance(days=-30)
    carry(app)

    assert len(hooks.received) == 1


@pytest.mark.parametrize("secret", ["", "whsec_c2hvcnQ=", "no base64 ✓", "x" * 5000])
def test_a_secret_or_an_address_that_cannot_be_used_is_one_reason_that_shows_neither(
    with_channels: Make, clock: Clock, hooks: Receiver, monkeypatch: pytest.MonkeyPatch, secret: str, tmp_path: Path
) -> None:
    app = told(with_channels, clock, hook_channel())
    monkeypatch.setenv("TEST_HOOK_SECRET", secret)
    carry(app)
    (row,) = rows(app, app.tables.alert_channel)

    assert "[channels.ops] secret: " in row.error
    assert not secret or secret not in row.error
    monkeypatch.setenv("TEST_HOOK_URL", "http://hooks.house.test/t0ps3cret")
    clock.advance(hours=1)
    carry(app)
    (row,) = rows(app, app.tables.alert_channel)
    assert "is no https address" in row.error
    assert "t0ps3cret" not in row.error
    assert hooks.received == []
