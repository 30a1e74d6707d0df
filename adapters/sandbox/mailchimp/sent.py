"""What a call sends, its types checked as the specification names them."""

from __future__ import annotations

from typing import Any

from adapters.sandbox.mailchimp.bodies import RefusedCall, invalid, problem
from adapters.sandbox.messages import Request

_TYPES: dict[str, type] = {
    "email_address": str,
    "status": str,
    "status_if_new": str,
    "email_type": str,
    "language": str,
    "ip_signup": str,
    "ip_opt": str,
    "timestamp_signup": str,
    "timestamp_opt": str,
    "note": str,
    "vip": bool,
    "merge_fields": dict,
    "interests": dict,
    "tags": list,
}
_NAMES = {str: "string", bool: "boolean", dict: "object", list: "array", int: "integer", float: "number"}


def sent(request: Request) -> dict[str, Any]:
    """Return the object that a call sends, {} for none. Raises RefusedCall for a wrong type or what is no JSON."""
    content = request.json()
    if content is None and request.body.strip() not in (b"", b"null"):
        detail = "We encountered an unspecified JSON parsing error. This is likely a problem with your JSON formatting."
        raise RefusedCall(problem(400, "JSON Parse Error", detail))
    body = content if isinstance(content, dict) else {}
    for name, kind in _TYPES.items():
        if name in body and not isinstance(body[name], kind):
            found = _NAMES.get(type(body[name]), "NULL")
            # as quoted in drewm/mailchimp-api#212
            raise RefusedCall(invalid(name, f"Schema describes {_NAMES[kind]}, {found} found instead"))
    return body
