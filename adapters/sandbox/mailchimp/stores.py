"""The shops of a Mailchimp account, which come and go, and their customers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.mailchimp.bodies import key_of, not_allowed, not_found, not_modelled, problem
from adapters.sandbox.mailchimp.oddities import Oddities
from adapters.sandbox.mailchimp.queries import chosen, page_of
from adapters.sandbox.messages import Reply, Request, as_json

_SINCE = "2020-01-01T00:00:00+00:00"


@dataclass
class Shop:
    """One shop: customer id -> address. A shop that is not `connected` is listed and answers nothing else."""

    customers: dict[str, str] = field(default_factory=dict)
    connected: bool = True


class Stores:
    """Shop id -> shop. Every call is made under the sandbox's lock."""

    def __init__(self, odd: Oddities) -> None:
        self._odd = odd
        self._stores: dict[str, Shop] = {}

    def __delitem__(self, store: str) -> None:
        """Delete a shop: not listed any more, 404 below it. Raises KeyError."""
        del self._stores[store]

    def add(self, email: str, store: str) -> None:
        """Add a customer; the id is the MD5 of the address, as mc-woocommerce makes it."""
        self._stores.setdefault(store, Shop()).customers[key_of(email)] = email

    def connect(self, store: str) -> None:
        """Let a shop answer, a new one where there is none."""
        self._stores.setdefault(store, Shop()).connected = True

    def disconnect(self, store: str) -> None:
        """Let everything below a shop answer 404 while it is still listed. Raises KeyError."""
        self._stores[store].connected = False

    def customers(self) -> list[str]:
        """Return the addresses of the customers of all stores."""
        return [email for store in self._stores.values() for email in store.customers.values()]

    def answer(self, request: Request, parts: list[str], audience: str) -> Reply:
        """Answer a call below `ecommerce/stores`; stores are shown as those of this audience. Raises RefusedCall."""
        if self._odd.stores_forbidden:
            return problem(403, "Forbidden", "You don't have permission to access the requested resource.")
        if not parts:
            return self._page(request, audience)
        store = self._stores.get(parts[0])
        if store is None or not store.connected:
            return not_found()
        if len(parts) == 1:
            return self._store(request, parts[0], audience)
        if parts[1] != "customers" or len(parts) > 3:
            return not_modelled("this part of a shop")
        if len(parts) == 2:
            return self._customers_page(request, parts[0], store)
        return _customer(request, parts[2], store)

    def _page(self, request: Request, audience: str) -> Reply:
        if request.method != "GET":
            return not_modelled("making a shop")
        rows, total = page_of([_store_body(name, audience) for name in self._stores], request, self._odd)
        return as_json(200, chosen({"stores": rows, "total_items": total}, request))

    def _store(self, request: Request, name: str, audience: str) -> Reply:
        if request.method == "GET":
            return as_json(200, chosen(_store_body(name, audience), request))
        if request.method == "DELETE":
            del self._stores[name]
            return as_json(200, {})
        return not_modelled("changing a shop")

    def _customers_page(self, request: Request, name: str, store: Shop) -> Reply:
        if request.method != "GET":
            return not_modelled("adding a customer")
        wanted = request.query.get("email_address")
        found = [
            _customer_body(key, email)
            for key, email in store.customers.items()
            if wanted is None or self._odd.customer_fits(email, wanted)
        ]
        rows, total = page_of(found, request, self._odd)
        return as_json(200, chosen({"store_id": name, "customers": rows, "total_items": total}, request))


def _customer(request: Request, key: str, store: Shop) -> Reply:
    if key not in store.customers:
        return not_found()
    if request.method == "GET":
        return as_json(200, chosen(_customer_body(key, store.customers[key]), request))
    if request.method == "DELETE":
        del store.customers[key]
        return Reply(204)
    return not_modelled("changing a customer") if request.method in ("PUT", "PATCH") else not_allowed("GET, DELETE")


def _store_body(name: str, audience: str) -> dict[str, Any]:
    return {
        "id": name,
        "list_id": audience,
        "name": name,
        "platform": "woocommerce",
        "domain": "shop.test",
        "is_syncing": False,
        "email_address": "owner@sandbox.test",
        "currency_code": "EUR",
        "list_is_active": True,
        "created_at": _SINCE,
        "updated_at": _SINCE,
    }


def _customer_body(key: str, email: str) -> dict[str, Any]:
    return {
        "id": key,
        "email_address": email,
        "opt_in_status": False,
        "company": "",
        "first_name": "",
        "last_name": "",
        "orders_count": 0,
        "total_spent": 0.0,
        "created_at": _SINCE,
        "updated_at": _SINCE,
    }
