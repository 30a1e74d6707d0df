"""Whoever changed in the audiences, read whole or refused: a listing that ends early must not pass for "nobody"."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from adapters.contract import Seen
from adapters.errors import AdapterError, Misconfigured, Transient
from adapters.http.answer import Answer
from adapters.mailchimp.answers import LEFT, REACHED, require_right
from adapters.mailchimp.members import SMS_REACHED
from adapters.mailchimp.paging import Row, whole
from adapters.mailchimp.scopes import MOST_ROUNDS, Scopes
from adapters.mailchimp.setbacks import Setbacks, again

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

_FIELDS = [
    *("members.id", "members.email_address", "members.status", "members.sms_subscription_status"),
    "total_items",
]
#: whether the plain listing shows archived members is documented nowhere, so they are asked for as well
_STATUSES = (None, "archived")


def changed(client: Client, scopes: Scopes, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
    """Yield the members of all audiences that changed since then (UTC), or all there are.

    A place names the audiences that were read whole. There is none within an audience: its pages shift while they are
    read, and only the whole reading proves that nobody fell between two of them.

    An audience whose listing fails does not hide the others: they are listed first. Raises Transient `incomplete`
    and whatever else went wrong then.
    """
    setbacks = Setbacks()
    done = _audiences(after)
    listed = set(done)
    audiences = scopes.audiences(time.monotonic())
    rounds = iter(range(MOST_ROUNDS))
    while unlisted := [audience for audience in audiences if audience not in listed]:
        if next(rounds, None) is None:
            raise Transient("incomplete", "the account lists other audiences each time it is asked")
        for audience in unlisted:
            listed.add(audience)
            with setbacks.audience(audience):
                try:
                    yield from _with_place(_members(client, audience, since), [*done, audience])
                    done.append(audience)
                except Misconfigured as error:
                    if error.code != "wrong_address":
                        raise
                    # deleted while others were listed? then it has nobody, and there may be new ones
                    audiences = scopes.audiences(time.monotonic())
                    if audience in audiences:
                        raise Transient("unreadable", "is listed, and its members answer 404") from None
    for audience, failure in audiences.failed.items():
        with setbacks.audience(audience):
            raise again(failure)
    setbacks.raise_gravest()


def _with_place(members: Iterator[Seen], done: list[str]) -> Iterator[Seen]:
    """Yield the members of an audience, the last with the place behind it: once the reading is proven whole."""
    held: Seen | None = None
    try:
        for member in members:
            if held is not None:
                yield held
            held = member
    except AdapterError:
        if held is not None:
            yield held
        raise
    if held is not None:
        yield replace(held, after=json.dumps(done))


def _audiences(after: str | None) -> list[str]:
    try:
        done = json.loads(after or "[]")
    except ValueError:
        return []
    return done if isinstance(done, list) and all(isinstance(one, str) for one in done) else []


def _members(client: Client, audience: str, since: datetime | None) -> Iterator[Seen]:
    for status in _STATUSES:
        # oldest change first: who changes meanwhile moves to the end, where the next page finds them
        def page(count: int, offset: int, status: str | None = status) -> Answer:
            answer: Answer = client.lists.get_list_members_info(
                audience,
                fields=_FIELDS,
                count=count,
                offset=offset,
                status=status,
                since_last_changed=since.astimezone(UTC).isoformat(timespec="seconds") if since else None,
                sort_field="last_changed",
                sort_dir="ASC",
            )
            require_right(answer)
            return answer

        for row in whole(page, "members"):
            address = row.get("email_address")
            yield Seen(f"audience {audience}", address if isinstance(address, str) else "", _reached(row))


def _reached(row: Row) -> bool | None:
    """Say whether mail or SMS reaches a listed contact; None for a status unknown to this version."""
    status, sms = _word(row.get("status")), _word(row.get("sms_subscription_status"))
    if status in REACHED or sms in SMS_REACHED:
        return True
    return False if status in LEFT else None


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""
