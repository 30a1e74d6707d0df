"""The shops of a Mailchimp account and their customers."""

from __future__ import annotations

from adapters.sandbox.mailchimp.bodies import chosen, key_of, not_found, page_of
from adapters.sandbox.messages import Reply, Request, as_json


class Stores:
    """Store id -> customer id -> address. Every call is made under the sandbox's lock."""

    def __init__(self) -> None:
        self._stores: dict[str, dict[str, str]] = {}

    def add(self, email: str, store: str) -> None:
        """Add a customer; the id is the MD5 of the address, as mc-woocommerce makes it."""
        self._stores.setdefault(store, {})[key_of(email)] = email

    def customers(self) -> list[str]:
        """Return the addresses of the customers of all stores."""
        return [email for customers in self._stores.values() for email in customers.values()]

    def answer(self, request: Request, parts: list[str], audience: str) -> Reply:
        """Answer a call below `ecommerce/stores`; stores are shown as those of this audience."""
        if len(parts) == 0:
            stores = [{"id": name, "name": name, "list_id": audience} for name in self._stores]
            return as_json(200, chosen({"stores": page_of(stores, request), "total_items": len(stores)}, request))
        customers = self._stores.get(parts[0])
        if customers is None or len(parts) < 2 or parts[1] != "customers":
            return not_found()
        if len(parts) == 2:
            wanted = request.query.get("email_address")
            rows = [
                {"id": key, "email_address": email, "opt_in_status": False, "total_spent": 0.0}
                for key, email in customers.items()
                if wanted is None or email.lower() == wanted.lower()
            ]
            return as_json(200, chosen({"customers": page_of(rows, request), "total_items": len(rows)}, request))
        if parts[2] not in customers:
            return not_found()
        if request.method == "DELETE":
            del customers[parts[2]]
            return Reply(204)
        return as_json(200, {"id": parts[2], "email_address": customers[parts[2]]})
