"""What an ActiveCampaign account holds, and how tests fill it, look at it and switch its oddities."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from adapters.sandbox.server import Sandbox

#: the account's offset, as in the vendor's examples; summer time is left out
ZONE = timezone(timedelta(hours=-5))
LONG_AGO = "2020-01-01T00:00:00-05:00"


class AccountHoldings(Sandbox):
    """Contacts, their list rows and automations, the archive, exclusions, shop customers.

    Switches, each with the account as documented for its default:

    - `ignore_filter`: `email=` answers everybody (PipedreamHQ/pipedream#4612)
    - `collation`: how `email=` compares: "exact" but for letter case, "utf8mb4_unicode_ci", "contains"; also for shop
      customers, in part for exclusions and, but for "contains", for the archive
    - `archive_search`: "exact"; "contains" (page restore-all-archived-contacts); "blind", which finds nobody;
      "ignored", which answers everybody
    - `archive_lag`: how many searches for a contact come back without it after it was archived
    - `archive_absent`: how an account without an archive answers 404: "route", "html", "object", "empty",
      "no_result"; None for an account that has one
    - `archive_envelope`: the key around the archive's rows; nobody has seen one
    - `archive_ids`: "same" as the contact's, or "own", which then are other contacts' ids
    - `row_paging` of a contact's list and automation rows: "ignored" (all rows, whatever is asked), "honoured"
      without `meta`, "counted" with it, "repeated" (the first page again and again)
    - `comes_back_after_delete`: a shop or a form makes the contact anew before anybody can look
    - `allowance`: deletions left; None for any number
    - `goodbye_automation`: one that an unsubscription starts
    - `clock`: what says what time it is
    """

    def __init__(self, *, admin: bool, latency: float, jitter: float, port: int) -> None:
        super().__init__(latency=latency, jitter=jitter, port=port)
        self.admin = admin
        self.clock: Callable[[], datetime] = lambda: datetime.now(UTC)
        self.ignore_filter = False
        self.collation = "exact"
        self.archive_search = "exact"
        self.archive_lag: float = 0
        self.archive_absent: str | None = None
        self.archive_envelope = "contactArchives"
        self.archive_ids = "same"
        self.row_paging = "ignored"
        self.comes_back_after_delete = False
        self.allowance: int | None = None
        self.goodbye_automation: str | None = None
        self._ids = itertools.count(1)
        self._archive_numbers = itertools.count(1)
        self._contacts: dict[str, dict[str, Any]] = {}
        self._archive: dict[str, dict[str, Any]] = {}
        self._exclusions: list[dict[str, Any]] = []
        self._customers: dict[str, dict[str, Any]] = {}
        self._lists_used: set[str] = set()
        self._before: dict[str, dict[str, Any]] = {}

    def now(self) -> str:
        """Return the time as the account writes it: to the second, with its offset."""
        return self.clock().astimezone(ZONE).isoformat(timespec="seconds")

    # -- contacts -------------------------------------------------------------------------------------------

    def add(
        self,
        email: str,
        lists: Mapping[str, int] | None = None,
        automations: Sequence[str] = ("7",),
        sdate: str | None = LONG_AGO,
        udate: str = LONG_AGO,
    ) -> str:
        """Seed a contact on lists (list -> status) and in automations; return its id."""
        with self.lock:
            contact = str(next(self._ids))
            wanted = {"1": 1, "2": 1} if lists is None else lists
            self._lists_used |= set(wanted)
            self._contacts[contact] = {
                "id": contact,
                "email": email,
                "cdate": udate,
                "udate": udate,
                "rows": {
                    str(next(self._ids)): {"list": name, "status": str(status), "sdate": sdate}
                    for name, status in wanted.items()
                },
                "series": {str(next(self._ids)): {"automation": name, "status": "1"} for name in automations},
            }
            return contact

    def subscribe(self, email: str, list_id: str, sdate: str | None = None) -> None:
        """Put a live contact on a list, again or anew, as another tool would.

        The contact's `udate` stays: a recorded subscription left it alone, and Automattic/newspack-newsletters calls
        the filter by it unreliable for that reason. `sdate` is now unless given. Raises LookupError.
        """
        with self.lock:
            contact = next((c for c in self._contacts.values() if c["email"].lower() == email.lower()), None)
            if contact is None:
                raise LookupError("no live contact has this address: add it first")
            self._set_row(contact, str(list_id), "1")[1]["sdate"] = sdate or self.now()

    def _set_row(self, contact: dict[str, Any], name: str, status: str) -> tuple[str, dict[str, Any], bool]:
        """Set the contact's row of a list, make it where there is none; return its id, itself, whether it is new."""
        held = next(((key, row) for key, row in contact["rows"].items() if row["list"] == name), None)
        key, row = held or (str(next(self._ids)), {"list": name, "sdate": None})
        row["status"] = status
        contact["rows"][key] = row
        self._lists_used.add(name)
        return key, row, held is None

    def archive(self, email: str) -> None:
        """Put a person into the contact archive, as a deletion by hand would; one not held is added first."""
        with self.lock:
            held = next((c for c in self._contacts.values() if c["email"].lower() == email.lower()), None)
            self._put_away((held or self._contacts[self.add(email)])["id"])

    def _put_away(self, name: str) -> None:
        """Move a live contact to the archive."""
        contact = self._contacts.pop(name)
        number = name if self.archive_ids == "same" else str(next(self._archive_numbers))
        self._archive[number] = contact | {"archive_id": number, "deleted_at": self.now(), "missed": 0}

    def contacts(self) -> list[dict[str, Any]]:
        """Return all live contacts."""
        with self.lock:
            return [_snapshot(contact) for contact in self._contacts.values()]

    def archived(self) -> list[dict[str, Any]]:
        """Return everybody in the archive, under the archive's ids."""
        with self.lock:
            return [_snapshot(contact) | {"id": number} for number, contact in self._archive.items()]

    def contact(self, email: str) -> dict[str, Any] | None:
        """Return the live contact of an address, or None."""
        return next((c for c in self.contacts() if c["email"].lower() == email.lower()), None)

    # -- beside them ----------------------------------------------------------------------------------------

    def add_exclusion(self, phrase: str, match: str = "exact", channel: str = "all", lists: Sequence[str] = ()) -> str:
        """Seed an exclusion; return its id."""
        with self.lock:
            row = {
                "id": str(next(self._ids)),
                "matchPhrase": phrase,
                "matchType": match,
                "channel": channel,
                "hidden": False,
                "lists": list(lists),
            }
            self._exclusions.append(row)
            return str(row["id"])

    def exclusions(self) -> list[dict[str, Any]]:
        """Return all exclusions."""
        with self.lock:
            return copy.deepcopy(self._exclusions)

    def add_customer(self, email: str, connection: str = "1") -> str:
        """Seed an e-commerce customer row; return its id."""
        with self.lock:
            row = {"id": str(next(self._ids)), "connectionid": connection, "externalid": "1", "email": email}
            self._customers[row["id"]] = row
            return row["id"]

    def customers(self) -> list[str]:
        """Return the addresses of all customer rows."""
        with self.lock:
            return [row["email"] for row in self._customers.values()]


def _snapshot(contact: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": contact["id"],
        "email": contact["email"],
        "lists": {row["list"]: row["status"] for row in contact["rows"].values()},
        "automations": {row["automation"]: row["status"] for row in contact["series"].values()},
    }
