"""The register: what each filter finds, and that paging shows every request exactly once."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.app import App
from syncer.console.reading.requests import register as paging
from syncer.console.reading.requests.register import RegisterQuery
from syncer.console.reading.requests.wanted import NoPlace, RegisterFilter, as_text, from_text
from syncer.domain.permissions import Role
from syncer.events.reading.selection import OVERDUE, EventFilter
from tests.conftest import Clock
from tests.support.html import Parsed
from tests.support.looking.requests import START, add_request, damage


def forwards(query: RegisterQuery, wanted: RegisterFilter, size: int) -> list[list[str | None]]:
    """The ids of every page, from the newest to the oldest."""
    pages, older = [], None
    while True:
        page = query.page(wanted, older=older, size=size)
        pages.append([row.id for row in page.requests])
        assert len(pages) < 100, "the pages have no end"
        if page.older is None:
            return pages
        older = from_text(as_text(page.older))


def backwards(query: RegisterQuery, wanted: RegisterFilter, size: int) -> list[list[str | None]]:
    """The ids of every page, from the oldest page back to the newest."""
    older = newer = None
    while (page := query.page(wanted, older=older, size=size)).older is not None:
        older = page.older
    pages = [[row.id for row in page.requests]]
    newer = page.newer
    while newer is not None:
        page = query.page(wanted, newer=from_text(as_text(newer)), size=size)
        pages.append([row.id for row in page.requests])
        assert len(pages) < 100, "the pages have no beginning"
        newer = page.newer
    return pages


@pytest.mark.parametrize("wanted", [RegisterFilter(), RegisterFilter(right="erasure"), RegisterFilter(state="open")])
def test_paging_shows_every_request_exactly_once_whatever_the_seconds(empty: App, wanted: RegisterFilter) -> None:
    query, made = RegisterQuery(empty), 0

    @settings(max_examples=12)
    @given(seconds=st.lists(st.sampled_from([0, 0, 0, 1, 2, 2, 3]), max_size=9), size=st.integers(1, 4))
    def pages(seconds: list[int], size: int) -> None:
        nonlocal made
        damage(empty, "DELETE FROM syncer_event")
        order = []
        for second in seconds:
            made += 1
            received = START + timedelta(seconds=second)
            order.append((received, add_request(empty, made, received)))
        expected = [event_id for _, event_id in sorted(order, reverse=True)]

        there = forwards(query, wanted, size)
        back = backwards(query, wanted, size)

        assert [each for page in there for each in page] == expected
        assert all(len(page) == size for page in there[:-1])
        assert set(expected) == {each for page in back for each in page}
        assert back[-1] == there[0]

    pages()


def test_damaged_rows_are_neither_lost_nor_shown_twice_at_a_page_break(empty: App) -> None:
    ids = {add_request(empty, number) for number in range(8)}
    odd = ["'soon'", "17", "17", "x'ff'", "CAST(x'ffc3' AS TEXT)", "'2026-11-01'"]
    for number, value in enumerate(odd):
        damage(empty, f"UPDATE syncer_event SET received_at = {value} WHERE event_key = 'key {number}'")

    for wanted in (RegisterFilter(), RegisterFilter(right="erasure"), RegisterFilter(state="open")):
        for size in (1, 2, 3):
            found = [each for page in forwards(RegisterQuery(empty), wanted, size) for each in page]
            assert sorted(map(str, found)) == sorted(ids)


def test_a_walk_that_found_too_little_says_so_and_goes_on(empty: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "STRIDE", 2)
    monkeypatch.setattr(paging, "LONGEST_WALK", 4)
    rare = add_request(empty, 1, START, source="letter")
    for number in range(2, 30):
        add_request(empty, number, START + timedelta(minutes=number))
    query, wanted = RegisterQuery(empty), RegisterFilter(source="letter")

    first = query.page(wanted)

    assert (first.requests, first.unfinished) == ((), True)
    pages = forwards(query, wanted, 50)
    assert [each for page in pages for each in page] == [rare]
    assert len(pages) > 5


def test_many_are_walked_through_and_few_are_sorted_and_both_find_the_same(
    empty: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        held = [("crm", "held", "forbidden"), ("newsletter", "confirmed", None)]
        add_request(empty, number, START + timedelta(seconds=number // 3), deliveries=held, state="held")
    damage(empty, "UPDATE syncer_event SET state = 'gone' WHERE event_key = 'key 3'")
    damage(empty, "UPDATE syncer_delivery SET state = 'gone' WHERE event_id LIKE '00000004%'")
    query = RegisterQuery(empty)
    asked = [
        RegisterFilter(state="held"),
        RegisterFilter(cause="forbidden"),
        RegisterFilter(cause="damaged"),
        RegisterFilter(cause="forbidden", recipient="crm"),
        RegisterFilter(due="30"),
        RegisterFilter(due="late"),
    ]

    few = [forwards(query, wanted, 7) for wanted in asked]
    monkeypatch.setattr(paging, "FEW", 0)

    assert [forwards(query, wanted, 7) for wanted in asked] == few
    assert [sum(map(len, pages)) for pages in few][:4] == [20, 20, 2, 20]
    assert forwards(query, RegisterFilter(cause="forbidden", recipient="newsletter"), 7) == [[]]


def test_each_filter_finds_what_the_reader_finds(filled: tuple[App, Clock]) -> None:
    app, _ = filled
    query = RegisterQuery(app)
    same = {
        RegisterFilter(): EventFilter(),
        RegisterFilter(state="held"): EventFilter(state="held"),
        RegisterFilter(state="open"): EventFilter(state="open"),
        RegisterFilter(state="fulfilled"): EventFilter(state="fulfilled"),
        RegisterFilter(due="late"): EventFilter(state=OVERDUE),
        RegisterFilter(right="objection"): EventFilter(right="objection"),  # type: ignore[arg-type]
        RegisterFilter(recipient="crm"): EventFilter(destination="crm"),
    }

    for wanted, known in same.items():
        found = {each for page in forwards(query, wanted, 3) for each in page}
        assert found == {event.id for event in app.reader.stream(known)}, wanted
        assert found


def test_what_was_answered_late_is_found_by_its_index_however_many_there_are(
    empty: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        days = 40 if number % 2 else 5
        add_request(empty, number, state="fulfilled", fulfilled_at=START + timedelta(days=days))
    add_request(empty, 20, START - timedelta(days=90))  # late, and not answered at all
    monkeypatch.setattr(paging, "FEW", 0)

    pages = forwards(RegisterQuery(empty), RegisterFilter(due="answered-late"), 7)

    late = {event.id for event in empty.reader.events() if event.late and not event.overdue}
    assert (len(late), list(map(len, pages))) == (10, [7, 3])
    assert {each for page in pages for each in page} == late
    later = RegisterFilter(due="answered-late", received_from=START.date() + timedelta(days=1))
    assert forwards(RegisterQuery(empty), later, 7) == [[]]


def test_days_are_those_of_the_controller_and_both_are_within(empty: App) -> None:
    late_on_the_first = add_request(empty, 1, START.replace(day=1, hour=22, minute=59))  # 23:59 in Berlin
    on_the_second = add_request(empty, 2, START.replace(day=1, hour=23))
    query = RegisterQuery(empty)

    def received(first: int | None, last: int | None) -> list[str | None]:
        days = [day and date(2026, 11, day) for day in (first, last)]
        page = query.page(RegisterFilter(received_from=days[0], received_until=days[1]))
        return [row.id for row in page.requests]

    assert received(None, 1) == received(1, 1) == [late_on_the_first]
    assert received(2, None) == received(2, 2) == [on_the_second]
    assert received(1, 2) == [on_the_second, late_on_the_first]
    assert received(3, None) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "query",
    [
        "state=gone", "state=held&state=open", "due=8", "due=-7", "right=restriction", "recipient=nobody", "cause=none",
        "from=2026-13-01", "from=yesterday", "until=2026-W48-1", "until=20261128", "from=0001-01-01", "named=abc",
        "named=ada@lovelace.test", "source=ada@lovelace.test", f"source={'x' * 65}", "older=x", "older=W10",
        "newer=W1siYSIsIDFdXQ", f"older={'A' * 3000}", "follow=1", "page=2", "state=held&older=e30",
    ],
)  # fmt: skip
def test_a_filter_that_is_none_is_refused_by_name_and_not_repeated(
    looking: Callable[..., FlaskClient], query: str
) -> None:
    answer = looking().get(f"/requests/?{query}")

    assert answer.status_code == 400
    assert "lovelace" not in answer.text
    assert Parsed(answer.text).text.count("changed") == 0  # its own words, not those for any bad request


@given(st.text(max_size=80))
def test_a_place_that_is_none_is_no_place(text: str) -> None:
    with suppress(NoPlace):
        assert len(from_text(text)) == 2


@given(st.tuples(*[st.one_of(st.text(), st.binary(), st.integers(-(2**62), 2**62))] * 2))
def test_a_place_comes_back_from_an_address_as_it_was(place: tuple[object, object]) -> None:
    assert from_text(as_text(place)) == place
    assert re.fullmatch("[A-Za-z0-9_-]*", as_text(place))


def test_filters_are_told_in_words_each_with_a_way_out_and_are_kept_from_page_to_page(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    for number in range(60):
        add_request(empty, number, START + timedelta(minutes=number), deliveries=[("crm", "pending", None)])

    page = Parsed(looking().get("/requests/?recipient=crm&right=erasure&due=&source=").text)

    assert "Recipient: ActiveCampaign" in page.text and "Right: erase me (Art. 17)" in page.text
    hrefs = [str(each["href"]) for each in page.all("a")]
    assert {"/requests/?right=erasure", "/requests/?recipient=crm"} <= set(hrefs)
    (older,) = [href for href in hrefs if "older=" in href]
    assert "recipient=crm" in older and "right=erasure" in older
    second = Parsed(looking().get(older).text)
    assert len(second.all("tr")) == 1 + 10
    assert "Recipient: ActiveCampaign" in second.text


def test_no_hit_says_so_and_leads_to_all(empty: App, looking: Callable[..., FlaskClient]) -> None:
    add_request(empty, 1)

    page = Parsed(looking().get("/requests/?state=held").text)

    assert "No request is like that." in page.text
    assert {"href": "/requests/"} in page.all("a")


def test_a_number_finds_a_case_a_request_of_wordpress_and_an_id(filled: tuple[App, Clock]) -> None:
    app, _ = filled
    query = RegisterQuery(app)
    (wordpress,) = [event for event in app.reader.events() if event.source_ref == "1:4711"]

    def named(text: str) -> list[str | None]:
        return [row.id for row in query.page(RegisterFilter(named=text)).requests]

    assert wordpress.id in named("4711")
    assert named("1:4711") == named(f"#{wordpress.case}") == named(wordpress.id) == [wordpress.id]
    assert wordpress.id in named(wordpress.id[:10])
    assert len(named(wordpress.id[:6])) > 1
    assert named("9" * 19) == named("5:5") == named("0fffff") == []


def test_whoever_may_work_ticks_requests_for_a_plan(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    for role in (Role.READER, Role.OPS):
        page = Parsed(signed_in(role).get("/requests/").text)
        ticks = [each for each in page.all("input") if each.get("name") == "event"]
        has_plan = any("/resync/plan" in str(each.get("action")) for each in page.all("form"))
        assert bool(ticks) is (role is Role.OPS and has_plan)
