"""One Mailchimp account, all its audiences and stores."""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from adapters.answer import Answer
from adapters.contract import Action, Adapter, Check, Limits, Outcome, Receipt, SettingsError, Subject
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.mailchimp_answers import (
    REACHED,
    Member,
    expect,
    is_absent,
    newer_consent,
    read_id,
    read_member,
    same_address,
    state_of,
    title_of,
)
from adapters.mailchimp_sdk import LIST_ID, Client
from adapters.transport import Trail, Transport, check_api_key, check_base_url, check_flag, evidence

_MEMBER_FIELDS = ["email_address", "list_id", "status", "timestamp_opt", "timestamp_signup", "last_changed"]
_CUSTOMER_FIELDS = ["customers.id", "customers.email_address", "total_items"]
_PAGE = 500
#: how long audiences and stores, once proven to exist, count as proven, in seconds
_PROOF_LASTS = 60.0


@dataclass(frozen=True, slots=True)
class _Scopes:
    """What the account has, as proven a moment ago: audience id -> name, and the ids of its stores."""

    audiences: Mapping[str, str]
    stores: tuple[str, ...]
    until: float


@dataclass(frozen=True, slots=True)
class _Customer:
    """The person as a customer of one store."""

    store: str
    id: str = field(repr=False)


class Mailchimp(Adapter):
    """One account. Only `delete-permanent` erases: a plain DELETE archives and keeps all data (documented).

    Calls, per spelling of the address (nearly always one), with A audiences and S stores (0 with
    `ecommerce = false`), F of them holding the person:

    | action      | apply                                  | confirm after it | confirm alone |
    | ----------- | -------------------------------------- | ---------------- | ------------- |
    | delete      | A + S reads, F writes                  | F reads          | A + S reads   |
    | unsubscribe | A reads, a PATCH per audience reached  | F reads          | A reads       |
    | suppress    | as unsubscribe, a PUT where absent     | A reads          | A reads       |

    To these come at most once a minute the proof that audiences and stores exist: one call per 500 of them, or one
    per configured audience. One audience, no store, a subscriber: an erasure is 3 calls, GET POST GET.

    Suppression has a blind spot. An address erased for good cannot be added again, not even as a tombstone: the PUT
    answers 400 "Forgotten Email Not Subscribed", which is the strongest suppression there is. But a read cannot tell
    it from an address never seen, both are 404. So `apply` marks such an audience in the receipt's handles, and the
    confirm right after it accepts the absence there; a confirm alone, which may change nothing, answers `not_yet`,
    and the next apply finds the 400 again.
    """

    name: ClassVar[str] = "mailchimp"
    actions: ClassVar[frozenset[Action]] = frozenset(Action)
    options: ClassVar[Mapping[str, str]] = {
        "audiences": 'the audiences to work on: "all" (default) or a list of audience ids',
        "max_connections": "calls at one time, 1 to 10 (default 8); Mailchimp allows 10 per user, over all apps",
        "base_url": "address of the API; default: from the data centre at the end of the API key",
        "ecommerce": "whether an erasure also deletes the person's e-commerce customers (default true)",
    }

    def __init__(
        self, transport: Transport, *, audiences: tuple[str, ...] | None, ecommerce: bool, connections: int
    ) -> None:
        self._transport = transport
        self._audiences = audiences
        self._ecommerce = ecommerce
        self._connections = connections
        self._proof: _Scopes | None = None
        self._proving = threading.Lock()

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Mailchimp:
        """Build one from its settings. Raises SettingsError."""
        key = check_api_key(api_key)
        connections = options.get("max_connections", 8)
        if isinstance(connections, bool) or not isinstance(connections, int) or not 1 <= connections <= 10:
            raise SettingsError("max_connections", "max_connections must be a whole number from 1 to 10")
        credentials = base64.b64encode(f"syncer:{key}".encode()).decode()
        return cls(
            Transport(
                _base_url(options.get("base_url"), key),
                headers={"Authorization": f"Basic {credentials}"},
                connections=connections,
                learn_gap=True,
            ),
            audiences=_audience_ids(options.get("audiences", "all")),
            ecommerce=check_flag(options, "ecommerce", True),
            connections=connections,
        )

    @property
    def limits(self) -> Limits:
        """As many senders as connections."""
        return Limits(senders=self._connections)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        """Find the person in every audience (and store), hold on newer consent, then act. Raises AdapterError."""
        with evidence() as trail:
            return _Walk(self, trail, subject).apply(action, received_at)

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        """Read the person again where the apply found them, or everywhere. Raises AdapterError."""
        with evidence() as trail:
            return _Walk(self, trail, subject).confirm(action, applied)

    def ping(self) -> None:
        """Make Mailchimp's own test call, which needs a valid key. Raises AdapterError."""
        with evidence() as trail:
            answer = self.client(trail).pings.get()
            if expect(answer, 200, "health_status")["health_status"] != "Everything's Chimpy!":
                raise Transient("unreadable", "the test call did not answer as documented")

    def check(self) -> list[Check]:
        """Show account, audiences and stores for a human eye."""
        return [
            _check("key", self._account_name, "check the API key, and that it belongs to this account"),
            _check("audiences", self._audience_names, "correct `audiences`, or give the key's user access to them"),
            *(
                [_check("e-commerce", self._store_count, "grant it to the key's user, or set ecommerce = false")]
                if self._ecommerce
                else []
            ),
        ]

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def client(self, trail: Trail) -> Client:
        """Give the SDK with every call leaving its step on this trail."""

        def send(
            method: str, path: str, template: str, scope: str, query: list[tuple[str, str]], body: Any
        ) -> Answer:
            return self._transport.call(
                trail, method, path, scope=scope, template=template, params=query, body=body
            )

        return Client(send)

    def scopes(self, trail: Trail) -> _Scopes:
        """Give audiences and stores, proven to exist within the last minute: only then does a 404 prove absence."""
        with self._proving:
            if self._proof is None or self._proof.until < time.monotonic():
                self._proof = None
                until = time.monotonic() + _PROOF_LASTS
                self._proof = _Scopes(self._prove_audiences(trail), self._find_stores(trail), until)
            return self._proof

    def _prove_audiences(self, trail: Trail) -> dict[str, str]:
        lists = self.client(trail).lists
        if self._audiences is None:
            fields = ["lists.id", "lists.name", "total_items"]
            rows = _pages(lambda offset: lists.get_all_lists(count=_PAGE, offset=offset, fields=fields), "lists")
        else:
            rows = (
                expect(lists.get_list(audience, fields=["id", "name"]), 200, "id") for audience in self._audiences
            )
        found = {read_id(row): str(row.get("name", "")) for row in rows}
        if not found:
            raise Misconfigured("wrong_address", "the account has no audience: is it the right one?")
        if self._audiences is not None and set(found) != set(self._audiences):
            raise Transient("unreadable", "Mailchimp answered with another audience than asked for")
        if not all(LIST_ID.fullmatch(audience) for audience in found):
            raise Permanent("unknown_state", "an audience id of a form unknown to this version")
        return found

    def _find_stores(self, trail: Trail) -> tuple[str, ...]:
        if not self._ecommerce:
            return ()
        ecommerce = self.client(trail).ecommerce
        fields = ["stores.id", "total_items"]
        return tuple(
            read_id(row)
            for row in _pages(lambda offset: ecommerce.stores(count=_PAGE, offset=offset, fields=fields), "stores")
        )

    def _account_name(self) -> str:
        # asked for nothing but the name: the rest of this answer is the owner's personal data
        answer = self.client(Trail()).root.get_root(fields=["account_name"])
        return f"account {expect(answer, 200, 'account_name')['account_name']}"

    def _audience_names(self) -> str:
        names = self._prove_audiences(Trail())
        return f"{len(names)}: " + ", ".join(f"{name} ({audience})" for audience, name in names.items())

    def _store_count(self) -> str:
        return f"{len(self._find_stores(Trail()))} stores"


