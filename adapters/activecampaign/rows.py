"""What ActiveCampaign holds of a person: contacts, the lists they are on, and since when."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.errors import Permanent

#: a row of a list: "0" unconfirmed, "1" active; an old opt-in mail can still activate a "0"
REACHED = frozenset({"0", "1"})
#: "2" unsubscribed, "3" bounced, "91" removed by the old API's contact_edit (help article 360021838379)
LEFT = frozenset({"2", "3", "91"})


@dataclass(frozen=True, slots=True)
class ListRow:
    """The contact on one list. `since` (with its time zone) is None where ActiveCampaign gives no time."""

    list: str
    status: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of the person. `rows` is None where the answer did not bring them.

    `spelling` is the address as ActiveCampaign holds it, in lower case; `created` (with its time zone) is None where
    that is not told.
    """

    id: str
    spelling: str = field(repr=False)
    created: datetime | None = None
    rows: tuple[ListRow, ...] | None = None


def read_row(row: Mapping[str, Any]) -> ListRow:
    """Return a list row. Raises Permanent `unknown_state` for a time that tells nothing: consent may hide in it."""
    try:
        since = read_time(row.get("sdate"))
    except ValueError:
        raise Permanent("unknown_state", "a list row with a time in a form unknown to this version") from None
    return ListRow(str(row.get("list")), str(row.get("status")), since)


def is_stranger(row: Mapping[str, Any], contacts: Iterable[str]) -> bool:
    """Say whether a list row is of none of these contacts."""
    return str(row.get("contact")) not in contacts


def newer_consent(contacts: Iterable[Contact], received_at: datetime) -> Permanent | None:
    """Return the reason to hold: a subscription after the person asked. A missing time is no evidence of consent."""
    for row in (row for contact in contacts for row in contact.rows or ()):
        if row.status not in LEFT and row.since is not None and row.since > in_utc(received_at):
            day = f"{row.since.astimezone(UTC):%Y-%m-%d}"
            return Permanent(
                "newer_consent", f"sdate on list {row.list} is of {day}, after the request: decide which holds"
            )
    return None


def in_utc(when: datetime) -> datetime:
    """Return a time that has a time zone; without one it is taken for UTC."""
    return when if when.tzinfo else when.replace(tzinfo=UTC)


def read_time(value: object) -> datetime | None:
    """Return a time, None for null, an empty text and zeros. Raises ValueError for any other form."""
    if value is None or str(value).strip() == "" or str(value).startswith("0000-00-00"):
        return None
    return in_utc(datetime.fromisoformat(str(value)))


def known_time(value: object) -> datetime | None:
    """Return a time, None for whatever is none."""
    try:
        return read_time(value)
    except ValueError:
        return None
