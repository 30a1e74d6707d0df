"""Bodies as Mailchimp writes them: problems, times, the key of a member."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

from adapters.sandbox.messages import Reply, as_json

PROBLEM = "application/problem+json; charset=utf-8"
_SEE_ERRORS = "The resource submitted could not be validated. For field-specific details, see the 'errors' array."


class RefusedCall(Exception):
    """A call that ends in this answer, whatever else was asked."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"HTTP {reply.status}")
        self.reply = reply


def key_of(email: str) -> str:
    """Return the member id: MD5 of the lower-case address (documentation, "subscriber hash")."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def problem(status: int, title: str, detail: str, errors: tuple[tuple[str, str], ...] = (), **headers: str) -> Reply:
    """Return an error document; its instance equals the X-Request-Id (recorded since about 2019).

    `errors` are (field, message); the member `errors` is missing where there are none.
    """
    content = {
        "type": "https://mailchimp.com/developer/marketing/docs/errors/",
        "title": title,
        "status": status,
        "detail": detail,
        "instance": "@REQUEST_ID@",
    }
    rows = {"errors": [{"field": field, "message": message} for field, message in errors]} if errors else {}
    return replace(as_json(status, {**content, **rows}, PROBLEM), headers=headers)


def not_found(detail: str = "The requested resource could not be found.") -> Reply:
    """Return the one body for "no such audience" and "no such member" (recorded by dominicsayers, grouparoo)."""
    return problem(404, "Resource Not Found", detail)


def not_modelled(what: str) -> Reply:
    """Return what Mailchimp never answers: this call exists there and not here."""
    return problem(501, "Not Modelled", f"The sandbox does not model {what}.")


def not_allowed(allow: str) -> Reply:
    """Refuse the method of a call."""
    return problem(405, "Method Not Allowed", "The requested method is not allowed.", Allow=allow)


def invalid(field: str, message: str) -> Reply:
    """Refuse one field of a body or a query (users' reports, drewm/mailchimp-api#212)."""
    return problem(400, "Invalid Resource", _SEE_ERRORS, ((field, message),))


def compliance() -> Reply:
    """Refuse to subscribe somebody who left by themselves (users' reports)."""
    detail = "The address is in a compliance state due to unsubscribe, bounce, or compliance review."
    return problem(400, "Member In Compliance State", detail)


def now() -> str:
    """Return the time as Mailchimp writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")
