"""How many deletions may begin in a day, as a table; and a window that no step of the clock shortens."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.delivery.guard.rule import StepAhead, limit, window_start
from syncer.delivery.guard.steady import SteadyWindow
from syncer.settings.operation import GuardSettings

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(hours=24)


@pytest.mark.parametrize(
    ("contacts", "most"),
    [
        (None, 50), (0, 10), (1, 10), (300, 10), (999, 10), (1_000, 10), (1_099, 10), (1_100, 11), (2_500, 25),
        (4_999, 49), (5_000, 50), (50_000, 50), (10**12, 50), (-1, 10),
    ],
)  # fmt: skip
def test_the_limit_is_a_share_of_the_list_between_what_always_passes_and_the_most(
    contacts: int | None, most: int
) -> None:
    assert limit(GuardSettings(), contacts) == most


@pytest.mark.parametrize(
    ("rule", "contacts", "most"),
    [
        (GuardSettings(deletions_per_day=0, always_allowed=0), 50_000, 0),
        (GuardSettings(deletions_per_day=0, always_allowed=0), None, 0),
        (GuardSettings(deletions_per_day=5, always_allowed=10), None, 10),
        (GuardSettings(deletions_per_day=500, share_percent=0.29, always_allowed=0), 10_000, 29),
        (GuardSettings(deletions_per_day=500, share_percent=0.1, always_allowed=0), 3_000, 3),
        (GuardSettings(share_percent=0), 50_000, 10),
        (GuardSettings(share_percent=100), 20, 20),
    ],
)
def test_the_limit_follows_the_settings(rule: GuardSettings, contacts: int | None, most: int) -> None:
    assert limit(rule, contacts) == most


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_a_list_that_shrinks_never_gets_a_higher_limit(one: int, other: int) -> None:
    small, large = sorted((one, other))

    assert limit(GuardSettings(), small) <= limit(GuardSettings(), large)


@pytest.mark.parametrize(
    ("steps", "since"),
    [
        ((), NOW - DAY),
        # set ahead by three hours an hour ago: what began 24 hours ago then bore a time of 27 hours ago
        ((StepAhead(NOW - timedelta(hours=1), timedelta(hours=3)),), NOW - timedelta(hours=27)),
        # a day after it was set, all that counts bears the new time
        ((StepAhead(NOW - timedelta(hours=25), timedelta(hours=3)),), NOW - DAY),
        # two of them: the earlier one only falls within the window since the later one made it longer
        (
            (
                StepAhead(NOW - timedelta(hours=26), timedelta(hours=1)),
                StepAhead(NOW - timedelta(hours=1), timedelta(hours=3)),
            ),
            NOW - timedelta(hours=28),
        ),
    ],
)
def test_a_clock_that_was_set_ahead_lets_nothing_out_of_the_window(
    steps: tuple[StepAhead, ...], since: datetime
) -> None:
    assert window_start(NOW, steps) == since


@given(st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)), st.integers(1, 10**9))
def test_a_step_from_the_year_1970_is_no_error(ago: timedelta, seconds: int) -> None:
    assert window_start(NOW, (StepAhead(NOW - ago, timedelta(seconds=seconds)),)) <= NOW - DAY


def test_the_window_of_a_process_sees_the_clock_step() -> None:
    ticks = [0.0]
    window = SteadyWindow(lambda: ticks[0])

    assert window.start(NOW) == NOW - DAY
    ticks[0] = 3600.0
    now = NOW + timedelta(hours=1)
    assert window.start(now) == now - DAY
    # set ahead by two days, and a minute later set back
    ticks[0] += 60
    assert window.start(now + timedelta(days=2, minutes=1)) == now + timedelta(minutes=1) - DAY
    ticks[0] += 60
    assert window.start(now + timedelta(minutes=2)) <= now + timedelta(minutes=2) - DAY
    # a day on, all is as before
    ticks[0] += 2 * 86400
    later = now + timedelta(days=2, minutes=2)
    assert window.start(later) <= later - DAY
