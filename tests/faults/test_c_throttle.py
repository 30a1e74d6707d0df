"""Group C, what the status means: throttling, outages and maintenance."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from adapters.http.answer import LONGEST_WAIT
from adapters.sandbox.faults import EDGE_PAGE
from tests.faults.net import BOTH, ERASING, Rig
from tests.support.walk import rows

HTML = "text/html; charset=utf-8"


def test_fault_049_a_429_with_seconds_cools_the_lane_exactly_so_long(rig: Rig) -> None:
    rig.breaks(status=429, body="", headers={"Retry-After": "30"}, times=1)
    rig.ask()

    rig.drain()

    rig.is_cooling("rate_limited", least=30, most=30)
    rig.ends_well()


@pytest.mark.parametrize(
    ("until", "least", "most"),
    [
        pytest.param(timedelta(minutes=2), 120, 120, id="future"),
        pytest.param(timedelta(minutes=-2), 1, 2, id="past"),
        pytest.param(timedelta(days=365 * 973), LONGEST_WAIT, LONGEST_WAIT, id="year_2999"),
    ],
)
def test_fault_050_a_429_with_a_date_is_counted_from_the_answers_own_clock(
    rig: Rig, until: timedelta, least: float, most: float
) -> None:
    there = rig.clock() + timedelta(hours=3)  # the provider's clock, wrong or ours is
    headers = {"Date": format_datetime(there, usegmt=True), "Retry-After": format_datetime(there + until, usegmt=True)}
    rig.breaks(status=429, body="", headers=headers, times=1)
    rig.ask()

    rig.drain()

    rig.is_cooling("rate_limited", least=least, most=most)
    rig.ends_well()


@pytest.mark.parametrize("given", ["-5", "1.5", "soon", "", "120, 60"])
def test_fault_051_a_useless_retry_after_is_ignored(rig: Rig, given: str) -> None:
    rig.breaks(status=429, body="", headers={"Retry-After": given}, times=1)
    rig.ask()

    rig.drain()

    rig.is_cooling("rate_limited", least=1, most=2)
    rig.ends_well()


def crowd(rig: Rig, number: int) -> None:
    for each in range(number):
        rig.ask(person=f"person{each}@lovelace.test", key=f"k{each}")


def test_fault_052_a_storm_of_429_is_one_cool_down_of_the_lane(rig: Rig) -> None:
    crowd(rig, 40)
    rig.breaks(status=429, body="")

    for strikes, most in ((1, 2), (2, 4), (3, 8)):
        before = {name: box.request_count for name, box in rig.boxes.items()}
        rig.drain()
        for name, box in rig.boxes.items():
            lane = rig.lane(name)
            assert lane.strikes == strikes
            assert 1 <= (lane.cool_until - rig.clock()).total_seconds() <= most
            # no more than was under way, and one question whether the account answers at all
            assert 1 <= box.request_count - before[name] <= 12 + 1
        rig.clock.advance(seconds=most + 1)

    assert {(row.state, row.attempts) for row in rows(rig.app, rig.app.tables.delivery)} == {("pending", 0)}
    rig.heals()
    assert {row.state for row in rows(rig.app, rig.app.tables.event)} == {"fulfilled"}
    assert {rig.lane(name).strikes for name in BOTH} == {0}
    assert rig.app.ledger.verify().ok


def test_fault_052_the_longest_wait_of_a_storm_stands_in_whatever_order_the_answers_come(rig: Rig) -> None:
    crowd(rig, 12)
    rig.breaks(status=429, body="", headers={"Retry-After": "600"}, times=1)
    rig.breaks(status=429, body="")

    rig.drain()

    assert {(rig.lane(name).cool_until - rig.clock()).total_seconds() for name in BOTH} == {600}


@pytest.mark.parametrize("status", [500, 502, 504])
def test_fault_053_an_outage_is_retried(rig: Rig, status: int) -> None:
    rig.breaks(status=status, body="<html>sorry</html>", content_type=HTML)
    rig.ask()

    rig.drain()

    rig.is_retrying("unavailable")
    rig.ends_well()


@pytest.mark.parametrize("page", [EDGE_PAGE, ""])
def test_fault_053_a_503_cools_the_lane(rig: Rig, page: str) -> None:
    rig.breaks(status=503, body=page, content_type=HTML if page else None)
    rig.ask()

    rig.drain()

    rig.is_cooling("unavailable", least=1, most=2)
    rig.ends_well()


@pytest.mark.parametrize("status", [500, 502, 504])
def test_fault_053_after_an_outage_in_mid_deletion_the_state_is_read_before_anything_is_repeated(
    rig: Rig, status: int
) -> None:
    rig.breaks_erasing(status=status, body="<html>time-out</html>", content_type=HTML, after_effect=True)
    rig.ask()

    rig.drain()

    for name in BOTH:
        method = ERASING[name]["method"]
        erased = [step for step in rig.steps("delivery:applied", name) if step["status"] == status]
        assert [step["call"].split()[0] for step in erased] == [method]
        assert rig.erasures(name) == 1
    assert not rig.audit("delivery:retrying")
    rig.is_done()


def test_fault_053_the_wait_that_the_edge_asks_for_in_its_body_is_respected(rig: Rig) -> None:
    edge = {"cloudflare_error": True, "error_code": 502, "retry_after": 3600}
    rig.breaks("crm", status=502, body=json.dumps(edge), content_type="application/json")
    rig.ask()

    rig.drain()

    assert (rig.delivery("crm").next_attempt_at - rig.clock()).total_seconds() == 3600
    rig.is_retrying("unavailable", "crm")
    rig.ends_well()


def overdue(rig: Rig) -> list[bool]:
    return [event.overdue for event in rig.app.reader.events()]


def test_fault_054_a_wait_beyond_the_due_day_is_capped_and_the_event_shows_overdue_in_time(rig: Rig) -> None:
    rig.clock.now = datetime(2026, 6, 15, 9, tzinfo=UTC)
    rig.breaks(status=503, body="", headers={"Retry-After": str(40 * 86400)})
    rig.ask(received_at=rig.clock() - timedelta(days=29))

    rig.drain()

    assert overdue(rig) == [False]
    rig.is_cooling("unavailable", least=LONGEST_WAIT, most=LONGEST_WAIT)
    asked = [box.request_count for box in rig.boxes.values()]
    for _ in range(8):
        rig.clock.advance(hours=6)
        rig.drain()
    assert all(box.request_count >= before + 7 for box, before in zip(rig.boxes.values(), asked, strict=True))
    assert overdue(rig) == [True]
    assert rig.app.status.read().events.overdue == 1
    rig.ends_well()
    assert overdue(rig) == [False]


MAINTENANCE = "<html><body>We are currently having some issues. Please check back soon.</body></html>"


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"status": 503, "body": ""}, id="503"),
        pytest.param({"status": 200, "body": MAINTENANCE, "content_type": HTML}, id="maintenance_page"),
    ],
)
def test_fault_055_after_three_days_of_maintenance_everything_catches_up_oldest_due_first(
    rig: Rig, fault: dict[str, Any]
) -> None:
    ages = {"newest": 1, "oldest": 26, "middle": 12}
    for key, days in ages.items():
        rig.ask(person=f"{key}@lovelace.test", key=key, received_at=rig.clock() - timedelta(days=days))
    rig.breaks(**fault)
    for _ in range(12):
        asked = [box.request_count for box in rig.boxes.values()]
        rig.drain()
        rig.clock.advance(hours=6)
        assert all(box.request_count > before for box, before in zip(rig.boxes.values(), asked, strict=True))
    rig.ask("objection", person="objector@lovelace.test", key="objection")
    assert not rig.audit("delivery:confirmed")
    seen = len(rig.log())

    rig.heals()

    keys = {row.id: row.event_key for row in rows(rig.app, rig.app.tables.event)}
    for name in BOTH:
        entries = rig.log()[seen:]
        begun = [
            keys[entry["event"]]
            for entry in entries
            if entry["what"] == "delivery:attempted" and entry["destination"] == name
        ]
        assert begun == ["objection", "oldest", "middle", "newest"]
    assert {row.state for row in rows(rig.app, rig.app.tables.event)} == {"fulfilled"}
    assert rig.app.ledger.verify().ok
