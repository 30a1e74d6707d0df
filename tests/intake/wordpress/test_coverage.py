"""What a sweep makes of what it sees, without a database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.intake.wordpress import coverage
from syncer.intake.wordpress.coverage import Known, SeenRequest, Site
from syncer.intake.wordpress.erasure_requests import ErasureRequest

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
DONE = NOW - HOUR
SITES = frozenset({1})


def request(**more: object) -> ErasureRequest:
    values: dict[str, object] = {
        "site": 1, "id": 5, "address": "ada@lovelace.test", "status": "request-completed",
        "received_at": NOW - 24 * HOUR, "modified_at": DONE, "confirmed_at": None, "completed_at": DONE,
    }  # fmt: skip
    return ErasureRequest(**(values | more))  # type: ignore[arg-type]


def confirmed(at: datetime = DONE - HOUR, **more: object) -> ErasureRequest:
    values = {"status": "request-confirmed", "modified_at": at, "confirmed_at": at, "completed_at": None}
    return request(**(values | more))


def keys(
    *rows: Known, now: datetime = NOW, seen: SeenRequest | None = None, swept: datetime | None = None
) -> list[str]:
    """Return the keys that a sweep of the one completed request would queue."""
    known = {"1:5": rows} if rows else {}
    last = {"1:5": seen} if seen else {}
    sites = {1: Site(1, swept, 1)} if swept else {}
    return [item.key for item in coverage.missed([request()], known, last, sites, now)]


def test_a_completion_without_any_row_was_missed() -> None:
    assert keys() == [f"erasure:1:5:completed:{int(DONE.timestamp())}"]


@pytest.mark.parametrize("after", [-90, -1, 0, 1, 90, 3600])
def test_a_row_not_older_than_the_completion_covers_it_whatever_the_clocks_differ_by(after: int) -> None:
    assert keys(Known("erasure:1:5:request-confirmed:1", DONE + timedelta(seconds=after))) == []


def test_a_row_of_an_earlier_run_does_not_cover_a_later_completion() -> None:
    assert len(keys(Known("erasure:1:5:request-confirmed:1", DONE - HOUR))) == 1


def test_a_row_without_a_time_covers_nothing_by_its_time() -> None:
    assert len(keys(Known("erasure:1:5:request-confirmed:1", None))) == 1


def test_a_completion_that_is_too_young_is_left_to_the_next_sweep() -> None:
    assert keys(now=DONE + 30 * timedelta(seconds=1)) == []
    assert len(keys(now=DONE + 61 * timedelta(seconds=1))) == 1


def test_an_old_row_of_the_run_that_the_last_sweep_saw_open_covers_the_completion() -> None:
    began = DONE - 24 * HOUR
    row = Known(coverage.run_key("1:5", "request-confirmed", began), began + HOUR)
    seen = SeenRequest("1:5", "request-confirmed", began, began)

    assert keys(row, seen=seen, swept=DONE - 5 * MINUTE) == []
    # an old look proves nothing: it may have been completed, resent and completed again since
    assert len(keys(row, seen=seen, swept=DONE - HOUR)) == 1


def test_what_only_its_key_covers_is_remembered_also_when_the_request_is_resent() -> None:
    began = DONE - 24 * HOUR
    known = {"1:5": [Known(coverage.run_key("1:5", "request-confirmed", began), began)]}
    seen = {"1:5": SeenRequest("1:5", "request-confirmed", began, began)}
    swept = {1: Site(1, DONE - 5 * MINUTE, 1)}

    later = coverage.remember([request()], known, seen, swept, SITES, NOW)
    resent = request(status="request-pending", modified_at=NOW)
    latest = coverage.remember([resent], known, later, {1: Site(1, NOW, 1)}, SITES, NOW + HOUR)

    assert later["1:5"].covered_at == latest["1:5"].covered_at == DONE
    assert coverage.missed([resent], known, latest, {1: Site(1, NOW, 1)}, NOW + 2 * HOUR) == []


def test_a_missed_completion_takes_the_plugins_own_key_where_the_last_sweep_saw_what_it_began_from() -> None:
    seen = SeenRequest("1:5", "request-pending", DONE - HOUR, None)

    assert keys(seen=seen, swept=DONE - MINUTE) == [coverage.run_key("1:5", "request-pending", DONE - HOUR)]


def test_the_key_is_the_one_that_the_plugin_writes() -> None:
    at = datetime(2026, 11, 24, 8, 0, 5, tzinfo=UTC)

    assert coverage.run_key("1:344121", "request-confirmed", at) == "erasure:1:344121:request-confirmed:20261124080005"


def test_a_resent_request_keeps_its_completion_and_that_is_still_looked_for() -> None:
    resent = request(status="request-pending", modified_at=NOW)

    assert len(coverage.missed([resent], {}, {}, {}, NOW + HOUR)) == 1


def test_a_sweep_repeated_after_it_queued_finds_nothing_more() -> None:
    (key,) = keys()

    assert keys(Known(key, NOW)) == []
    assert keys(Known(key, None)) == []


def test_a_confirmed_request_that_is_gone_is_kept_as_vanished_until_it_is_dismissed_or_back() -> None:
    first = coverage.remember([confirmed()], {}, {}, {}, SITES, NOW)
    second = coverage.remember([], {}, first, {}, SITES, NOW + MINUTE)
    third = coverage.remember([], {}, second, {}, SITES, NOW + HOUR)
    back = coverage.remember([confirmed()], {}, third, {}, SITES, NOW + HOUR)

    assert first["1:5"].gone_at is None
    assert second["1:5"].gone_at == third["1:5"].gone_at == NOW + MINUTE
    assert back["1:5"].gone_at is None


def test_a_trashed_request_is_as_good_as_gone() -> None:
    first = coverage.remember([confirmed()], {}, {}, {}, SITES, NOW)

    assert coverage.remember([confirmed(status="trash")], {}, first, {}, SITES, NOW)["1:5"].gone_at == NOW


def test_a_confirmed_request_that_was_queued_and_removed_is_no_alarm() -> None:
    first = coverage.remember([confirmed()], {}, {}, {}, SITES, NOW)

    assert coverage.remember([], {"1:5": [Known("k", NOW)]}, first, {}, SITES, NOW) == {}


def test_the_requests_of_a_site_that_cannot_be_read_have_not_vanished() -> None:
    first = coverage.remember([confirmed()], {}, {}, {}, SITES, NOW)

    assert coverage.remember([], {}, first, {}, frozenset(), NOW) == first


def test_alarms_name_what_waits_what_vanished_and_a_sweep_that_does_not_come() -> None:
    seen = [
        SeenRequest("1:5", "request-confirmed", None, NOW - 8 * 24 * HOUR),
        SeenRequest("1:6", "request-confirmed", None, NOW - 6 * 24 * HOUR),
        SeenRequest("1:7", "request-confirmed", None, NOW - HOUR, NOW),
        SeenRequest("1:8", "request-pending", NOW - 99 * 24 * HOUR, None),
    ]
    sites = [Site(1, NOW - 16 * MINUTE, 4), Site(2, NOW - 20 * MINUTE, 0, "site_unreadable")]
    days, every = timedelta(days=7), 5 * MINUTE

    alarms = coverage.alarms(seen, {}, sites, NOW, alert_after=days, swept_every=every)

    assert [(alarm.code, alarm.about) for alarm in alarms] == [
        ("confirmed_waiting", "1:5"),
        ("request_vanished", "1:7"),
        ("site_unreadable", "site 2"),
        ("sweep_overdue", "sweep"),
    ]
    assert [a.code for a in coverage.alarms([], {}, [], NOW, alert_after=days, swept_every=every)] == ["sweep_overdue"]
    assert coverage.alarms([], {}, [Site(1, NOW, 0)], NOW, alert_after=days, swept_every=every) == []


@pytest.mark.parametrize(("minutes", "codes"), [(14, []), (16, ["erasure_unfinished"])])
def test_an_erasing_that_a_later_sweep_still_saw_open_is_an_alarm_of_its_own(minutes: int, codes: list[str]) -> None:
    seen = [SeenRequest("1:5", "request-confirmed", NOW - 9 * 24 * HOUR, NOW - 9 * 24 * HOUR)]
    begun = {"1:5": NOW - minutes * MINUTE}
    days, every = timedelta(days=7), 5 * MINUTE

    found = coverage.alarms(seen, begun, [Site(1, NOW, 1)], NOW, alert_after=days, swept_every=every)
    before = coverage.alarms(seen, begun, [Site(1, NOW - 10 * MINUTE, 1)], NOW, alert_after=days, swept_every=every)

    assert [alarm.code for alarm in found] == codes
    assert before == []  # it may have ended since


def test_only_an_open_request_can_be_in_the_middle_of_a_run() -> None:
    at = NOW - HOUR

    assert coverage.begun_key(SeenRequest("1:5", "request-failed", at, None)) == coverage.run_key(
        "1:5", "request-failed", at
    )
    assert coverage.begun_key(SeenRequest("1:5", "request-completed", at, None)) is None
    assert coverage.begun_key(SeenRequest("1:5", "request-confirmed", None, at)) is None
    assert coverage.begun_key(SeenRequest("1:5", "request-confirmed", at, at, NOW)) is None
