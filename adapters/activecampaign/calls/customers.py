"""The person's rows as a customer of connected shops, which hold an address of their own."""

from __future__ import annotations

from adapters.activecampaign.answers import expect_done, is_absent, read_id
from adapters.activecampaign.calls.asking import Asking
from adapters.activecampaign.calls.listing import Listing, pages, persons
from adapters.contract import Subject
from adapters.errors import Permanent


class Customers:
    """The e-commerce customers of one person, one per connected shop."""

    def __init__(self, asking: Asking, subject: Subject) -> None:
        self._asking = asking
        self._subject = subject

    def find(self, spelling: str) -> list[str]:
        """Return their ids. Raises Permanent `forbidden` for a key or plan without e-commerce, `filter_ignored`."""
        listing = Listing("/ecomCustomers", "ecomCustomers", "e-commerce customer", (("filters[email]", spelling),))
        found: list[str] = []
        try:
            for page in pages(self._asking, listing):
                found += [read_id(row) for row in persons(page.rows, self._subject)]
        except Permanent as error:
            if error.code != "forbidden":
                raise
            remedy = "the key may not read e-commerce customers: grant it, or set ecommerce = false"
            raise Permanent("forbidden", remedy) from None
        self._asking.say("found" if found else "absent")
        return found

    def delete(self, customer: str) -> None:
        """Delete one; gone already is as good."""
        answer = self._asking.ask(
            "DELETE",
            f"/ecomCustomers/{customer}",
            "/ecomCustomers/{id}",
            scope="e-commerce customer",
            accept=lambda a: is_absent(a, ("ecomcustomer", "customer")),
        )
        if answer.status == 200:
            expect_done(answer)
        self._asking.say("deleted")
