"""Listings in pages that shrink, with an end of their own."""

from __future__ import annotations

import tracemalloc

import pytest

from adapters.errors import Permanent, Transient
from adapters.paging import LEAST, Fingerprints, PageIds, PageSize


def pages_up_to(most: int, code: str, asked: list[int]):  # type: ignore[no-untyped-def]
    def page(rows: int) -> str:
        asked.append(rows)
        if rows > most:
            raise Transient(code)
        return "page"

    return page


@pytest.mark.parametrize("code", ["unavailable", "timed_out", "too_big", "cut_off"])
def test_a_page_that_fails_is_asked_for_in_smaller_ones(code: str) -> None:
    size, asked = PageSize(500), []  # type: ignore[var-annotated]

    assert size.read(pages_up_to(130, code, asked)) == "page"
    assert asked == [500, 125]
    size.read(pages_up_to(130, code, asked))
    assert asked[2:] == [125], "the next page begins with what worked"


def test_the_smallest_page_that_fails_fails_the_listing() -> None:
    size, asked = PageSize(100), []  # type: ignore[var-annotated]

    with pytest.raises(Transient):
        size.read(pages_up_to(0, "unavailable", asked))

    assert asked == [100, 25, LEAST]


@pytest.mark.parametrize(
    "error", [Transient("unavailable", cools_lane=True), Transient("rate_limited"), Permanent("rejected")]
)
def test_a_failure_that_a_smaller_page_cannot_cure_is_not_repeated(error: Exception) -> None:
    asked: list[int] = []

    def page(rows: int) -> None:
        asked.append(rows)
        raise error

    with pytest.raises(type(error)):
        PageSize(100).read(page)
    assert asked == [100]


def test_a_page_without_a_new_id_is_the_end() -> None:
    progress = PageIds()

    assert progress.fresh(["1", "2"], str) == ["1", "2"]
    assert progress.fresh(["2", "3", "3"], str) == ["3"]
    assert progress.fresh(["1", "3"], str) == progress.fresh([], str) == []
    assert len(progress) == 3


def test_a_listing_without_an_end_is_given_up() -> None:
    progress = PageIds(most=3)
    for number in range(3):
        progress.fresh([str(number)], str)

    with pytest.raises(Transient, match="does not end"):
        progress.fresh(["more"], str)


@pytest.mark.slow  # a hundred thousand rows
def test_what_a_reading_remembers_of_its_rows_is_exact_and_small() -> None:
    seen, texts = Fingerprints(), [f"row {number}" for number in range(20_000)]

    assert all(seen.add(text) for text in texts)
    assert not any(seen.add(text) for text in texts)
    assert len(seen) == 20_000
    tracemalloc.start()
    for number in range(100_000):
        seen.add(f"another {number}" + "x" * 1000)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 100_000 * 24
