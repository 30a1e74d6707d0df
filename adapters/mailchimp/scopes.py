"""Which audiences and stores the account has, proven by a call: only then does a 404 of a member prove absence."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from adapters.checks import shown_name
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient, strikes_all
from adapters.http.answer import Answer
from adapters.mailchimp.answers import LIST_ID, expect, expect_here, read_id, title_of
from adapters.mailchimp.paging import Row, pages
from adapters.paging import MOST_PLACES
from adapters.values import whole_number

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

T = TypeVar("T")

#: how often audiences that were made while others were read are read too
MOST_ROUNDS = 5
#: what is counted of an audience. Mailchimp caches these for five minutes or more; pending and archived members are in
#: none of them, so the sum is rather too small
_FIGURES = ("member_count", "unsubscribe_count", "cleaned_count")
#: audiences whose figures are read: one page of Mailchimp's
_MOST_FIGURES = 1000
#: how long a proof serves for where to look, in seconds
_LASTS = 60.0


class Proven(Generic[T]):
    """Something read of the account and when; shared by all walks of an adapter. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: T | None = None
        self._began = -_LASTS

    def get(self, read: Callable[[], T], since: float | None) -> T:
        """Return what was read within the last minute, or since then (monotonic clock); else read it now."""
        with self._lock:
            value = self._value
            if value is None or self._began < (time.monotonic() - _LASTS if since is None else since):
                self._value = None
                began = time.monotonic()
                value = read()
                self._value, self._began = value, began
            return value

    def forget(self) -> None:
        """Read it anew the next time: what was read is not whole."""
        with self._lock:
            self._value = None


@dataclass(frozen=True, slots=True)
class Audiences:
    """The audiences there are: id -> name of those that were shown, id -> failure of those that were not."""

    shown: Mapping[str, str]
    failed: Mapping[str, AdapterError] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        return iter(self.shown)

    def __contains__(self, audience: object) -> bool:
        return audience in self.shown


class Proofs:
    """What one adapter has proven: the audiences, and store ids. `configured` are the audiences of the settings.

    `configured` is None for all there are; without `ecommerce` there are no stores.
    """

    def __init__(self, configured: tuple[str, ...] | None, *, ecommerce: bool) -> None:
        self.configured = configured
        self.ecommerce = ecommerce
        self.audiences: Proven[Audiences] = Proven()
        self.stores: Proven[tuple[str, ...]] = Proven()


class Scopes:
    """The audiences and stores as one walk sees them.

    A proof of the last minute says where to look. It does not say that an audience still exists: the 404 of a member
    is the same as that of an audience that was deleted meanwhile. So what rests on a 404 asks for a proof begun
    `since` then, which also shows audiences made in that minute.
    """

    def __init__(self, client: Client, proofs: Proofs) -> None:
        self._client = client
        self._proofs = proofs

    def audiences(self, since: float | None = None) -> Audiences:
        """Return the audiences. Raises Misconfigured `wrong_address` for one that the settings name in vain."""
        audiences = self._proofs.audiences.get(self.read_audiences, since)
        if audiences.failed:
            self._proofs.audiences.forget()
        return audiences

    def stores(self, since: float | None = None) -> tuple[str, ...]:
        """Return the ids of the stores. Raises as `read_stores`."""
        return self._proofs.stores.get(self.read_stores, since)

    def test_call(self) -> None:
        """Make Mailchimp's own test call, which needs a valid key."""
        answer = self._client.pings.get()
        if answer.status == 404:
            raise Misconfigured("wrong_address", "HTTP 404 to Mailchimp's own test call: another host answers here")
        if expect(answer, 200, "health_status")["health_status"] != "Everything's Chimpy!":
            raise Transient("unreadable", "the test call did not answer as documented")

    def read_audiences(self) -> Audiences:
        """Read the audiences now. One that cannot be shown does not hide the others."""
        failed: dict[str, AdapterError] = {}
        try:
            rows = at_most(MOST_PLACES, self._audience_rows(failed), "audiences")
            names = {read_id(row): shown_name(row.get("name")) for row in rows}
        except Transient as error:
            if error.code == "unreadable":
                with contextlib.suppress(Transient):
                    self.test_call()  # is it Mailchimp at all that answers?
            raise
        for audience in [one for one in names if not LIST_ID.fullmatch(one)]:
            del names[audience]
            failed["?"] = Permanent("unknown_state", "an audience id of a form unknown to this version")
        if not names and not failed:
            raise Misconfigured("wrong_address", "the account has no audience: is it the right one?")
        return Audiences(names, failed)

    def _audience_rows(self, failed: dict[str, AdapterError]) -> Iterator[Row]:
        """Yield the audiences that are shown; add those that the settings name and that fail alone to `failed`."""
        lists = self._client.lists
        if self._proofs.configured is not None:
            for audience in self._proofs.configured:
                try:
                    row = expect_here(lists.get_list(audience, fields=["id", "name"]), 200, "id")
                    if row["id"] != audience:
                        raise Transient("unreadable", "Mailchimp answered with another audience than asked for")
                    yield row
                except AdapterError as error:
                    if strikes_all(error):
                        raise
                    failed[audience] = error
            return
        fields = ["lists.id", "lists.name", "total_items"]
        yield from pages(lambda count, offset: lists.get_all_lists(count=count, offset=offset, fields=fields), "lists")

    def members(self) -> int | None:
        """Return how many members the audiences hold, by the account's own figures, in one call.

        None where the answer does not show all of them, or not their figures.
        """
        fields = ["lists.id", *(f"lists.stats.{figure}" for figure in _FIGURES), "total_items"]
        answer = self._client.lists.get_all_lists(count=_MOST_FIGURES, offset=0, fields=fields)
        body = expect(answer, 200, "lists", "total_items")
        rows, total = body["lists"], whole_number(body["total_items"])
        if not isinstance(rows, list) or total is None:
            return None
        counts = {str(row.get("id")): _members(row.get("stats")) for row in rows if isinstance(row, dict)}
        wanted = self._proofs.configured
        if wanted is None and len(counts) < total:
            return None
        found = [counts.get(audience) for audience in (wanted or counts)]
        known = [count for count in found if count is not None]
        return sum(known) if len(known) == len(found) else None

    def read_stores(self) -> tuple[str, ...]:
        """Read the ids of the stores now.

        Raises Permanent `forbidden` for a key, a plan or an account without them: that concerns erasures alone, and
        of those only the shops.
        """
        if not self._proofs.ecommerce:
            return ()
        ecommerce = self._client.ecommerce
        fields = ["stores.id", "total_items"]

        def ask(count: int, offset: int) -> Answer:
            answer: Answer = ecommerce.stores(count=count, offset=offset, fields=fields)
            if answer.status in (403, 404) and title_of(answer) in ("forbidden", "resource not found"):
                raise Permanent(
                    "forbidden", "the key may not see e-commerce stores: grant it, or set ecommerce = false"
                )
            return answer

        return tuple(read_id(row) for row in at_most(MOST_PLACES, pages(ask, "stores"), "shops"))


def _members(stats: Any) -> int | None:
    """Return how many members the figures of an audience count; None where one of them is missing."""
    if not isinstance(stats, dict):
        return None
    counts = [whole_number(stats.get(figure)) for figure in _FIGURES]
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None


def at_most(most: int, rows: Iterator[Row], what: str) -> Iterator[Row]:
    """Yield the rows. Raises Transient `unreadable` for more than so many: each would be worked on in turn."""
    for number, row in enumerate(rows):
        if number >= most:
            raise Transient("unreadable", f"the account lists more than {most} {what}")
        yield row
