"""What must hold after every crash and at the end: one function per invariant, judged from database, audit and books.

An invariant returns its objections, none when it holds. Addresses never stand in them.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.audit.offline.finding import Finding
from syncer.database.connections import reading
from syncer.database.derived.tally import counters_differ
from syncer.domain.model import CLOSED
from tests.crash.provider_state import Books, read

#: words that only the owner of a lane may write for a delivery
WALK = ("delivery:attempted", "delivery:applied", "delivery:confirmed", "delivery:retrying", "delivery:reappeared")
#: words that end a call
RESULTS = ("delivery:applied", "delivery:confirmed", "delivery:retrying", "delivery:held", "delivery:reappeared")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the harness asked for: a right of a person, and what both providers held of the person then."""

    right: str
    address: str = field(repr=False)
    seeded: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a judge looks at."""

    wanted: Mapping[str, Wanted]
    events: list[Any]
    deliveries: list[Any]
    audit: list[dict[str, Any]]
    verdict: Finding
    texts: list[str] = field(repr=False)
    destinations: tuple[str, ...]
    books: Books
    bystanders: Mapping[str, Any] = field(repr=False)
    miscounted: str | None = None

    def so(self, wanted: Wanted) -> dict[str, bool]:
        """Say for each destination whether it is as the right asks."""
        return self.books.gone(wanted.address) if wanted.right == "erasure" else self.books.silent(wanted.address)


_ADDRESS = re.compile(r"[\w.+-]+@[\w.-]+")
Invariant = Callable[[Evidence], list[str]]


def gather(
    app: App,
    mailchimp: MailchimpSandbox,
    crm: ActiveCampaignSandbox,
    wanted: Mapping[str, Wanted],
    bystanders: Mapping[str, Any],
) -> Evidence:
    """Read everything once."""
    t = app.tables
    with reading(app.engine) as connection:
        events = list(connection.execute(sa.select(t.event)))
        deliveries = list(connection.execute(sa.select(t.delivery)))
        miscounted = counters_differ(connection, t)
        texts = [str(tuple(row)) for table in t.own for row in connection.execute(sa.select(table))]
    with reading(app.queue.engine) as connection:
        texts += [
            str(tuple(row)) for row in connection.execute(sa.select(t.queue).where(t.queue.c.taken_at.isnot(None)))
        ]
    audit = [row | {"body": json.loads(row["body"])} for row in app.ledger.rows()]
    return Evidence(
        wanted, events, deliveries, audit, verified(app), texts,
        tuple(app.settings.destinations), read(mailchimp, crm), bystanders, miscounted,
    )  # fmt: skip


def verified(app: App) -> Finding:
    """Go on from the state that was verified at the last look, then verify everything: both must hold."""
    since = app.verify_since()
    return app.verify() if since.ok else since


# -- at every moment ----------------------------------------------------------------------------------------


def the_log_verifies_and_the_tables_say_the_same(seen: Evidence) -> list[str]:
    return [] if seen.verdict.ok else [str(seen.verdict.reason)]


def the_tally_is_what_the_tables_hold(seen: Evidence) -> list[str]:
    return [seen.miscounted] if seen.miscounted else []


def no_event_is_doubled(seen: Evidence) -> list[str]:
    keys = Counter(event.event_key for event in seen.events)
    received = Counter(row["event"] for row in seen.audit if row["what"] == "event:received")
    rows = Counter((item.event_id, item.destination) for item in seen.deliveries)
    return [
        *(f"{key}: {count} events" for key, count in keys.items() if count > 1),
        *(f"{key}: an event nobody asked for" for key in keys if key not in seen.wanted),
        *(f"{event.id}: received {received[event.id]} times" for event in seen.events if received[event.id] != 1),
        *(f"{key}: {count} deliveries" for key, count in rows.items() if count > 1),
        *(
            f"{event.id}: no delivery at {name}"
            for event in seen.events
            for name in seen.destinations
            if (event.id, name) not in rows
        ),
    ]


def nothing_is_confirmed_more_often_than_asked(seen: Evidence) -> list[str]:
    confirmed = Counter((r["event"], r["destination"]) for r in seen.audit if r["what"] == "delivery:confirmed")
    reopened = Counter((r["event"], r["destination"]) for r in seen.audit if r["what"] == "delivery:reopened")
    rechecks = {event.id: event.rechecks_done for event in seen.events}
    return [
        f"{key}: confirmed {count} times"
        for key, count in confirmed.items()
        if count > 1 + rechecks.get(key[0], 0) + reopened[key]
    ]


def nothing_is_confirmed_without_a_read_back(seen: Evidence) -> list[str]:
    """Require of a confirmed delivery an entry, and of the entry an attempt before it and steps that read."""
    objections: list[str] = []
    attempted: set[tuple[str, str]] = set()
    confirmed: set[tuple[str, str]] = set()
    for row in seen.audit:
        key = (row["event"], row["destination"])
        if row["what"] == "delivery:attempted":
            attempted.add(key)
        if row["what"] != "delivery:confirmed":
            continue
        confirmed.add(key)
        steps = row["body"]["facts"].get("steps", [])
        if key not in attempted:
            objections.append(f"{row['seq']}: confirmed without an attempt")
        if not any(step["call"].startswith("GET ") and step.get("status") for step in steps):
            objections.append(f"{row['seq']}: confirmed without a read-back")
    objections += [
        f"{item.event_id} {item.destination}: confirmed without an entry"
        for item in seen.deliveries
        if item.state == "confirmed" and (item.event_id, item.destination) not in confirmed
    ]
    return objections


def what_is_confirmed_is_so(seen: Evidence) -> list[str]:
    asked = {event.id: seen.wanted.get(event.event_key) for event in seen.events}
    return [
        f"{item.event_id} {item.destination}: confirmed, and the provider's books say otherwise"
        for item in seen.deliveries
        if item.state == "confirmed"
        and (wanted := asked.get(item.event_id)) is not None
        and not seen.so(wanted).get(item.destination, False)
    ]


def nobody_is_acted_on_before_the_attempt_is_on_record(seen: Evidence) -> list[str]:
    attempted = {(row["event"], row["destination"]) for row in seen.audit if row["what"] == "delivery:attempted"}
    ids = {event.event_key: event.id for event in seen.events}
    touched = defaultdict(set)  # a person may have asked twice
    for key, wanted in seen.wanted.items():
        for name in seen.destinations:
            if (ids.get(key), name) in attempted:
                touched[wanted.address].add(name)
    objections = []
    for key, wanted in seen.wanted.items():
        now = seen.books.held_of(wanted.address)
        for name in seen.destinations:
            if name not in touched[wanted.address] and now.get(name) != wanted.seeded.get(name):
                objections.append(f"{key} {name}: changed without an attempt")
    return objections


def only_the_owner_of_a_lane_writes_its_walk(seen: Evidence) -> list[str]:
    owner: dict[str, tuple[str, int]] = {}
    fence: dict[str, int] = {}
    objections = []
    for row in seen.audit:
        name, body = row["destination"], row["body"]
        who = (body["actor"]["host"], body["actor"]["pid"])
        if row["what"] == "lane:taken":
            if body["facts"]["fence"] <= fence.get(name, 0):
                objections.append(f"{row['seq']}: the fence of {name} did not grow")
            owner[name], fence[name] = who, body["facts"]["fence"]
        if row["what"] in WALK and owner.get(name) != who:
            objections.append(f"{row['seq']}: written by one who does not own {name}")
        if row["what"] == "delivery:attempted" and body["facts"]["fence"] != fence.get(name):
            objections.append(f"{row['seq']}: begun under an old fence")
    return objections


def what_is_fulfilled_is_closed_everywhere(seen: Evidence) -> list[str]:
    states: dict[str, list[Any]] = defaultdict(list)
    for item in seen.deliveries:
        again = item.state == "applied" and item.confirmed_at is not None
        states[item.event_id].append(item.state in CLOSED or again)
    return [
        f"{event.id}: fulfilled with open deliveries"
        for event in seen.events
        if event.state == "fulfilled" and not all(states[event.id])
    ]


def people_outside_the_events_are_untouched(seen: Evidence) -> list[str]:
    changed = sum(seen.books.held_of(address) != before for address, before in seen.bystanders.items())
    return [f"the books on {changed} people outside the events changed"] if changed else []


def no_address_stands_in_the_open(seen: Evidence) -> list[str]:
    words = {word for text in seen.texts for word in _ADDRESS.findall(text)}
    return [f"{key}: the address stands in a table" for key, w in seen.wanted.items() if w.address in words]


ALWAYS: tuple[Invariant, ...] = (
    the_log_verifies_and_the_tables_say_the_same,
    the_tally_is_what_the_tables_hold,
    no_event_is_doubled,
    nothing_is_confirmed_more_often_than_asked,
    nothing_is_confirmed_without_a_read_back,
    what_is_confirmed_is_so,
    nobody_is_acted_on_before_the_attempt_is_on_record,
    only_the_owner_of_a_lane_writes_its_walk,
    what_is_fulfilled_is_closed_everywhere,
    people_outside_the_events_are_untouched,
    no_address_stands_in_the_open,
)

# -- at the end ---------------------------------------------------------------------------------------------


def no_event_is_lost(seen: Evidence) -> list[str]:
    events = {event.event_key: event for event in seen.events}
    parts: dict[str, list[str]] = defaultdict(list)
    for item in seen.deliveries:
        parts[item.event_id].append(f"{item.destination} {item.state} {item.code} until {item.next_attempt_at}")
    return [
        *(f"{key}: lost" for key in seen.wanted if key not in events),
        *(
            f"{key}: {event.state}: {'; '.join(parts[event.id])}"
            for key, event in events.items()
            if event.state != "fulfilled"
        ),
    ]


def everybody_has_what_was_asked_for(seen: Evidence) -> list[str]:
    return [
        f"{key}: not so at {name}"
        for key, wanted in seen.wanted.items()
        for name, so in seen.so(wanted).items()
        if not so
    ]


def every_address_is_shredded(seen: Evidence) -> list[str]:
    shredded = {row["event"] for row in seen.audit if row["what"] == "identity:shredded"}
    return [f"{event.id}: kept" for event in seen.events if event.email_sealed or event.id not in shredded]


AT_THE_END: tuple[Invariant, ...] = (
    *ALWAYS,
    no_event_is_lost,
    everybody_has_what_was_asked_for,
    every_address_is_shredded,
)


def judge(seen: Evidence, invariants: tuple[Invariant, ...]) -> list[str]:
    """Return every objection with the name of its invariant."""
    return [f"{each.__name__}: {objection}" for each in invariants for objection in each(seen)]
