"""One person's walk through a Mailchimp account: read everything, hold on newer consent, act, read back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from adapters.addresses import same_address, spellings_of
from adapters.contract import Action, Handle, Outcome, Receipt, Subject
from adapters.errors import Permanent, Transient
from adapters.handles import ids_of
from adapters.http.evidence import Trail
from adapters.mailchimp.answers import (
    PAGE,
    REACHED,
    Member,
    expect,
    is_absent,
    newer_consent,
    pages,
    read_id,
    read_member,
    state_of,
    title_of,
)

if TYPE_CHECKING:
    from adapters.mailchimp.sdk import Client

_MEMBER_FIELDS = ["email_address", "list_id", "status", "timestamp_opt", "timestamp_signup", "last_changed"]
_CUSTOMER_FIELDS = ["customers.id", "customers.email_address", "total_items"]


@dataclass(frozen=True, slots=True)
class Scopes:
    """What the account has, proven to exist: audience id -> name, and store ids; `until` by the monotonic clock."""

    audiences: Mapping[str, str]
    stores: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class _Customer:
    """The person as a customer of one store."""

    store: str
    id: str = field(repr=False)


class MailchimpWalk:
    """One person's walk through the account."""

    def __init__(self, client: Client, scopes: Scopes, trail: Trail, subject: Subject) -> None:
        self._trail = trail
        self._spellings = spellings_of(subject)
        self._lists, self._ecommerce = client.lists, client.ecommerce
        self._scopes = scopes
        self._notes: list[str] = []

    def apply(self, action: Action, received_at: datetime) -> Receipt:
        """Read everything, then change what must be changed."""
        members = [member for audience in self._scopes.audiences for member in self._members(audience)]
        customers = list(self._customers(self._scopes.stores)) if action is Action.DELETE else []
        for member in members:
            consent = newer_consent(member, received_at) if _changes(action, member) else None
            if consent:
                raise consent
        handles = {Handle("audience", member.audience) for member in members}
        handles |= {Handle("store", customer.store) for customer in customers}
        for member in members:
            if action is Action.DELETE:
                self._erase(member)
            else:
                self._unsubscribe(member, action)
        for customer in customers:
            self._delete_customer(customer)
        if action is Action.SUPPRESS:
            held_in = {member.audience for member in members}
            handles |= {self._tombstone(audience) for audience in self._scopes.audiences if audience not in held_in}
        outcome = Outcome.DONE if handles else Outcome.ABSENT
        return Receipt(outcome, self._trail.steps, tuple(self._notes), tuple(sorted(handles)))

    def confirm(self, action: Action, applied: Receipt | None) -> Receipt:
        """Read again, changing nothing. Raises Transient `not_yet` or `suppression_missing`."""
        handles = applied.handles if applied else ()
        forgotten = ids_of("forgotten", handles)
        audiences = ids_of("audience", handles) + forgotten if handles else tuple(self._scopes.audiences)
        stores = ids_of("store", handles) if handles else self._scopes.stores
        members_of = {audience: list(self._members(audience)) for audience in audiences}
        members = [member for held in members_of.values() for member in held]
        if action is Action.DELETE:
            if members or any(self._customers(stores)):
                raise Transient("not_yet", "the person is still there")
        elif any(member.status in REACHED for member in members):
            raise Transient("not_yet", "the person can still be reached")
        elif action is Action.SUPPRESS and not all(members_of[one] for one in set(audiences) - set(forgotten)):
            # nobody there who could be reached: not the same as a person who is back
            raise Transient("suppression_missing", "an audience shows no suppression of the person")
        outcome = applied.outcome if applied else Outcome.DONE if members else Outcome.ABSENT
        return Receipt(outcome, self._trail.steps, handles=handles)

    def opted_in(self) -> datetime | None:
        """Return the newest opt-in or sign-up among the audiences from which mail reaches the person."""
        members = [member for audience in self._scopes.audiences for member in self._members(audience)]
        times = [when for one in members if one.status in REACHED for when in (one.opt_in, one.sign_up) if when]
        return max(times, default=None)

    def _members(self, audience: str) -> Iterator[Member]:
        for spelling in self._spellings:
            key = _key(spelling)
            answer = self._lists.get_list_member(audience, key, fields=_MEMBER_FIELDS)
            if is_absent(answer):
                self._trail.state("absent")
                continue
            member = read_member(answer, audience, key, spelling)
            self._trail.state(member.status)
            yield member

    def _customers(self, stores: tuple[str, ...]) -> Iterator[_Customer]:
        for store in stores:
            for spelling in self._spellings:
                rows = list(self._customer_rows(store, spelling))
                if not all(same_address(row.get("email_address"), spelling) for row in rows):
                    raise Permanent("filter_ignored", "Mailchimp answered with other customers than asked for")
                self._trail.state("customer" if rows else "absent")
                yield from (_Customer(store, read_id(row)) for row in rows)

    def _customer_rows(self, store: str, spelling: str) -> Iterator[Mapping[str, Any]]:
        return pages(
            lambda offset: self._ecommerce.get_all_store_customers(
                store, email_address=spelling, count=PAGE, offset=offset, fields=_CUSTOMER_FIELDS
            ),
            "customers",
        )

    def _erase(self, member: Member) -> None:
        answer = self._lists.delete_list_member_permanent(member.audience, member.key)
        if answer.status == 405:
            raise Transient("rejected", "delete-permanent answered 405: the state is read again")
        if answer.status == 410:
            raise Transient("unknown_state", "delete-permanent answered 410: the state is read again")
        if not is_absent(answer):
            expect(answer, 204)
        self._trail.state("deleted")

    def _unsubscribe(self, member: Member, action: Action) -> None:
        if not _changes(action, member):
            self._notes.append(f"Audience {member.audience}: {member.status}, receives nothing; left as it is.")
            return
        if member.status == "transactional":
            self._notes.append(f"Audience {member.audience}: was transactional, a customer who never opted in.")
        answer = self._lists.update_list_member(
            member.audience, member.key, {"status": "unsubscribed"}, skip_merge_validation=True
        )
        if member.status == "archived" and answer.status in (400, 405):
            # whether an archived contact can be changed is documented nowhere
            self._trail.state("archived")
            self._notes.append(f"Audience {member.audience}: archived, and Mailchimp would not change it.")
        elif is_absent(answer):
            self._trail.state("absent")  # gone since it was read
        else:
            self._trail.state(state_of(answer))

    def _tombstone(self, audience: str) -> Handle:
        """Create the unsubscribed contact where there is none and return the handle by which confirm knows it."""
        address = self._spellings[0]  # the normalised form
        body = {"email_address": address, "status_if_new": "unsubscribed"}
        answer = self._lists.set_list_member(audience, _key(address), body)
        if answer.status == 400 and title_of(answer) == "forgotten email not subscribed":
            self._trail.state("forgotten")
            self._notes.append(f"Audience {audience}: erased for good before, cannot be added again.")
            return Handle("forgotten", audience)
        if answer.status == 400 and title_of(answer) == "member in compliance state":
            self._trail.state("unsubscribed")
            return Handle("forgotten", audience)
        self._trail.state(state_of(answer))
        return Handle("audience", audience)

    def _delete_customer(self, customer: _Customer) -> None:
        answer = self._ecommerce.delete_store_customer(customer.store, customer.id)
        if not is_absent(answer):
            expect(answer, 204)
        self._trail.state("deleted")


def _changes(action: Action, member: Member) -> bool:
    """Say whether the action would change this contact."""
    if action is Action.DELETE:
        return True
    return member.status in REACHED or (action is Action.SUPPRESS and member.status == "archived")


def _key(spelling: str) -> str:
    """Return the key under which Mailchimp keeps an address: the MD5 of its lower-case form. Never logged."""
    return hashlib.md5(spelling.lower().encode(), usedforsecurity=False).hexdigest()
