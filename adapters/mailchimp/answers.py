"""What Mailchimp's answers mean: problem documents, members, times. Branches on status and title, never on detail.

The text of `detail` changed in 2021 and is localised in places (seen in the recordings of grouparoo/grouparoo).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.http.answer import Answer, common_failure, shape_of

#: how Mailchimp writes the id of an audience: ten hex digits in every recording; no address and no hash fits in here
LIST_ID = re.compile(r"[A-Za-z0-9]{4,20}")
#: characters of the longest id; those of shops and customers are of the shops' choice, mostly an MD5
LONGEST_ID = 255
#: gets mail, or may (`transactional`: no campaigns, but ads and postcards)
REACHED = frozenset({"subscribed", "pending", "transactional"})
#: gets no mail (mailchimp.com/help/about-your-contacts)
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
        seen = shape_of(answer)
        return Transient("unreadable", f"HTTP 404 that is not Mailchimp's own, a proxy's or another host's: {seen}")
    if status == 400 or (400 <= status < 500 and title):
        known = common_failure(answer)
        return Permanent("rejected", f"Mailchimp refused the call ({named})") if known.code == "rejected" else known
    return common_failure(answer)


def require_right(answer: Answer) -> None:
    """Raise Permanent `forbidden` for a call below an audience or a store that the key's user has no right to.

    The same key was just shown that there is one: a 403 `Forbidden` is no bad key then, and the lane goes on.
    """
    if answer.status == 403 and title_of(answer) == "forbidden":
        raise Permanent("forbidden", "the key's user has no right to this (HTTP 403, Forbidden)")


def expect_here(answer: Answer, status: int = 200, *keys: str) -> Mapping[str, Any]:
    """Return what `expect` returns, of a call below an audience or a store. Raises as `require_right` too."""
    require_right(answer)
    return expect(answer, status, *keys)


def expect(answer: Answer, status: int = 200, *keys: str) -> Mapping[str, Any]:
    """Return the object of a documented success that has these keys. Raises what the answer means otherwise."""
    if answer.status != status:
        raise failure(answer)
    if status != 204 and (answer.kind != "json" or not all(key in answer.object for key in keys)):
        raise common_failure(answer)
    return answer.object


def read_id(row: Mapping[str, Any]) -> str:
    """Return the id of a listed object, a text of others. Raises Transient `unreadable` where it has none."""
    id_ = row.get("id")
    if not isinstance(id_, str) or not 0 < len(id_) <= LONGEST_ID:
        raise Transient("unreadable", "a listed object without an id")
    return id_


def state_of(answer: Answer) -> str:
    """Return the status that a changed member now has, for the evidence. Raises what any other answer means."""
    status = expect_here(answer, 200, "status")["status"]
    return status if isinstance(status, str) and status in REACHED | LEFT else "unknown"
