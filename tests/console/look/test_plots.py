"""Plots: nothing is drawn outside its frame, every number is written beside its bar, and a bar says what it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from syncer.app import App
from syncer.console.reading.standing.figures import Week, WeeklyFigures, figures
from syncer.console.views.look import plots
from syncer.reports.html.charts import ABOVE, LONGEST, TALLEST, columns, levels
from tests.conftest import Clock
from tests.support.looking.requests import START, add_request

NUMBERS = st.integers(0, 10**9)


@given(
    st.lists(st.tuples(st.text(max_size=9), st.one_of(st.none(), st.floats(0, 1e9)), st.text(max_size=9)), max_size=60)
)
def test_columns_stay_in_their_frame_and_what_is_more_is_never_lower(
    values: list[tuple[str, float | None, str]],
) -> None:
    chart = columns("x", "X", values)

    assert [(each.label, each.text) for each in chart.columns] == [(label, text) for label, _, text in values]
    for each in chart.columns:
        assert each.x >= 0 and each.x + each.width <= chart.width
        assert each.y + each.height == ABOVE + TALLEST and each.y >= ABOVE
    heights = sorted((value or 0, each.height) for (_, value, _), each in zip(values, chart.columns, strict=True))
    assert [height for _, height in heights] == sorted(height for _, height in heights)


@given(
    st.lists(st.tuples(st.text(max_size=50), NUMBERS, st.one_of(st.none(), NUMBERS), st.text(max_size=9)), max_size=20)
)
def test_levels_fill_no_more_than_their_limit(values: list[tuple[str, int, int | None, str]]) -> None:
    chart = levels("x", "X", values)

    for (_, number, limit, text), each in zip(values, chart.levels, strict=True):
        assert each.text == text
        assert 0 <= each.width <= LONGEST
        assert (each.of is None) is (limit is None)
        assert bool(each.width) is bool(number)
        if limit and number >= limit:
            assert each.width == LONGEST


def test_weeks_are_counted_on_the_controllers_mondays_and_their_median_is_of_what_was_confirmed(empty: App) -> None:
    assert isinstance(empty.clock, Clock)
    empty.clock.now = START.replace(day=20)
    for number, (day, hour, days) in enumerate([(1, 22, 1), (1, 23, 2), (8, 22, 4), (9, 0, 8)]):
        received = START.replace(day=day, hour=hour, minute=30)
        closed = {"state": "fulfilled", "fulfilled_at": received.replace(day=day + days)} if days < 8 else {}
        add_request(empty, number, received, deliveries=[("crm", "confirmed", None)], **closed)
    excepted = START.replace(day=3)
    add_request(empty, 9, excepted, state="fulfilled", fulfilled_at=START.replace(day=19),
                deliveries=[("crm", "exempt", "other")])  # fmt: skip

    found = figures(empty)

    weeks = {week.begins.isoformat(): (week.received, week.looked_at, week.median) for week in found.weeks}
    assert weeks["2026-10-26"] == (1, 1, 1.0)
    assert weeks["2026-11-02"] == (3, 2, 3.0)
    assert weeks["2026-11-09"] == (1, 0, None)
    assert len(found.weeks) == 13 and found.weeks[-1].begins.isoformat() == "2026-11-16"
    assert found.open_by_age == (0, 1, 0, 0, 0)


def test_a_week_in_which_nothing_was_confirmed_has_no_number_and_a_quick_one_is_not_nothing() -> None:
    weeks = (Week(START.date(), 3, 0, None), Week(START.date(), 3, 3, 0.01), Week(START.date(), 3, 3, 2.25))

    drawn = plots.confirmed(WeeklyFigures(weeks, (0, 0, 0, 0, 0)))

    assert [each.text for each in drawn.columns] == ["–", "<0.1", "2.2"]


def test_the_name_of_a_recipient_and_what_waits_there_has_room_before_its_bar() -> None:
    name = "Mailchimp (newsletter): under way"

    # in the larger letters of a narrow screen, 16 px, one takes nine units on the average
    assert levels("health", "What is not through", [(name, 3, None, "3")]).label_width >= 9 * len(name)
