"""How every listing is read: in pages that shrink when one fails, to an end of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from adapters.errors import Transient

T = TypeVar("T")

#: failures that a smaller page may cure: 504 and 500 for big pages are reported of Mailchimp, whose support advises
#: smaller ones (VingtCinq/python-mailchimp#208, brandonseydel/MailChimp.Net#110); a body may also pass our own cap
_CURED_BY_LESS = frozenset({"unavailable", "timed_out", "too_big", "cut_off"})
#: rows of the smallest page that is asked for
LEAST = 10
#: pages of one reading; at a hundred rows each that is a million contacts
MOST_PAGES = 10_000


class PageSize:
    """How many rows to ask for at one time: `most`, and less from then on when a page fails."""

    def __init__(self, most: int) -> None:
        self.rows = most

    def read(self, page: Callable[[int], T]) -> T:
        """Return a page, asked for in ever smaller ones while it fails. Raises what the smallest one raises."""
        while True:
            try:
                return page(self.rows)
            except Transient as error:
                if error.code not in _CURED_BY_LESS or error.cools_lane or self.rows <= LEAST:
                    raise
                self.rows = max(LEAST, self.rows // 2)


class PageIds:
    """Watches one reading of a listing for its end: a page that brings nothing new, or too many pages."""

    def __init__(self, most: int = MOST_PAGES) -> None:
        self._ids: set[str] = set()
        self._left = most

    def __len__(self) -> int:
        return len(self._ids)

    def __contains__(self, one: object) -> bool:
        return one in self._ids

    def add(self, ids: Iterable[str]) -> bool:
        """Note the ids of one page; say whether one of them is new. Raises Transient `unreadable` after too many."""
        self._left -= 1
        if self._left < 0:
            raise Transient("unreadable", "a listing does not end")
        before = len(self._ids)
        self._ids.update(ids)
        return len(self._ids) > before
