"""How every listing is read: in pages that shrink when one fails, to an end of its own, without being kept."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import TypeVar

from adapters.errors import Transient

T = TypeVar("T")

#: failures that a smaller page may cure: 504 and 500 for big pages are reported of Mailchimp, whose support advises
#: smaller ones (VingtCinq/python-mailchimp#208, brandonseydel/MailChimp.Net#110); a body may also pass our own cap
_CURED_BY_LESS = frozenset({"unavailable", "timed_out", "too_big", "cut_off"})
#: rows of the smallest page that is asked for
LEAST = 10
#: pages of one reading of everybody; at a hundred rows each that is a million contacts
MOST_PAGES = 10_000
#: pages of a listing about one person
PERSON_PAGES = 100
#: audiences, shops that an account may have; each is worked on in turn, so a listing of more is not believed
MOST_PLACES = 10_000


class PageSize:
    """How many rows to ask for at one time: `most`, and a quarter from then on each time a page fails."""

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
                self.rows = max(LEAST, self.rows // 4)


class PageIds:
    """Watches one reading of a listing for its end: a page that brings nothing new, or too many pages.

    `len` counts the different rows so far.
    """

    def __init__(self, most: int = MOST_PAGES) -> None:
        self._ids = Fingerprints()
        self._left = most

    def __len__(self) -> int:
        return len(self._ids)

    def fresh(self, rows: Iterable[T], id_of: Callable[[T], str]) -> list[T]:
        """Note the rows of one page and return those that are new, each once.

        Raises Transient `unreadable` after too many pages, and what `id_of` raises.
        """
        self._left -= 1
        if self._left < 0:
            raise Transient("unreadable", "a listing does not end")
        return [row for row in rows if self._ids.add(id_of(row))]


class Fingerprints:
    """A set of texts that keeps 64 bits of each, so that millions of contacts fit into memory: 12 to 24 bytes each.

    The fingerprint is Python's own hash, keyed anew in each process: nobody can choose two texts that share one, and
    among ten million two do by chance once in some hundred thousand readings, which then count one row less.
    """

    def __init__(self) -> None:
        self._slots = array("q", bytes(8 * 1024))  # 0: free
        self._held = 0

    def __len__(self) -> int:
        return self._held

    def add(self, text: str) -> bool:
        """Keep a text; say whether it is new."""
        if not self._put(hash(text) or 1):
            return False
        self._held += 1
        if 3 * self._held > 2 * len(self._slots):
            before, self._slots = self._slots, array("q", bytes(16 * len(self._slots)))
            for fingerprint in before:
                if fingerprint:
                    self._put(fingerprint)
        return True

    def _put(self, fingerprint: int) -> bool:
        slots = self._slots
        last = len(slots) - 1
        place = fingerprint & last
        while held := slots[place]:
            if held == fingerprint:
                return False
            place = (place + 1) & last
        slots[place] = fingerprint
        return True