class _Walk:
    """One person's walk through the account."""

    def __init__(self, account: Mailchimp, trail: Trail, subject: Subject) -> None:
        if not subject.spellings or not all(subject.spellings):
            raise Permanent("malformed", "an empty address")
        self._trail = trail
        self._subject = subject
        client = account.client(trail)
        self._lists, self._ecommerce = client.lists, client.ecommerce
        self._scopes = account.scopes(trail)
        self._notes: list[str] = []

    def apply(self, action: Action, received_at: datetime) -> Receipt:
        """Read everything, then change what must be changed."""
        members = [member for audience in self._scopes.audiences for member in self._members(audience)]
        customers = list(self._customers(self._scopes.stores)) if action is Action.DELETE else []
        for member in members:
            held = newer_consent(member, received_at) if _changes(action, member) else None
            if held:
                raise held
        handles = {f"audience:{member.audience}" for member in members}
        handles |= {f"store:{customer.store}" for customer in customers}
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
        """Read again, changing nothing. Raises Transient `not_yet`."""
        handles = applied.handles if applied else ()
        forgotten = _named("forgotten", handles)
        audiences = _named("audience", handles) + forgotten if handles else tuple(self._scopes.audiences)
        stores = _named("store", handles) if handles else self._scopes.stores
        found = {audience: list(self._members(audience)) for audience in audiences}
        members = [member for rows in found.values() for member in rows]
        if action is Action.DELETE:
            if members or any(self._customers(stores)):
                raise Transient("not_yet", "the person is still there")
        elif any(member.status in REACHED for member in members):
            raise Transient("not_yet", "the person can still be reached")
        elif action is Action.SUPPRESS and not all(found[audience] for audience in set(audiences) - set(forgotten)):
            raise Transient("not_yet", "an audience shows no suppression of the person")
        outcome = applied.outcome if applied else Outcome.DONE if members else Outcome.ABSENT
        return Receipt(outcome, self._trail.steps, handles=handles)

    def _members(self, audience: str) -> Iterator[Member]:
        for spelling in self._subject.spellings:
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
            for spelling in self._subject.spellings:
                found = list(self._customer_rows(store, spelling))
                if not all(same_address(row.get("email_address"), spelling) for row in found):
                    raise Permanent("filter_ignored", "Mailchimp answered with other customers than asked for")
                self._trail.state("customer" if found else "absent")
                yield from (_Customer(store, read_id(row)) for row in found)

    def _customer_rows(self, store: str, spelling: str) -> Iterator[Mapping[str, Any]]:
        return _pages(
            lambda offset: self._ecommerce.get_all_store_customers(
                store, email_address=spelling, count=_PAGE, offset=offset, fields=_CUSTOMER_FIELDS
            ),
            "customers",
        )

    def _erase(self, member: Member) -> None:
        answer = self._lists.delete_list_member_permanent(member.audience, member.key)
        if answer.status == 405:
            raise Transient("rejected", "delete-permanent answered 405: the state is read again")
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

    def _tombstone(self, audience: str) -> str:
        """Create the unsubscribed contact where there is none; give the handle by which confirm knows it."""
        address = self._subject.address
        body = {"email_address": address, "status_if_new": "unsubscribed"}
        answer = self._lists.set_list_member(audience, _key(address), body)
        if answer.status == 400 and title_of(answer) == "forgotten email not subscribed":
            self._trail.state("forgotten")
            self._notes.append(f"Audience {audience}: erased for good before, cannot be added again.")
            return f"forgotten:{audience}"
        if answer.status == 400 and title_of(answer) == "member in compliance state":
            self._trail.state("unsubscribed")
            return f"forgotten:{audience}"
        self._trail.state(state_of(answer))
        return f"audience:{audience}"

    def _delete_customer(self, customer: _Customer) -> None:
        answer = self._ecommerce.delete_store_customer(customer.store, customer.id)
        if not is_absent(answer):
            expect(answer, 204)
        self._trail.state("deleted")


