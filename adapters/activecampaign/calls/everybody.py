"""Every contact of the account, or those with a date of change: read whole or refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.listing import INCLUDE, LARGEST, total_of
from adapters.activecampaign.rows import LEFT, REACHED, read_status
from adapters.contract import Seen
from adapters.errors import Permanent, Transient
from adapters.paging import LEAST, MOST_PAGES, PageSize
from adapters.values import numeric_id, whole_number

#: contacts that an account may have; a total that says more is not believed
_MOST_CONTACTS = 10_000_000


class Everybody:
    """A listing by `id_greater`, whose pages do not shift (reference: pagination).

    With `since` (UTC) those updated since then: a date filter that is not applied gives everybody, which is more than
    asked for and does no harm. A new subscription leaves no date behind (a recorded list change left `udate` as it
    was; Automattic/newspack-newsletters calls the filter unreliable), so without `since` everybody is listed, with
    whether a list row lets mail reach them. A contact is some 3 kB: pages that fail are asked for in smaller ones.
    """

    def __init__(self, asking: Asking, since: datetime | None) -> None:
        self._asking = asking
        self._size = PageSize(LARGEST)
        self._include = INCLUDE if since is None else ()
        date = since.astimezone(UTC).isoformat(timespec="seconds") if since else None
        self._filter = (("filters[updated_after]", date),) if date else ()

    def seen(self, after: str | None = None) -> Iterator[Seen]:
        """Yield the contacts, each page's last with its place; `after` is one of those.

        Raises Transient `incomplete` for pages out of order, or that end before their total.
        """
        last, shown = _place(after)
        body = self._after(last)
        total = _total(body) if after is None else _total(self._after(0))
        for _ in range(MOST_PAGES + min(total, _MOST_CONTACTS) // LEAST):
            rows = _rows(body["contacts"])
            if not rows:
                break
            last = _last(rows, last)
            shown += len(rows)
            contacts = list(_seen(rows, body.get("contactLists")))
            if contacts:
                contacts[-1] = replace(contacts[-1], after=f"{last} {shown}")
            yield from contacts
            body = self._after(last)
        else:
            raise Transient("incomplete", "a listing does not end")
        if shown < total and shown < _total(self._after(0)):  # fewer by now: some were deleted meanwhile
            raise Transient("incomplete", "a listing did not show as many contacts as it counts")

    def _after(self, last: int) -> Mapping[str, Any]:
        return self._size.read(partial(self._page, last))

    def _page(self, last: int, limit: int) -> Mapping[str, Any]:
        paging = (("orders[id]", "ASC"), ("id_greater", str(last)), ("limit", str(limit)))
        params = (*self._filter, *self._include, *paging)
        try:
            return self._asking.expect(self._asking.ask("GET", "/contacts", scope="contact", params=params), "contacts")
        except Permanent as error:
            if error.code != "rejected" or not self._include:
                raise
        self._include = ()
        return self._page(last, limit)


def _place(after: str | None) -> tuple[int, int]:
    """Return the id behind which to go on, which no later contact has, and how many rows came before."""
    parts = (after or "0 0").split()
    last, shown = whole_number(parts[0]), whole_number(parts[-1])
    return (last, shown) if len(parts) == 2 and last is not None and shown is not None else (0, 0)


def _rows(value: object) -> list[Mapping[str, Any]]:
    """Return the rows of a page; one that is no object is an odd contact, which must not hide all others."""
    if not isinstance(value, list):
        raise Transient("unreadable", "a listing without the documented rows")
    return [row if isinstance(row, dict) else {} for row in value]


def _last(rows: list[Mapping[str, Any]], before: int) -> int:
    """Return the highest id of a page. An odd contact without one is passed over, as long as others have theirs."""
    ids = [one for row in rows if (one := whole_number(row.get("id"))) is not None]
    if not ids or ids != sorted(set(ids)) or ids[0] <= before:
        raise Transient("incomplete", "a listing was not in the order asked for")
    return ids[-1]


def _seen(rows: list[Mapping[str, Any]], list_rows: object) -> Iterator[Seen]:
    """Yield the contacts that have an address; others are known by a telephone number only."""
    statuses: dict[str, set[str]] = {}
    for row in list_rows if isinstance(list_rows, list) else []:
        if isinstance(row, dict):
            statuses.setdefault(numeric_id(row.get("contact")), set()).add(read_status(row))
    for row in rows:
        address = row.get("email")
        if isinstance(address, str) and address.strip():
            # a page without any list row may be one to which they were not added
            reached = _reached(statuses.get(numeric_id(row.get("id")) or "?", set())) if statuses else None
            yield Seen("contact", address, reached)


def _reached(statuses: set[str]) -> bool | None:
    if statuses & REACHED:
        return True
    # without any list row it may be one whose rows the page left out
    return False if statuses and statuses <= LEFT else None


def _total(body: Mapping[str, Any]) -> int:
    total = total_of(body)
    if total is None:
        raise Transient("unreadable", "a listing without its total")
    return total
