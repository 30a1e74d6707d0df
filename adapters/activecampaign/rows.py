"""What ActiveCampaign holds of a person: contacts, the lists they are on, and since when."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters.consent import credible
from adapters.contract import Subject
from adapters.errors import Permanent
from adapters.values import in_utc, numeric_id, utc

#: a row of a list: "0" unconfirmed, "1" active; an old opt-in mail can still activate a "0"
REACHED = frozenset({"0", "1"})
UNCONFIRMED = frozenset({"0"})
#: "2" unsubscribed, "3" bounced, "91" removed by the old API's contact_edit (help article 360021838379)
LEFT = frozenset({"2", "3", "91"})


@dataclass(frozen=True, slots=True)
class ListRow:
    """The contact on one list: its id, "" where the answer tells none; `since` (UTC) is None where no time is given."""

    list: str
    status: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact of the person. `rows` is None where the answer did not bring them.

    `spelling` is the address as ActiveCampaign holds it, in lower case; `created` (UTC) is None where that is not told.
    """

    id: str
    spelling: str = field(repr=False)
    created: datetime | None = None
    rows: tuple[ListRow, ...] | None = None


def read_row(row: Mapping[str, Any]) -> ListRow:
    """Return a list row.

    Raises Permanent `unknown_state` for a time that tells nothing where a consent may hide in it.
    """
    status, told = read_status(row), row.get("sdate")
    since = known_time(told) if status in LEFT | UNCONFIRMED else read_time(told)
    return ListRow(numeric_id(row.get("list")), status, since)


def read_status(row: Mapping[str, Any]) -> str:
    """Return the status of a row, a number written as one or as a text; "?" for anything else."""
    return numeric_id(row.get("status")) or "?"


def is_stranger(row: Mapping[str, Any], contacts: Collection[str]) -> bool:
    """Say whether a row is of none of these contacts."""
    return numeric_id(row.get("contact")) not in contacts


def opted_in(contacts: Iterable[Contact], subject: Subject) -> tuple[ListRow, datetime] | None:
    """Return the newest subscription (UTC) that somebody confirmed, with its row, None where there is none.

    Status "1" only, or one that is unknown: a row of status "0" waits for its confirmation, so anybody may have typed
    the address into a form. What `sdate` stands for is written nowhere; a missing one is no evidence.
    """
    rows = [row for contact in contacts for row in contact.rows or () if row.status not in LEFT | UNCONFIRMED]
    times = [(row, when) for row in rows if (when := credible(row.since, subject))]
    return max(times, key=lambda one: one[1], default=None)


def newer_consent(contacts: Iterable[Contact], subject: Subject, received_at: datetime) -> Permanent | None:
    """Return the reason to hold: a confirmed subscription after the person asked."""
    consent = opted_in(contacts, subject)
    if consent is None or consent[1] <= in_utc(received_at):
        return None
    where, day = f"list {consent[0].list or '?'}", f"{consent[1]:%Y-%m-%d}"
    return Permanent("newer_consent", f"sdate on {where} is of {day}, after the request: decide which holds")


def read_time(value: object) -> datetime | None:
    """Return a time in UTC, None for null, an empty text and zeros. Raises Permanent `unknown_state` for the rest."""
    if value is None or (isinstance(value, str) and (not value.strip() or value.startswith("0000-00-00"))):
        return None
    return utc(value)


def known_time(value: object) -> datetime | None:
    """Return a time in UTC, None for whatever is none."""
    try:
        return read_time(value)
    except Permanent:
        return None
