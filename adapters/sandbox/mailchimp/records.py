"""Members, audiences and the account as whole objects: every key that was recorded, and links to their size."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from adapters.sandbox.mailchimp.bodies import key_of, now

_API = "https://us1.api.mailchimp.com/3.0"
_SCHEMA = "https://us1.api.mailchimp.com/schema/3.0/Definitions"
#: rel, method, what stands behind the object's own address, and schema of the body that the link takes
_MEMBER_LINKS = (
    ("self", "GET", "", ""),
    ("update", "PATCH", "", "Lists/Members/PATCH.json"),
    ("upsert", "PUT", "", "Lists/Members/PUT.json"),
    ("delete", "DELETE", "", ""),
    ("activity", "GET", "/activity", ""),
    ("goals", "GET", "/goals", ""),
    ("notes", "GET", "/notes", ""),
    ("events", "POST", "/events", "Lists/Members/Events/POST.json"),
    ("delete_permanent", "POST", "/actions/delete-permanent", ""),
)
_AUDIENCE_LINKS = (
    ("self", "GET", "", ""),
    ("update", "PATCH", "", "Lists/PATCH.json"),
    ("batch-sub-unsub-members", "POST", "", "Lists/BatchPOST.json"),
    ("delete", "DELETE", "", ""),
    *(
        (name, "GET", f"/{name}", f"Lists/{name.title()}/CollectionResponse.json")
        for name in (
            *("abuse-reports", "activity", "clients", "growth-history", "interest-categories", "members"),
            *("merge-fields", "segments", "webhooks", "signup-forms", "locations", "tag-search", "surveys"),
        )
    ),
)
BY_ADMIN = "N/A (Unsubscribed by admin)"  # 25 of 25 unsubscribed by API (grouparoo)
_BY_PERSON = "None given"
_NO_MERGE_FIELDS = {"FNAME": "", "LNAME": "", "ADDRESS": "", "PHONE": ""}
_NOWHERE = {"latitude": 0, "longitude": 0, "gmtoff": 0, "dstoff": 0, "country_code": "", "timezone": "", "region": ""}
_NEVER_READ = {"avg_open_rate": 0, "avg_click_rate": 0}


_MEMBER = {
    "email_type": "html",
    "consents_to_one_to_one_messaging": True,
    "sms_phone_number": "",
    "sms_subscription_status": "nonsubscribed",
    "sms_subscription_last_updated": "",
    "interests": {},
    "stats": _NEVER_READ,
    "ip_signup": "",
    "timestamp_signup": "",
    "ip_opt": "203.0.113.7",
    "member_rating": 2,
    "language": "",
    "vip": False,
    "email_client": "",
    "location": _NOWHERE,
    "source": "API - Generic",
    "tags_count": 0,
    "tags": [],
}


def member_body(email: str, audience: str, status: str, timestamp_opt: str) -> dict[str, Any]:
    """Return a new member as the account holds it; what only the sandbox knows starts with an underscore."""
    key = key_of(email)
    return {
        **_MEMBER,
        "id": key,
        "email_address": email,
        "unique_email_id": key[:10],
        "contact_id": key_of(f"contact:{audience}:{email}"),
        "full_name": "",
        "web_id": int(key[:7], 16),
        "status": status,
        "merge_fields": _NO_MERGE_FIELDS,
        "timestamp_opt": timestamp_opt,
        "last_changed": timestamp_opt,
        "list_id": audience,
        "_by_person": False,
    }


def fill(member: dict[str, Any], merge_fields: Mapping[str, Any]) -> None:
    """Set merge fields and the full name that Mailchimp makes of two of them."""
    member["merge_fields"] = {**member["merge_fields"], **merge_fields}
    names = (member["merge_fields"].get(tag) for tag in ("FNAME", "LNAME"))
    member["full_name"] = " ".join(str(name) for name in names if name)


def tag(member: dict[str, Any], names: Collection[str]) -> None:
    """Give a member exactly these tags."""
    member["tags"] = [{"id": int(key_of(name)[:6], 16), "name": name} for name in dict.fromkeys(map(str, names))]
    member["tags_count"] = len(member["tags"])


def give_sms(member: dict[str, Any], status: str) -> None:
    """Set the status of the member's SMS subscription, with a number that nobody has."""
    member["sms_phone_number"] = "+12025550123"
    member["sms_subscription_status"] = status
    member["sms_subscription_last_updated"] = now()