def _changes(action: Action, member: Member) -> bool:
    """Tell whether the action would change this contact."""
    if action is Action.DELETE:
        return True
    return member.status in REACHED or (action is Action.SUPPRESS and member.status == "archived")


def _key(spelling: str) -> str:
    """Make the key under which Mailchimp keeps an address: the MD5 of its lower-case form. Never stored or logged."""
    return hashlib.md5(spelling.lower().encode(), usedforsecurity=False).hexdigest()


def _named(kind: str, handles: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(handle.partition(":")[2] for handle in handles if handle.startswith(f"{kind}:"))


def _pages(page: Callable[[int], Answer], key: str) -> Iterator[Mapping[str, Any]]:
    """Read a listing to its `total_items`. Raises Transient `unreadable` for one that ends early."""
    seen = 0
    while True:
        body = expect(page(seen), 200, key, "total_items")
        rows, total = body[key], body["total_items"]
        if not isinstance(rows, list) or not isinstance(total, int) or not all(isinstance(r, dict) for r in rows):
            raise Transient("unreadable", "a listing without the documented rows")
        yield from rows
        seen += len(rows)
        if seen >= total:
            return
        if not rows:
            raise Transient("unreadable", "a listing ended before its total")


def _check(name: str, find: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(name, True, find())
    except AdapterError as error:
        return Check(name, False, str(error), remedy)


def _base_url(value: Any, key: str) -> str:
    if value is not None:
        return check_base_url(value, "/3.0")
    # the suffix becomes part of the host name: nothing but a data centre may stand there
    match = re.fullmatch(r"[^-]+-([a-z]{2,3}\d{1,3})", key)
    if not match:
        raise SettingsError("api_key", "the API key must end in its data centre, as in …-us12: copy it again")
    return f"https://{match[1]}.api.mailchimp.com/3.0"


def _audience_ids(value: Any) -> tuple[str, ...] | None:
    if value == "all":
        return None
    if (
        not isinstance(value, list | tuple)
        or not value
        or not all(isinstance(audience, str) and LIST_ID.fullmatch(audience) for audience in value)
    ):
        raise SettingsError("audiences", 'audiences must be "all" or a list of audience ids like ["1a2b3c4d5e"]')
    return tuple(dict.fromkeys(value))
