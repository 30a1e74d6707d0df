"""How ActiveCampaign's listings are read: page by page, judged as they come, to an end that needs no good will."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from adapters.activecampaign.answers import is_absent, objects
from adapters.activecampaign.calls.asking import Asking
from adapters.addresses import is_neighbour, is_person
from adapters.contract import Subject
from adapters.errors import AdapterError, Permanent, Transient
from adapters.http.answer import Answer
from adapters.paging import PERSON_PAGES, PageIds, PageSize
from adapters.values import numeric_id, whole_number

#: rows of a page, the most the API gives (reference: pagination)
LARGEST = 100
#: rows of a page where the limit is not looked at (reference: pagination); fewer are the last ones, more may not be
_DEFAULT = 20
#: lets a listing of contacts bring their list rows (used by FluentCRM; in no specification, so it may be refused)
INCLUDE = (("include", "contactLists"),)


@dataclass(frozen=True, slots=True)
class Listing:
    """A listing: its path, the key of its rows and how the evidence names it.

    `absent` are the nouns of a "No Result found for …" that means no rows at all.
    """

    path: str
    key: str
    scope: str
    params: tuple[tuple[str, str], ...] = ()
    template: str | None = None
    absent: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ListingPage:
    """The rows of one page that no page before it had, and the whole body."""

    rows: tuple[Mapping[str, Any], ...]
    body: Mapping[str, Any]


def pages(
    asking: Asking, listing: Listing, refused: Callable[[Answer], AdapterError | None] = lambda _: None
) -> Iterator[ListingPage]:
    """Yield a listing page by page, to one that brings nothing new or, where `meta.total` is given, to its total.

    Sub-listings of a contact are documented without paging parameters: all rows may come at one time, whatever is
    asked for, and a page may repeat for ever. So a short page ends the listing only where it is shorter than the
    default. Raises Transient `unreadable` for a listing that shows fewer rows than it counts, that changes while it is
    read (rows may have moved to a page already read), or that does not end.
    """
    size, ids = PageSize(LARGEST), PageIds(PERSON_PAGES)
    offset, first = 0, None
    while True:
        answer = size.read(partial(_page, asking, listing, refused, offset))
        if answer.status != 200:
            return  # accepted as absent
        body = asking.expect(answer, listing.key)
        rows = tuple(ids.fresh(objects(body[listing.key]), _key))
        yield ListingPage(rows, body)
        total = total_of(body)
        first = total if offset == 0 else first
        if total != first:
            raise Transient("unreadable", "a listing changed while it was read: it is read again from its start")
        number = len(body[listing.key])
        if not rows or number < (size.rows if total is not None else min(size.rows, _DEFAULT)):
            if total is None or len(ids) >= total:
                return
            if not rows:
                raise Transient("unreadable", f"a listing counts more rows than it shows ({listing.key})")
        offset += number


def persons(
    rows: tuple[Mapping[str, Any], ...], subject: Subject, searched: tuple[str, ...] = ("email",)
) -> list[Mapping[str, Any]]:
    """Return the rows of exactly this person, and leave alone the neighbours that a loose search brings along.

    A neighbour has something like the person's address in one of the fields `searched`. Raises Permanent
    `filter_ignored` for anybody else: a filter that is not applied returns every contact of the account
    (PipedreamHQ/pipedream#4612).
    """
    for row in rows:
        if not any(is_person(row.get(name), subject) or is_neighbour(row.get(name), subject) for name in searched):
            raise Permanent("filter_ignored", "ActiveCampaign answered with other people than asked for")
    found = [row for row in rows if is_person(row.get("email"), subject)]
    if len({numeric_id(row.get("id")) for row in rows}) < len(rows):
        ids = {numeric_id(row.get("id")) for row in found}
        if any(numeric_id(row.get("id")) in ids and row not in found for row in rows):
            raise Permanent("filter_ignored", "ActiveCampaign answered with one id for two people")
    return found


def total_of(body: Mapping[str, Any]) -> int | None:
    """Return `meta.total`, a string or a number, None where there is none."""
    meta = body.get("meta")
    return whole_number(meta.get("total")) if isinstance(meta, dict) else None


def _page(
    asking: Asking,
    listing: Listing,
    refused: Callable[[Answer], AdapterError | None],
    offset: int,
    limit: int,
) -> Answer:
    return asking.ask(
        "GET",
        listing.path,
        listing.template,
        scope=listing.scope,
        params=(*listing.params, ("limit", str(limit)), ("offset", str(offset))),
        accept=lambda answer: is_absent(answer, listing.absent),
        refused=refused,
    )


def _key(row: Mapping[str, Any]) -> str:
    """Return what tells a row from others: its id, or all of it where it has none.

    The address is part of it: two rows of one id and two addresses are both judged, or one could hide a stranger.
    """
    id_, email = numeric_id(row.get("id")), row.get("email")
    return f"{id_} {email if isinstance(email, str) else ''}" if id_ else json.dumps(row, sort_keys=True)