def shown(member: Mapping[str, Any], full: bool = False) -> dict[str, Any]:
    """Return a member as it is answered; whole ones weigh 3 to 4 KB with their links (recorded)."""
    body = {key: value for key, value in member.items() if not key.startswith("_")}
    if member["status"] == "unsubscribed":
        # an archived contact hides it (MailChimp.Net#529)
        body["unsubscribe_reason"] = _BY_PERSON if member.get("_by_person") else BY_ADMIN
    if full:
        body["_links"] = _links(f"{_API}/lists/{member['list_id']}/members/{member['id']}", "Members", _MEMBER_LINKS)
    return body


def _links(address: str, schema: str, links: tuple[tuple[str, str, str, str], ...]) -> list[dict[str, str]]:
    return [
        {
            "rel": rel,
            "href": address + tail,
            "method": method,
            "targetSchema": f"{_SCHEMA}/Lists/{schema}/Response.json",
            **({"schema": f"{_SCHEMA}/{body}"} if body else {}),
        }
        for rel, method, tail, body in links
    ]


def audience_body(name: str, people: Collection[Mapping[str, Any]], full: bool = True) -> dict[str, Any]:
    """Return an audience as the account lists it; whole ones weigh 5 to 6 KB with their links (recorded)."""
    body = {"id": name, "web_id": int(key_of(name)[:6], 16), "name": f"Audience {name}"}
    if not full:
        return {**_AUDIENCE, **body, "stats": {"member_count": len(people)}}
    held = [str(member["status"]) for member in people]
    return {
        **_AUDIENCE,
        **body,
        "subscribe_url_short": f"http://eepurl.test/{name}",
        "subscribe_url_long": f"https://lists.test/subscribe?id={name}",
        "beamer_address": f"{name}@inbound.lists.test",
        "stats": {
            **_STATS,
            "member_count": held.count("subscribed"),
            "unsubscribe_count": held.count("unsubscribed"),
            "cleaned_count": held.count("cleaned"),
        },
        "_links": _links(f"{_API}/lists/{name}", "", _AUDIENCE_LINKS),
    }


_STATS = {
    "member_count_since_send": 0,
    "unsubscribe_count_since_send": 0,
    "cleaned_count_since_send": 0,
    "campaign_count": 0,
    "campaign_last_sent": "",
    "merge_field_count": 4,
    "avg_sub_rate": 0,
    "avg_unsub_rate": 0,
    "target_sub_rate": 0,
    "open_rate": 0,
    "click_rate": 0,
    "last_sub_date": "",
    "last_unsub_date": "",
}
_AUDIENCE = {
    "contact": {
        "company": "Sandbox",
        "address1": "1 Any Street",
        "address2": "",
        "city": "Anytown",
        "state": "",
        "zip": "00000",
        "country": "GB",
        "phone": "",
    },
    "permission_reminder": "You signed up on our site.",
    "use_archive_bar": True,
    "campaign_defaults": {
        "from_name": "Sandbox",
        "from_email": "owner@sandbox.test",
        "subject": "",
        "language": "en",
    },
    "notify_on_subscribe": "",
    "notify_on_unsubscribe": "",
    "date_created": "2020-01-01T00:00:00+00:00",
    "list_rating": 0,
    "email_type_option": False,
    "double_optin": False,
    "has_welcome": False,
    "marketing_permissions": False,
    "visibility": "prv",
    "modules": [],
}


def account_body(subscribers: int) -> dict[str, Any]:
    """Return the account."""
    return {
        "account_id": "sandbox",
        "login_id": "sandbox",
        "account_name": "Sandbox",
        "email": "owner@sandbox.test",
        "first_name": "Sandbox",
        "last_name": "Owner",
        "username": "sandbox",
        "avatar_url": "",
        "role": "owner",
        "member_since": "2020-01-01T00:00:00+00:00",
        "pricing_plan_type": "monthly",
        "first_payment": "2020-01-01T00:00:00+00:00",
        "account_timezone": "UTC",
        "account_industry": "",
        "contact": {
            "company": "Sandbox",
            "addr1": "1 Any Street",
            "addr2": "",
            "city": "Anytown",
            "state": "",
            "zip": "00000",
            "country": "GB",
        },
        "pro_enabled": False,
        "last_login": "2020-01-01T00:00:00+00:00",
        "total_subscribers": subscribers,
    }
