"""What a query asks of a listing: pages, filters, order, fields."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import cycle, islice
from typing import Any

from adapters.sandbox.mailchimp.bodies import RefusedCall, invalid, not_modelled
from adapters.sandbox.mailchimp.oddities import Oddities
from adapters.sandbox.messages import Request

STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
_ORDERS = ("timestamp_opt", "timestamp_signup", "last_changed")
#: documented for members, not modelled
_UNKNOWN_HERE = ("interest_category_id", "interest_ids", "interest_match", "since_last_campaign", "unsubscribed_since")

Row = dict[str, Any]


def choice(request: Request, name: str, allowed: tuple[str, ...]) -> str | None:
    """Return a parameter that must be one of these (specification, `enum`). Raises RefusedCall."""
    value = request.query.get(name)
    if value is not None and value not in allowed:
        raise RefusedCall(invalid(name, f"Value must be one of: {', '.join(allowed)}."))
    return value


def page_of(rows: list[Row], request: Request, odd: Oddities) -> tuple[list[Row], int]:
    """Return the rows that `count` and `offset` ask for, and how many the listing counts. Raises RefusedCall."""
    # 10 by default; more than 1000 is cut to 1000 (thorning/node-mailchimp#61), not refused
    count, offset = min(_number(request, "count", 10), 1000), _number(request, "offset", 0)
    if rows and odd.repeats(request.path):
        return list(islice(cycle(rows), count)), max(len(rows), offset + 2 * count)
    if odd.ignores_page_offset and "since_last_changed" in request.query:
        offset = 0
    return rows[offset : offset + count], len(rows)


def listed(members: Iterable[Row], request: Request, odd: Oddities) -> list[Row]:
    """Return the members that the query asks for, in its order. Raises RefusedCall."""
    if asked := [name for name in _UNKNOWN_HERE if name in request.query]:
        raise RefusedCall(not_modelled(f"the parameter {asked[0]}"))
    status = choice(request, "status", STATUSES)
    order = choice(request, "sort_field", _ORDERS) or "id"
    backwards = choice(request, "sort_dir", ("ASC", "DESC")) == "DESC"
    # whether the default listing shows archived members is documented nowhere; users report that it does not
    kept = [one for one in members if (one["status"] == status if status else one["status"] != "archived")]
    for name in ("unique_email_id", "email_type"):
        if (wanted := request.query.get(name)) is not None:
            kept = [one for one in kept if one[name] == wanted]
    if request.query.get("vip_only") == "true":
        kept = [one for one in kept if one["vip"]]
    for field in ("last_changed", "timestamp_opt"):
        kept = _within(kept, field, request, odd)
    return sorted(kept, key=lambda one: str(one.get(order)), reverse=backwards)


def _within(members: list[Row], field: str, request: Request, odd: Oddities) -> list[Row]:
    """Return the members whose time lies between `since_…` and `before_…`."""
    since, before = (_time(request, f"{edge}_{field}", odd) for edge in ("since", "before"))
    if since:
        members = [one for one in members if one[field] and datetime.fromisoformat(one[field]) >= since]
    if before:
        members = [one for one in members if one[field] and datetime.fromisoformat(one[field]) < before]
    return members


def _time(request: Request, name: str, odd: Oddities) -> datetime | None:
    if not (value := request.query.get(name)):
        return None
    try:
        when = datetime.fromisoformat(value)
    except ValueError:
        raise RefusedCall(invalid(name, "Data did not match the format date-time.")) from None
    return when.replace(tzinfo=UTC) if odd.ignores_utc_offset or when.tzinfo is None else when


def _number(request: Request, name: str, default: int) -> int:
    value = request.query.get(name, str(default))
    if not value.isdecimal():
        raise RefusedCall(invalid(name, "Schema describes integer, string found instead."))
    return int(value)


def full(request: Request) -> bool:
    """Say whether whole objects are asked for, links and figures included."""
    return not request.query.get("fields")


def chosen(content: Row, request: Request) -> Row:
    """Keep the dotted `fields=` that were asked for, or leave out the `exclude_fields=`."""
    if wanted := request.query.get("fields"):
        kept: Row = _kept(content, _tree(wanted))
        return kept
    if unwanted := request.query.get("exclude_fields"):
        rest: Row = _without(content, _tree(unwanted))
        return rest
    return content


def _tree(names: str) -> dict[str, Any]:
    """Return `a.b,a.c,d` as `{a: {b: {}, c: {}}, d: {}}`."""
    tree: dict[str, Any] = {}
    for name in names.split(","):
        branch = tree
        for part in name.split("."):
            branch = branch.setdefault(part, {})
    return tree


def _kept(value: Any, tree: Mapping[str, Any]) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [_kept(row, tree) for row in value]
    if isinstance(value, dict):
        return {name: _kept(value[name], branch) for name, branch in tree.items() if name in value}
    return value


def _without(value: Any, tree: Mapping[str, Any]) -> Any:
    if isinstance(value, list):
        return [_without(row, tree) for row in value]
    if isinstance(value, dict):
        return {
            name: _without(part, tree[name]) if name in tree else part
            for name, part in value.items()
            if tree.get(name) != {}
        }
    return value
