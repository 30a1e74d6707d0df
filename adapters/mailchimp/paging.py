"""How Mailchimp pages: `count` and `offset`, rows beside a `total_items` that may be wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from adapters.errors import Transient
from adapters.http.answer import Answer, shape_of
from adapters.mailchimp.answers import expect, read_id
from adapters.paging import MOST_PAGES, PageIds, PageSize
from adapters.values import whole_number

#: rows per page; 1000 is the most, but shop customers are large
PAGE = 500
#: readings of one listing; it starts again when somebody is added or removed while its pages are read
_READINGS = 3

Row = Mapping[str, Any]
#: (count, offset) -> the answer
Ask = Callable[[int, int], Answer]


@dataclass(frozen=True, slots=True)
class _Page:
    """The rows of one page, those of them that no page before it had, and the total of the listing."""

    rows: list[Row]
    fresh: list[Row]
    total: int


def pages(ask: Ask, key: str, most: int = MOST_PAGES) -> Iterator[Row]:
    """Yield the rows of a listing as its pages come, each once, in at most so many pages.

    Raises Transient `unreadable` for one that ends early, moves on no further, or changes while it is read: rows may
    have moved from a page not yet read to one already read.
    """
    ids, first = PageIds(most), None
    for page in _pages(ask, key, PageSize(PAGE), ids, _id_and_address):
        first = page.total if first is None else first
        if page.total != first:
            raise Transient("unreadable", "a listing changed while it was read: it is read again from its start")
        yield from page.fresh
    if len(ids) < (first or 0):
        raise Transient("unreadable", "a listing ended before its total")


def whole(ask: Ask, key: str) -> Iterator[Row]:
    """Yield a listing that changes while it is read, again from its start until all that it counts were shown.

    Rows may come more than once. Raises Transient `incomplete`.
    """
    size = PageSize(PAGE)
    for _ in range(_READINGS):
        ids, counted = PageIds(), 0
        for page in _pages(ask, key, size, ids, _id_or_row, _read_odd_page):
            counted = page.total
            yield from page.rows
        if len(ids) >= counted:
            return
    raise Transient("incomplete", "a listing did not show as many contacts as it counts")


def _pages(
    ask: Ask,
    key: str,
    size: PageSize,
    ids: PageIds,
    id_of: Callable[[Row], str],
    read: Callable[[Answer, str], tuple[list[Row], int]] | None = None,
) -> Iterator[_Page]:
    """Yield a listing page by page.

    A listing ends with a page that brings nobody new, whatever its total says: a provider that ignores `offset`
    answers its first page for ever. Short of that it ends once the total is reached and the page was not full: a
    total may be too small as well.
    """
    offset = 0

    def page(count: int) -> tuple[list[Row], int]:
        return (read or _read_page)(ask(count, offset), key)

    while True:
        rows, total = size.read(page)
        fresh = ids.fresh(rows, id_of)
        yield _Page(rows, fresh, total)
        offset += len(rows)
        if not fresh or (offset >= total and len(rows) < size.rows):
            return


def _read_page(answer: Answer, key: str) -> tuple[list[Row], int]:
    """Return the rows of one page and the total of the listing. Raises Transient `unreadable` for anything else."""
    body = expect(answer, 200, key, "total_items")
    rows, total = body[key], whole_number(body["total_items"])
    if not isinstance(rows, list) or total is None or not all(isinstance(row, dict) for row in rows):
        raise Transient("unreadable", f"a listing without the documented rows: {shape_of(answer)}")
    return rows, total


def _read_odd_page(answer: Answer, key: str) -> tuple[list[Row], int]:
    """Return the same; a row that is no object is an odd contact, which must not hide all others."""
    body = answer.object
    if isinstance(body.get(key), list):
        rows = [row if isinstance(row, dict) else {} for row in body[key]]
        answer = replace(answer, body={**body, key: rows})
    return _read_page(answer, key)


def _id_and_address(row: Row) -> str:
    """Return what tells a row from others; two rows of one id and two addresses are both judged."""
    email = row.get("email_address")
    return f"{read_id(row)}\0{email if isinstance(email, str) else ''}"


def _id_or_row(row: Row) -> str:
    """Return the id of a row; one odd contact without an id must not hide all others."""
    return str(row.get("id") or sorted(row.items(), key=str))
