"""Who is told what and when: raised, repeated, cleared, flapping, acknowledged, escalated; by a settable clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from syncer.alerting.board import Board
from syncer.alerting.catalog import CRITICAL, INFO, WARNING, Sign
from syncer.service.alerts.post import post_of
from syncer.service.alerts.telling import telling_of
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.receivers.alerting import hold, mail_channel, rows, whats
from tests.support.receivers.smtp import Mailbox

PAUSED = Sign("lane_paused", WARNING, {"by": "a person"}, "newsletter")
LATE = Sign("overdue", CRITICAL, {"requests": 3})


class House:
    """An installation in which a test says what holds."""

    def __init__(self, make: Make, clock: Clock, lines: str) -> None:
        self.app, self.clock = make(lines), clock
        self.now: tuple[Sign, ...] = ()

    def goes_on(self, *signs: Sign, **by: float) -> None:
        """Let time pass with these conditions, minute by minute as far as it matters, and carry the mail out."""
        self.now = signs
        self.clock.advance(**by)
        hold(self.app, *signs)
        telling_of(self.app).tell()
        carry = post_of(self.app)
        for _ in range(5):
            carry.work()
            carry.collect(5)


@pytest.fixture
def house(with_channels: Make, clock: Clock, box: Mailbox) -> House:
    return House(with_channels, clock, mail_channel(box))


def subjects(box: Mailbox) -> list[str]:
    return [str(mail["Subject"]) for mail in box.mails]


def test_what_arises_within_a_minute_goes_out_as_one_message_then(house: House, box: Mailbox) -> None:
    house.goes_on(PAUSED)
    house.goes_on(PAUSED, LATE, seconds=50)
    assert box.mails == []

    house.goes_on(PAUSED, LATE, seconds=10)
    house.goes_on(PAUSED, LATE, seconds=300)

    assert subjects(box) == ["[syncer] critical: Requests are past their due day, and 1 more"]
    text = box.mails[0].get_content()
    assert "newsletter is paused" in text
    assert "requests: 3" in text
    assert whats(house.app) == ["alert:raised", "alert:raised", "alert:sent"]


@pytest.mark.slow
def test_five_thousand_conditions_in_a_minute_are_one_message(house: House, box: Mailbox) -> None:
    many = [Sign("held", WARNING, {"requests": 1}, f"place{number}") for number in range(5000)]
    house.goes_on(*many)
    house.goes_on(*many, seconds=60)
    house.goes_on(*many, seconds=60)

    assert len(box.mails) == 1
    assert "and 4970 more" in box.mails[0].get_content()
    assert len(box.raw[0]) < 20_000
    assert len(rows(house.app, house.app.tables.alert_told)) == 5000


def test_what_lasts_is_repeated_daily_in_the_thread_of_its_first_message(house: House, box: Mailbox) -> None:
    for hours in range(0, 54, 2):
        house.goes_on(Sign("overdue", CRITICAL, {"requests": 3 + hours}), hours=2)

    first, *more = box.mails
    assert [str(mail["Subject"]) for mail in more] == ["[syncer] still: critical: Requests are past their due day"] * 2
    assert {str(mail["References"]) for mail in more} == {str(first["Message-ID"])}
    assert len({str(mail["Message-ID"]) for mail in box.mails}) == 3
    assert "requests: 29" in more[0].get_content()


def test_only_who_was_told_hears_that_it_is_over(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    lines = (
        mail_channel(box)
        + mail_channel(box, "boss", 'least = "critical"')
        + mail_channel(box, "it", 'topics = ["operation"]')
    )
    house = House(with_channels, clock, lines)
    house.goes_on(PAUSED, LATE)
    house.goes_on(PAUSED, LATE, minutes=2)
    house.goes_on(LATE, minutes=1)
    house.goes_on(LATE, minutes=11)

    over = [to for (_, to), mail in zip(box.envelopes, box.mails, strict=True) if "over: " in str(mail["Subject"])]
    assert sorted(over) == [["dpo@house.test"], ["it@house.test"]]
    assert [to for _, to in box.envelopes].count(["boss@house.test"]) == 1
    house.goes_on(LATE, minutes=11)
    assert len(box.mails) == 5


@pytest.mark.slow
def test_what_is_gone_before_anybody_was_told_is_not_told_at_all(house: House, box: Mailbox) -> None:
    house.goes_on(PAUSED)
    house.goes_on(seconds=30)
    house.goes_on(minutes=30)

    assert box.mails == []
    assert whats(house.app) == ["alert:raised", "alert:cleared"]


@pytest.mark.slow
def test_what_comes_and_goes_is_one_alert_and_ever_longer_until_it_is_over(house: House, box: Mailbox) -> None:
    for minute in range(240):
        house.goes_on(*([PAUSED] if minute % 12 == 0 else []), minutes=1)
    assert len(box.mails) <= 7  # every twelve minutes gone for eleven: twenty times, were it taken at its word

    for _ in range(30):
        house.goes_on(minutes=30)
    assert subjects(box)[-1] == "[syncer] over: newsletter is paused: nothing is carried out there"
    assert subjects(box).count(subjects(box)[-1]) == len(
        [one for one in subjects(box) if "warning: " in one and "still" not in one]
    )


@pytest.mark.slow
def test_a_short_gap_is_no_end(house: House, box: Mailbox) -> None:
    house.goes_on(PAUSED)
    house.goes_on(PAUSED, minutes=2)
    for _ in range(10):
        house.goes_on(minutes=5)
        house.goes_on(PAUSED, minutes=1)

    assert len(box.mails) == 1
    assert whats(house.app) == ["alert:raised", "alert:sent"]


def test_an_acknowledged_alert_reminds_nobody_before_its_day_and_is_cleared_all_the_same(
    house: House, box: Mailbox, clock: Clock
) -> None:
    house.goes_on(PAUSED)
    house.goes_on(PAUSED, minutes=2)
    (alert,) = rows(house.app, house.app.tables.alert)
    Board(house.app.transactions).acknowledge(alert.id, clock() + timedelta(days=4), "somebody is at it")
    for _ in range(3):
        house.goes_on(PAUSED, days=1)
    assert len(box.mails) == 1

    house.goes_on(PAUSED, days=2)
    assert len(box.mails) == 2
    house.goes_on(minutes=1)
    house.goes_on(minutes=11)

    assert [one.partition("] ")[2].partition(":")[0] for one in subjects(box)] == ["warning", "still", "over"]
    assert "alert:acknowledged" in whats(house.app)


def test_a_channel_with_patience_hears_only_what_stays_open_and_nobody_took(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    house = House(with_channels, clock, mail_channel(box, "boss", "after_hours = 4"))
    taken = Sign("held", WARNING, {"requests": 1}, "crm")
    house.goes_on(PAUSED, LATE, taken)
    for alert in rows(house.app, house.app.tables.alert):
        if alert.condition == "held":
            Board(house.app.transactions).acknowledge(alert.id, clock() + timedelta(days=2), "somebody is at it")
    house.goes_on(LATE, taken, hours=3)
    assert box.mails == []

    house.goes_on(LATE, taken, hours=1)

    (mail,) = box.mails
    assert str(mail["Subject"]) == "[syncer] critical: Requests are past their due day"


@pytest.mark.slow
def test_what_gets_worse_is_told_at_once_and_to_those_whom_it_now_concerns(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    house = House(with_channels, clock, mail_channel(box) + mail_channel(box, "boss", 'least = "critical"'))
    house.goes_on(PAUSED)
    house.goes_on(PAUSED, minutes=2)
    worse = Sign("lane_paused", CRITICAL, {"by": "a person"}, "newsletter")
    house.goes_on(worse, minutes=2)
    house.goes_on(worse, minutes=2)

    told = [
        (to[0].partition("@")[0], str(mail["Subject"])[9:17])
        for (_, to), mail in zip(box.envelopes, box.mails, strict=True)
    ]
    assert sorted(told) == [("boss", "critical"), ("dpo", "critical"), ("dpo", "warning:")]


@pytest.mark.slow
def test_what_just_ends_is_not_told_to_be_over(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    house = House(with_channels, clock, mail_channel(box, more='least = "info"'))
    back = Sign("reappeared", INFO, {"people": 2}, "crm")
    house.goes_on(back)
    house.goes_on(back, minutes=2)
    house.goes_on(minutes=1)
    house.goes_on(minutes=20)

    assert subjects(box) == ["[syncer] info: People came back at crm"]
    assert rows(house.app, house.app.tables.alert_told) == []


@pytest.mark.slow
def test_a_clock_that_is_set_back_neither_repeats_nor_keeps_anything_for_ever(house: House, box: Mailbox) -> None:
    house.goes_on(PAUSED)
    house.goes_on(PAUSED, minutes=2)
    house.goes_on(days=-300)
    house.goes_on(minutes=5)
    house.goes_on(minutes=6)

    assert subjects(box)[-1].startswith("[syncer] over: ")
    assert len(box.mails) == 2
