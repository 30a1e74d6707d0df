"""The person as a customer of the shops: a side object, which never keeps members from being erased."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from adapters.addresses import is_neighbour, is_person, spellings_of
from adapters.contract import Subject
from adapters.errors import Permanent, Transient
from adapters.http.answer import Answer
from adapters.http.evidence import Trail
from adapters.mailchimp.answers import expect_here, is_absent, read_id, require_right
from adapters.mailchimp.paging import Ask, pages
from adapters.mailchimp.scopes import Scopes
from adapters.mailchimp.setbacks import Setbacks
from adapters.paging import PERSON_PAGES
from adapters.preview import Would

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

_FIELDS = ["customers.id", "customers.email_address", "total_items"]


@dataclass(frozen=True, slots=True)
class Customer:
    """The person as a customer of one store."""

    store: str = field(repr=False)
    id: str = field(repr=False)


class StoreGone(Exception):
    """The customers of a store answer 404."""


class ShopCustomers:
    """The calls about one person as a customer."""

    def __init__(self, client: Client, scopes: Scopes, trail: Trail, subject: Subject, setbacks: Setbacks) -> None:
        self._ecommerce = client.ecommerce
        self._scopes = scopes
        self._trail = trail
        self._subject = subject
        self._setbacks = setbacks

    def named(self, store: str) -> str:
        """Return a store as people are told of it: its id is a text of the shop's."""
        return f"Store {self._subject.label(store)}"

    def find(self, stores: tuple[str, ...] | None = None, *, since: float | None = None) -> list[Customer]:
        """Return the person's customers in these stores, or in all that are proven to exist since then.

        Shops come and go with each reconnect (mailchimp/mc-woocommerce#771): where the customers of one answer 404,
        the stores are listed anew, once. A store that is gone holds nobody; one that is listed and answers 404 even
        then (mailchimp/mc-magento2#467) is kept as a setback.
        """
        found: list[Customer] = []
        with self._setbacks.shop("E-commerce"):
            asked = self._scopes.stores(since) if stores is None else stores
            self._trail.allow(len(asked))
            gone = [store for store in asked if not self._found_in(store, found)]
            if gone:
                listed = self._scopes.stores(time.monotonic())
                new = [store for store in listed if store not in asked] if stores is None else []
                for store in [*(store for store in listed if store in gone), *new]:
                    if not self._found_in(store, found):
                        with self._setbacks.shop(self.named(store)):
                            raise Transient("unreadable", "is listed, and its customers answer 404")
        return found

    def delete(self, customer: Customer) -> None:
        """Delete one customer."""
        answer = self._ecommerce.delete_store_customer(customer.store, customer.id)
        if is_absent(answer):
            self._trail.state("absent")
            return
        expect_here(answer, 204)
        self._trail.state("deleted")

    def _found_in(self, store: str, found: list[Customer]) -> bool:
        """Add the person's customers of one store; say whether the store was there.

        What was found before a listing failed is the person's all the same and can be deleted; where strangers
        answer, the store is left alone.
        """
        here: list[Customer] = []
        with self._setbacks.shop(self.named(store)):
            try:
                for customer in self._read(store):
                    here.append(customer)
            except StoreGone:
                return False
            except Permanent:
                here.clear()
                raise
        found += here
        return True

    def _read(self, store: str) -> Iterator[Customer]:
        for spelling in spellings_of(self._subject):
            held = False
            taken: dict[int, bool] = {}  # hash of an id -> whether it is the person's
            for row in pages(self._ask(store, spelling), "customers", PERSON_PAGES):
                email = row.get("email_address")
                mine = is_person(email, self._subject)
                if taken.setdefault(hash(read_id(row)), mine) is not mine:
                    raise Permanent("filter_ignored", "Mailchimp answered with one id for two customers")
                if mine:
                    held = True
                    yield Customer(store, read_id(row))
                elif not is_neighbour(email, self._subject):
                    raise Permanent("filter_ignored", "Mailchimp answered with other customers than asked for")
            self._trail.state("customer" if held else "absent")

    def _ask(self, store: str, spelling: str) -> Ask:
        def ask(count: int, offset: int) -> Answer:
            answer: Answer = self._ecommerce.get_all_store_customers(
                store, email_address=spelling, count=count, offset=offset, fields=_FIELDS
            )
            if is_absent(answer):
                self._trail.state("gone")
                raise StoreGone
            require_right(answer)
            return answer

        return ask


class PreviewedShopCustomers(ShopCustomers):
    """The same for a preview: a delete is noted."""

    def __init__(
        self, client: Client, scopes: Scopes, trail: Trail, subject: Subject, setbacks: Setbacks, would: Would
    ) -> None:
        super().__init__(client, scopes, trail, subject, setbacks)
        self._would = would

    def delete(self, customer: Customer) -> None:
        """Note the call."""
        store = f"store {self._subject.label(customer.store)}"
        self._would.call("DELETE /ecommerce/stores/{store}/customers/{id}", store)
