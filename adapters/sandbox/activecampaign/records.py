"""The calls on lists and on the customers of connected shops."""

from __future__ import annotations

from typing import Any

from adapters.sandbox.activecampaign.bodies import answer, missing, not_modelled, page_of
from adapters.sandbox.activecampaign.exclusions import ExclusionCalls
from adapters.sandbox.activecampaign.holdings import LONG_AGO
from adapters.sandbox.matching import matcher
from adapters.sandbox.messages import Reply, Request

_NO_TEXT = (
    "analytics_source", "analytics_ua", "twitter_token", "twitter_token_secret", "sender_name", "sender_addr1",
    "sender_addr2", "sender_city", "sender_state", "sender_zip", "sender_country", "sender_phone",
)  # fmt: skip
_OFF = (
    "userid", "p_use_analytics_read", "p_use_analytics_link", "p_use_twitter", "p_use_facebook", "send_last_broadcast",
    "private", "require_name", "get_unsubscribe_reason", "optinmessageid", "optoutconf",
)  # fmt: skip
_NULL = (
    "analytics_domains", "facebook_session", "carboncopy", "subscription_notify", "unsubscription_notify",
    "fulladdress", "deletestamp", "created_by", "updated_by", "user",
)  # fmt: skip


class RecordCalls(ExclusionCalls):
    """The calls on /lists, with its exclusions, and on /ecomCustomers."""

    def _lists(self, request: Request, parts: list[str]) -> Reply:
        if parts[:1] == ["exclusions"]:
            return self._exclusion_calls(request, parts[1:])
        if request.method != "GET" or len(parts) > 1 or any(key.startswith("filters[") for key in request.query):
            return not_modelled(request)
        names = self._lists_used | {row["list"] for one in self._contacts.values() for row in one["rows"].values()}
        if not parts:
            rows = [self._list_body(name) for name in sorted(names)]
            return answer(200, {"lists": page_of(rows, request), "meta": {"total": str(len(rows))}})
        if parts[0] not in names:
            return missing("_List", parts[0])  # so spelt on the page retrieve-a-list
        return answer(200, {"list": self._list_body(parts[0])})

    def _list_body(self, name: str) -> dict[str, Any]:
        """Return a list with the fields of recorded traffic."""
        start = f"{self.url}/api/3/lists/{name}"
        return {
            **dict.fromkeys(_NO_TEXT, ""),
            **dict.fromkeys(_OFF, "0"),
            **dict.fromkeys(_NULL),
            **dict.fromkeys(("p_use_tracking", "p_embed_image", "p_use_captcha", "optinoptout"), "1"),
            **dict.fromkeys(("cdate", "udate"), LONG_AGO),
            **dict.fromkeys(("created_timestamp", "updated_timestamp"), LONG_AGO[:19].replace("T", " ")),
            "stringid": f"list-{name}",
            "name": f"List {name}",
            "to_name": "Subscriber",
            "sender_url": "https://sandbox.test",
            "sender_reminder": "You signed up on our site.",
            "links": {kind: f"{start}/{kind}" for kind in ("contactGoalLists", "user", "addressLists")},
            "id": name,
        }

    def _ecom_customers(self, request: Request, parts: list[str]) -> Reply:
        if len(parts) > 1 or request.method not in (("GET", "DELETE") if parts else ("GET",)):
            return not_modelled(request)
        if not parts:
            return self._list_customers(request)
        row = self._customers.get(parts[0])
        if row is None:
            return missing("EcomCustomer", parts[0])
        if request.method == "GET":
            return answer(200, {"ecomCustomer": _customer_body(row)})
        del self._customers[parts[0]]
        return answer(200, {})

    def _list_customers(self, request: Request) -> Reply:
        rows = list(self._customers.values())
        # how the filter compares is documented nowhere; taken as for contacts
        if (wanted := request.query.get("filters[email]")) is not None:
            fits = matcher(self.collation, wanted)
            rows = [row for row in rows if fits(row["email"])]
        for name in ("connectionid", "externalid"):
            if (value := request.query.get(f"filters[{name}]")) is not None:
                rows = [row for row in rows if row[name] == value]
        page = [_customer_body(row) for row in page_of(rows, request)]
        return answer(200, {"ecomCustomers": page, "meta": {"total": str(len(rows))}})


def _customer_body(row: dict[str, Any]) -> dict[str, Any]:
    """Return a shop's customer (page list-all-customers)."""
    return {
        "connectionid": row["connectionid"],
        "externalid": row["externalid"],
        "email": row["email"],
        "totalRevenue": "0",
        "totalOrders": "0",
        "totalProducts": "0",
        "avgRevenuePerOrder": "0",
        "avgProductCategory": "Books",
        "tstamp": LONG_AGO,
        "id": row["id"],
        "connection": row["connectionid"],
    }
