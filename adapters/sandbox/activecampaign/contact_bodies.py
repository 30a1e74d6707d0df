"""A contact as ActiveCampaign writes it: the fields of recorded traffic, more or fewer by the call.

Names and types are those of live answers of 2020 and 2021, recorded in the test suites of
mhenrixon/active_campaign and anmol-yousaf/active_campaign_wrapper; no value is.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Any

#: what each contact links to, with the query of the link; `contactAutomations` is the only one that pages
_LINKED = {
    "bounceLogs": "",
    "contactAutomations": "?limit=1000&orders%5Blastdate%5D=DESC",
    "contactData": "",
    "contactGoals": "",
    "contactLists": "",
    "contactLogs": "",
    "contactTags": "",
    "contactDeals": "",
    "deals": "",
    "fieldValues": "",
    "geoIps": "",
    "notes": "",
    "organization": "",
    "plusAppend": "",
    "trackingLogs": "",
    "scoreValues": "",
    "accountContacts": "",
    "automationEntryCounts": "",
}
#: what stands in the fields of a contact of whom nothing else is known
_BLANK: dict[str, Any] = {
    **dict.fromkeys(("orgname", "segmentio_id", "email_local", "email_domain"), ""),
    **dict.fromkeys(("orgid", "bounced_hard", "bounced_soft", "ip", "sentcnt", "gravatar"), "0"),
    **dict.fromkeys(("deleted", "anonymized"), "0"),
    **dict.fromkeys(("bounced_date", "ua", "socialdata_lastcheck", "rating_tstamp", "adate", "edate", "deleted_at")),
    **dict.fromkeys(("created_by", "updated_by", "organization")),
    "email_empty": False,
}
#: what a listing says of its question: the same whether an address filter was used or not (page list-all-contacts)
PAGE_INPUT = {
    "segmentid": 0,
    "formid": 0,
    "listid": 0,
    "tagid": 0,
    "limit": 20,
    "offset": 0,
    "search": None,
    "sort": None,
    "seriesid": 0,
    "waitid": 0,
    "status": -1,
    "forceQuery": 0,
    "cacheid": "0" * 32,
}


def contact_body(contact: dict[str, Any], url: str) -> dict[str, Any]:
    """Return the 36 fields that every answer about a contact has, once it was made."""
    created, updated = contact.get("cdate", contact["udate"]), contact["udate"]
    return {
        **_BLANK,
        "cdate": created,
        "email": contact["email"],
        "phone": contact.get("phone", ""),
        "firstName": contact.get("firstName", "Test"),
        "lastName": contact.get("lastName", "Person"),
        "hash": _hash(contact["id"]),
        "udate": updated,
        # the account's own time in all four, whatever their names say
        "created_utc_timestamp": _without_offset(created),
        "updated_utc_timestamp": _without_offset(updated),
        "created_timestamp": _without_offset(created),
        "updated_timestamp": _without_offset(updated),
        "links": _links(contact["id"], url),
        "id": contact["id"],
    }


def listed_body(contact: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a contact as a listing shows it: 38 fields."""
    return contact_body(contact, url) | {"scoreValues": [], "accountContacts": []}


def single_body(contact: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a contact as the read by id shows it: 43 fields, the ids of its rows among them."""
    return contact_body(contact, url) | {
        "contactAutomations": list(contact["series"]),
        "contactLists": list(contact["rows"]),
        "fieldValues": [],
        "geoIps": [],
        "deals": [],
        "accountContacts": [],
        "sentiment": None,
    }


def created_body(contact: dict[str, Any], url: str) -> dict[str, Any]:
    """Return a contact as the call that makes it shows it: 13 fields, and "" where a read says "0" or null."""
    return {
        "email": contact["email"],
        "phone": contact.get("phone", ""),
        "firstName": contact.get("firstName", ""),
        "lastName": contact.get("lastName", ""),
        "email_empty": False,
        "cdate": contact["cdate"],
        "udate": contact["udate"],
        "orgid": "",
        "orgname": "",
        "links": _links(contact["id"], url),
        "hash": _hash(contact["id"]),
        "id": contact["id"],
        "organization": "",
    }


def _links(contact: str, url: str) -> dict[str, str]:
    start = f"{url}/api/3/contacts/{contact}/"
    return {name: f"{start}{name}{query}" for name, query in _LINKED.items()}


@lru_cache(maxsize=65536)
def _hash(contact: str) -> str:
    return hashlib.md5(contact.encode(), usedforsecurity=False).hexdigest()


def _without_offset(time: str) -> str:
    return time[:19].replace("T", " ")
