"""What a provider answered, parsed strictly, and what an answer means that no provider can mean otherwise."""

from __future__ import annotations

import json
import math
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from adapters.errors import AdapterError, Misconfigured, Permanent, Transient

#: the longest wait that a Retry-After can ask for, in seconds: six hours
LONGEST_WAIT = 6 * 3600.0

#: lists and objects inside each other; documented answers have six at most
DEEPEST = 50

Kind = Literal["empty", "json", "html", "text", "broken"]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `body` is the parsed JSON when `kind` is "json", else None: other text is not kept.

    `kind` is "broken" where JSON was announced and something else came. `retry_after` is in seconds or None, `ms` the
    time that the call took in milliseconds. `repr` never shows the body.
    """

    status: int
    content_type: str
    kind: Kind
    body: Any = field(repr=False)
    retry_after: float | None
    request_id: str | None
    ms: int
    maintenance: bool = False

    @property
    def object(self) -> Mapping[str, Any]:
        """The JSON object of the body, empty if the body is anything else."""
        return self.body if isinstance(self.body, dict) else {}

    @property
    def ok(self) -> bool:
        """Say whether the status is a 2xx; success also needs the documented status and shape."""
        return 200 <= self.status < 300


def read_answer(status: int, headers: Mapping[str, str], payload: bytes, ms: int) -> Answer:
    """Make an Answer of what came over the wire. Never raises: a broken body is a kind of answer."""
    content_type = headers.get("Content-Type", "").split(";")[0].strip().lower()
    kind: Kind = "empty"
    body: Any = None
    if status != 204:
        kind, body = _parse(content_type, payload)
    return Answer(
        status=status,
        content_type=content_type,
        kind=kind,
        body=body,
        retry_after=parse_retry_after(headers.get("Retry-After"), headers.get("Date")),
        request_id=clean_request_id(headers.get("X-Request-Id")) or clean_request_id(headers.get("CF-RAY")),
        ms=ms,
        # the page that ActiveCampaign shows during maintenance, with any status (activecampaign-api-php issue 68)
        maintenance=kind in ("html", "text") and b"We are currently having some issues" in payload[:4096],
    )


def _parse(content_type: str, payload: bytes) -> tuple[Kind, Any]:
    start = payload[:64].lstrip()
    if not start:
        return "empty", None
    announced = content_type.endswith(("/json", "+json"))
    # ActiveCampaign sends JSON as text/plain at times (its page of GET /lists shows a 403 that does)
    if announced or start[:1] in (b"{", b"["):
        try:
            return "json", parse_json(payload)
        except ValueError:
            return "broken", None
    return ("html" if "html" in content_type or start[:1] == b"<" else "text"), None


def parse_json(payload: bytes) -> Any:
    """Parse UTF-8 JSON strictly.

    Raises ValueError on a BOM, NaN, Infinity, doubled keys, numbers of thousands of digits and deep nesting.
    """
    try:
        parsed = json.loads(
            payload.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
    except (ValueError, RecursionError):
        raise ValueError("not acceptable as JSON") from None
    if payload.count(b"[") + payload.count(b"{") > DEEPEST and _depth(parsed) > DEEPEST:
        # whatever walks the value later (a comparison, a text made of it) would meet Python's limit on recursion
        raise ValueError("not acceptable as JSON")
    return parsed


def _depth(parsed: Any) -> int:
    """Return how deep a parsed value is nested, counting no further than is refused anyway."""
    depth, level = 0, [parsed]
    while level and depth <= DEEPEST:
        containers = [one for one in level if isinstance(one, list | dict)]
        level = [part for one in containers for part in (one.values() if isinstance(one, dict) else one)]
        depth += bool(containers)
    return depth


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError("doubled key")
    return made


def _refuse(_: str) -> Any:
    raise ValueError("not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def parse_retry_after(value: str | None, date: str | None = None) -> float | None:
    """Return the seconds to wait, at most six hours; None for garbage, zero, a negative number or a past date.

    A date is counted from the answer's own `Date`, so that a wrong clock here does no harm.
    """
    if value is None:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,32}", value):
        seconds = float(value)
    else:
        until = _http_date(value)
        if until is None:
            return None
        since = _http_date(date) if date else None
        seconds = until - (since if since is not None else time.time())
    return min(seconds, LONGEST_WAIT) if seconds > 0 else None


def _http_date(value: str) -> float | None:
    try:
        return parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError, OSError):
        return None


def clean_request_id(value: str | None) -> str | None:
    """Return a request id of harmless form, else None: it is the provider's text and goes into the audit.

    Nothing is taken out of one: an address without its @ would still name the person. Nor may it hold 32 hex digits
    in a row, which could be the MD5 of an address; a UUID, as both providers send it, has dashes.
    """
    value = (value or "").strip()
    return value if re.fullmatch(r"[A-Za-z0-9._-]{1,64}", value) and not re.search(_HASH, value) else None


_HASH = r"[0-9a-fA-F]{32}"


def shape_of(answer: Answer) -> str:
    """Return what a body looks like, in words: evidence for a person who must find out what the provider changed.

    Keys are the provider's text: only those formed like a name are shown, so that no address and no hash slips in.
    """
    if not isinstance(answer.body, dict):
        return f"a body of kind {answer.kind}" if answer.kind != "json" else f"a JSON {_JSON_NAMES[type(answer.body)]}"
    names = _names(answer.body)
    more = ", …" if len(answer.body) > len(names) else ""
    return f"an object with the keys {', '.join(names)}{more}" if names else "an object without keys"


def key_names(answer: Answer) -> tuple[str, ...]:
    """Return the names of the keys of a JSON answer and of the objects in it, as `contact` and `contact.id`."""
    names: list[str] = []
    for key, value in answer.object.items():
        [own] = _names({key: None})
        row = value[0] if isinstance(value, list) and value else value
        names += [own, *(f"{own}.{name}" for name in _names(row, 60))] if isinstance(row, dict) else [own]
    return tuple(dict.fromkeys(names))


def _names(body: Mapping[str, Any], most: int = 12) -> list[str]:
    return [key if re.fullmatch(r"[A-Za-z_]{1,40}[0-9]{0,2}", key) else "?" for key in list(body)[:most]]


_JSON_NAMES = {list: "array", str: "text", int: "number", float: "number", bool: "truth value", type(None): "null"}


def common_failure(answer: Answer) -> AdapterError:
    """Return the failure of an answer by what every provider means by its status.

    Called when the answer is not the documented success. The provider's own classifier has looked at it before.
    """
    status, wait = answer.status, answer.retry_after
    if answer.maintenance:
        return Transient("unavailable", "maintenance", retry_after=wait, cools_lane=True)
    if answer.ok:
        return _not_a_success(answer)
    if 300 <= status < 400:
        return Misconfigured("redirected", "the provider answered with a redirect, which is never followed")
    if status == 429:
        return Transient("rate_limited", "HTTP 429", retry_after=wait, cools_lane=True)
    if status == 503:
        return Transient("unavailable", "HTTP 503", retry_after=wait, cools_lane=True)
    if status >= 500:
        return Transient("unavailable", f"HTTP {status}", retry_after=wait)
    if status == 401:
        return Misconfigured("unauthorized", "the provider does not accept the API key")
    if status == 403 and answer.kind != "json":
        return Transient("rate_limited", "HTTP 403 without JSON", retry_after=wait, cools_lane=True)
    if status in (408, 425):
        return Transient("unavailable", f"HTTP {status}", retry_after=wait)
    if status in (409, 412):
        return Transient("conflict", f"HTTP {status}", retry_after=wait)
    if status == 410:
        return Permanent("unknown_state", "HTTP 410, which the provider does not document")
    return Permanent("rejected", f"HTTP {status}")


def _not_a_success(answer: Answer) -> AdapterError:
    if answer.kind == "html":
        return Misconfigured("login_page", f"HTTP {answer.status} with a web page instead of data")
    if answer.status == 202:
        return Transient("not_yet", "HTTP 202: accepted, not done")
    return Transient("unreadable", f"HTTP {answer.status} without the documented body: {shape_of(answer)}")
