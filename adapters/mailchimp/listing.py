"""Whoever changed in an audience, read whole or refused: a listing that ends early must not pass for "nobody"."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from adapters.contract import Seen
from adapters.errors import Transient
from adapters.http.answer import Answer
from adapters.mailchimp.answers import PAGE, read_page

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

_FIELDS = ["members.id", "members.email_address", "total_items"]
#: whether the plain listing shows archived members is documented nowhere, so they are asked for as well
_STATUSES = (None, "archived")
#: readings of one listing; it starts again when somebody is added or removed while its pages are read
_READINGS = 3


def changed(client: Client, audience: str, since: datetime) -> Iterator[Seen]:
    """Yield the members of an audience that changed since then (UTC). Raises Transient `incomplete`."""
    for status in _STATUSES:
        # oldest change first: who changes meanwhile moves to the end, where the next page finds them
        def page(offset: int, status: str | None = status) -> Answer:
            answer: Answer = client.lists.get_list_members_info(
                audience,
                fields=_FIELDS,
                count=PAGE,
                offset=offset,
                status=status,
                since_last_changed=since.astimezone(UTC).isoformat(timespec="seconds"),
                sort_field="last_changed",
                sort_dir="ASC",
            )
            return answer

        for row in _whole(page):
            yield Seen(f"audience {audience}", str(row.get("email_address", "")))


def _whole(page: Callable[[int], Answer]) -> Iterator[Mapping[str, Any]]:
    """Yield a listing, again from its start until it showed as many different members as it counts."""
    for _ in range(_READINGS):
        shown: set[str] = set()
        offset = 0
        while True:
            rows, total = read_page(page(offset), "members")
            yield from rows
            shown.update(str(row.get("id")) for row in rows)
            offset += len(rows)
            if offset >= total or not rows:
                break
        if len(shown) >= total:
            return
    raise Transient("incomplete", "a listing did not show as many contacts as it counts")
