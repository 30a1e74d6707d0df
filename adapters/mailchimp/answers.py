"""What Mailchimp's answers mean: problem documents, members, times. Branches on status and title, never on detail.

The text of `detail` changed in 2021 and is localised in places (seen in the recordings of grouparoo/grouparoo).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.addresses import same_address
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.http.answer import Answer, common_failure

#: how Mailchimp writes the id of an audience
LIST_ID = re.compile(r"[A-Za-z0-9]{4,20}")
#: rows per page; 1000 is the most, but shop customers are large
PAGE = 500
#: gets mail, or may (`transactional`: no campaigns, but ads and postcards)
REACHED = frozenset({"subscribed", "pending", "transactional"})
#: gets none (mailchimp.com/help/about-your-contacts)
LEFT = frozenset({"unsubscribed", "cleaned", "archived"})

#: titles of the error glossary (mailchimp.com/developer/marketing/docs/errors); another title is not repeated in a
#: message, for it is the provider's text
_TITLES = {
    title.lower(): title
    for title in (
        "Bad Request",
        "Invalid Action",
        "Invalid Resource",
        "JSON Parse Error",
        "API Key Missing",
        "API Key Invalid",
        "Forbidden",
        "User Disabled",
        "Wrong Datacenter",
        "Resource Not Found",
        "Method Not Allowed",
        "Resource Nesting Too Deep",
        "Invalid Method Override",
        "Requested Fields Invalid",
        "Too Many Requests",
        "Internal Server Error",
        "Compliance Related",
        "Forgotten Email Not Subscribed",
        "Member In Compliance State",
        "Member Exists",
    )
}


@dataclass(frozen=True, slots=True)
class Member:
    """The person in one audience. A time is None where Mailchimp gives none."""

    audience: str
    key: str = field(repr=False)
    status: str
    opt_in: datetime | None
    sign_up: datetime | None


def title_of(answer: Answer) -> str:
    """Return the known title of a problem document in lower case, "" for anything else."""
    body = answer.object
    title = body.get("title")
    if answer.kind != "json" or not isinstance(title, str) or body.get("status", answer.status) != answer.status:
        return ""
    if body.get("type") == "akamai_error_message":
        return ""  # the edge before Mailchimp, dressed as a problem document (ibericode/mailchimp-for-wordpress)
    return title.lower() if title.lower() in _TITLES else ""


def is_absent(answer: Answer) -> bool:
    """Say whether this is Mailchimp's own "not found" (recorded by dominicsayers, grouparoo) and not a proxy's.

    The same body stands for an unknown audience: it proves a person absent only after the audience is proven.
    """
    return (
        answer.status == 404
        and answer.content_type == "application/problem+json"
        and title_of(answer) == "resource not found"
    )


def failure(answer: Answer) -> AdapterError:
    """Return the failure of an answer that is not the documented success."""
    status, title = answer.status, title_of(answer)
    named = f"HTTP {status}, {_TITLES[title]}" if title else f"HTTP {status}"
    if status == 401:
        return Misconfigured("unauthorized", f"Mailchimp does not accept the API key ({named})")
    if status == 403 and title:
        return Misconfigured("unauthorized", f"key, user or data centre is refused ({named})")
    if status == 403:
        # the edge answers `akamai_error_message` or no JSON at all; at high volume Mailchimp itself sends a 403
        # without a body: throttling, not a bad key
        return Transient("rate_limited", named, retry_after=answer.retry_after, cools_lane=True)
    if status == 404 and is_absent(answer):
        return Misconfigured("wrong_address", "Mailchimp does not know this audience or path")
    if status == 404:
        return Transient("unreadable", "HTTP 404 that is not Mailchimp's own: a proxy, or another host")
    if status == 400 or (400 <= status < 500 and title):
        known = common_failure(answer)
        return Permanent("rejected", f"Mailchimp refused the call ({named})") if known.code == "rejected" else known
    return common_failure(answer)


def expect(answer: Answer, status: int = 200, *keys: str) -> Mapping[str, Any]:
    """Return the object of a documented success that has these keys. Raises what the answer means otherwise."""
    if answer.status != status:
        raise failure(answer)
    if status != 204 and (answer.kind != "json" or not all(key in answer.object for key in keys)):
        raise common_failure(answer)
    return answer.object


def read_member(answer: Answer, audience: str, key: str, spelling: str) -> Member:
    """Read a member and make sure that it is the one asked for.

    Raises Permanent `filter_ignored` for anybody else, `unknown_state` for a status or time that is not documented.
    """
    body = expect(answer, 200, "email_address", "list_id", "status")
    if not same_address(body["email_address"], spelling) or body["list_id"] != audience:
        raise Permanent("filter_ignored", "Mailchimp answered with another contact or audience than asked for")
    status = body["status"]
    if not isinstance(status, str) or status not in REACHED | LEFT:
        raise Permanent("unknown_state", f"the contact has a status unknown to this version in audience {audience}")
    return Member(audience, key, status, _time(body.get("timestamp_opt")), _time(body.get("timestamp_signup")))


def read_id(row: Mapping[str, Any]) -> str:
    """Return the id of a listed object. Raises Transient `unreadable` where it has none."""
    id_ = row.get("id")
    if not isinstance(id_, str) or not id_:
        raise Transient("unreadable", "a listed object without an id")
    return id_


def state_of(answer: Answer) -> str:
    """Return the status that a changed member now has, for the evidence. Raises what any other answer means."""
    status = expect(answer, 200, "status")["status"]
    return status if isinstance(status, str) and status in REACHED | LEFT else "unknown"


def newer_consent(member: Member, received_at: datetime) -> Permanent | None:
    """Return the reason to hold: an opt-in after the person asked. A missing time is no evidence of consent.

    Only somebody who receives mail now gives one: an unsubscribed, bounced or archived contact has no consent left,
    and the tombstone of our own `suppress` is an unsubscribed contact whose opt-in time is that of our call.
    """
    if member.status in LEFT:
        return None
    since = received_at if received_at.tzinfo else received_at.replace(tzinfo=UTC)
    for name, value in (("timestamp_opt", member.opt_in), ("timestamp_signup", member.sign_up)):
        if value is not None and value > since:
            detail = f"{name} in audience {member.audience} is of {value.astimezone(UTC):%Y-%m-%d}"
            return Permanent("newer_consent", f"{detail}, after the request: decide which of the two holds")
    return None


def pages(page: Callable[[int], Answer], key: str) -> Iterator[Mapping[str, Any]]:
    """Yield the rows of a listing to its `total_items`.

    Raises Transient `unreadable` for one that ends early, or changes while it is read: rows may have moved from a
    page not yet read to one already read.
    """
    seen = 0
    first: int | None = None
    while True:
        rows, total = read_page(page(seen), key)
        first = total if first is None else first
        if total != first:
            raise Transient("unreadable", "a listing changed while it was read: it is read again from its start")
        yield from rows
        seen += len(rows)
        if seen >= total:
            return
        if not rows:
            raise Transient("unreadable", "a listing ended before its total")


def read_page(answer: Answer, key: str) -> tuple[list[Mapping[str, Any]], int]:
    """Return the rows of one page and the total of the listing. Raises Transient `unreadable` for anything else."""
    body = expect(answer, 200, key, "total_items")
    rows, total = body[key], body["total_items"]
    if not isinstance(rows, list) or not isinstance(total, int) or not all(isinstance(row, dict) for row in rows):
        raise Transient("unreadable", "a listing without the documented rows")
    return rows, total


def _time(value: object) -> datetime | None:
    if value in (None, ""):
        return None
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        raise Permanent("unknown_state", "a sign-up time in a form unknown to this version") from None
    return when if when.tzinfo else when.replace(tzinfo=UTC)
