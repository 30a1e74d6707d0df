"""What ActiveCampaign's answers mean: on status, shape and message together, for the status alone misleads.

Missing objects come as 403, a dead key as 200 with a web page, a missing right as 404 without a body (vendor's
reference, developers.activecampaign.com/reference; the web page: rudderlabs/rudder-transformer).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.http.answer import LONGEST_WAIT, Answer, common_failure
from adapters.values import numeric_id, whole_number

#: what the provider calls a contact in its "No Result found for …" (the delete says contact, the read Subscriber)
CONTACT = ("subscriber", "contact")
AUTOMATION = ("subscriberseries",)

#: codes of `errors` in a 422 (reference: errors; rudderlabs/rudder-transformer)
_REASONS = frozenset({"field_missing", "duplicate", "related_missing", "email_invalid"})


def failure(answer: Answer) -> AdapterError:
    """Return the failure of an answer that is not the documented success."""
    status, message = answer.status, _message(answer)
    if status == 400 and message.startswith("rate limit exceeded"):
        return Transient("rate_limited", "HTTP 400, rate limit", retry_after=answer.retry_after, cools_lane=True)
    if status == 402:
        return Misconfigured("unpaid", "ActiveCampaign answers 402: the account is not paid for or suspended")
    if status == 403 and is_forbidden(answer):
        return Permanent("forbidden", "the group of the key's user, or the plan, lacks the right to this call")
    if status == 403:
        # a bad token is documented as 403, but the same comes under load (tap-activecampaign): the caller asks
        # GET /users/me which of the two it is
        return Transient("rate_limited", "HTTP 403", retry_after=answer.retry_after, cools_lane=True)
    if status == 404 and message.startswith("no result found"):
        return Transient("conflict", "the object is gone since it was read")
    if status == 404 and not answer.maintenance:
        return Misconfigured("wrong_address", "HTTP 404 that is not about an object: another host, or no account")
    if status == 422:
        reasons = ", ".join(_reasons(answer))
        return Permanent("rejected", f"ActiveCampaign refused the values (HTTP 422{reasons and f', {reasons}'})")
    if status >= 500:
        error = common_failure(answer)
        if isinstance(error, Transient) and error.retry_after is None:
            error.retry_after = _edge_wait(answer)
        return error
    return common_failure(answer)


def is_forbidden(answer: Answer) -> bool:
    """Say whether a right is missing (documented for lists, exclusions): not a bad token, not throttling."""
    titles = [str(error.get("title", "")).lower() for error in _errors(answer)]
    message = _message(answer)
    return answer.status == 403 and (
        "forbidden" in titles or message == "forbidden" or message.startswith("you don't have permission")
    )


def is_absent(answer: Answer, nouns: tuple[str, ...]) -> bool:
    """Say whether the answer says in words that this kind of object does not exist (as 404, or as 403)."""
    message = _message(answer)
    return (
        answer.status in (403, 404)
        and answer.kind == "json"
        and any(message.startswith(f"no result found for {noun} with id") for noun in nouns)
    )


def is_no_result(answer: Answer) -> bool:
    """Say whether the answer says in words that some object does not exist, of whatever kind."""
    return answer.status in (403, 404) and _message(answer).startswith("no result found for ")


def expect(answer: Answer, *keys: str, status: int = 200) -> Mapping[str, Any]:
    """Return the object of an answer of this status that has these keys. Raises what it means otherwise."""
    if answer.status != status:
        raise failure(answer)
    if answer.kind != "json" or not all(key in answer.object for key in keys):
        raise common_failure(answer)
    return answer.object


def expect_done(answer: Answer) -> None:
    """Accept a 200 with an object or nothing: `{}` is documented, empty bytes are seen (tap-activecampaign)."""
    if answer.status != 200:
        raise failure(answer)
    if answer.kind != "empty" and (answer.kind != "json" or answer.object.keys() & {"error", "errors"}):
        raise common_failure(answer)


def objects(value: object) -> list[Mapping[str, Any]]:
    """Return the value as a list of objects. Raises Transient `unreadable` for anything else."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise Transient("unreadable", "a listing without the documented rows")
    return value


def read_id(row: Mapping[str, Any]) -> str:
    """Return the id of an object, a number written as a string. Raises Transient `unreadable` for anything else."""
    id_ = numeric_id(row.get("id"))
    if not id_:
        raise Transient("unreadable", "an object without an id")
    return id_


def _errors(answer: Answer) -> list[Mapping[str, Any]]:
    errors = answer.object.get("errors")
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _reasons(answer: Answer) -> list[str]:
    """Return the known codes of a refusal; titles and details are not repeated, for they can quote the address."""
    codes = [str(error.get("code", "")) for error in _errors(answer)]
    return [code for code in dict.fromkeys(codes) if code in _REASONS]


def _message(answer: Answer) -> str:
    message = answer.object.get("message")
    return message.strip().lower() if isinstance(message, str) else ""


def _edge_wait(answer: Answer) -> float | None:
    """Return the seconds to wait that Cloudflare, in front, says in the body (rudder-transformer's recorded 502)."""
    wait = whole_number(answer.object.get("retry_after"))
    return min(float(wait), LONGEST_WAIT) if wait else None
