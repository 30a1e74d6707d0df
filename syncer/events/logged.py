"""What the log says of events whose rows are about to be acted on: a row alone is no word of syncer's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa

from syncer.audit.chain import ZERO, KeyOf, digest, leaf, mac
from syncer.audit.ledger import Pending
from syncer.audit.log_end import untyped
from syncer.audit.offline.history import CLOSED, DeliveryRecord, EventRecord, History
from syncer.clock import stamp
from syncer.database.bulk import in_list
from syncer.database.tables import Tables

#: who acts in an entry that this transaction has yet to write
_HERE = {"kind": "syncer", "user": None}


@dataclass(slots=True)
class Story:
    """What the log says of one event; `record` is None where no genuine entry received it.

    `purged` says that a purge on record took texts of it, which happens only once it was fulfilled: `since` is then
    whether each destination of which something was said later is done by now. `changed` names the destinations where
    an attempt changed something; `asked` counts the attempts of each, `unanswered` names those whose last one has no
    answer on record. `withdrawn`: a person withdrew the request.
    """

    record: EventRecord | None = None
    purged: bool = False
    since: dict[str, bool] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    asked: Counter[str] = field(default_factory=Counter)
    unanswered: set[str] = field(default_factory=set)
    withdrawn: bool = False

    def undone(self, destinations: Iterable[str]) -> set[str]:
        """Return which destinations, planned ones or these, the log does not call closed."""
        if self.purged:
            return {name for name in destinations if not self.since.get(name, True)}
        record = self.record
        return set() if record is None else {name for name in record.plan if not record.delivery(name).done}

    def delivery(self, destination: str) -> DeliveryRecord | None:
        """Return what the log says of one delivery; None where it never planned it."""
        record = self.record
        return record.delivery(destination) if record is not None and destination in record.plan else None


class Logged:
    """Reads the entries of events that the key made, as the verifier of a whole log judges them."""

    def __init__(self, tables: Tables, kind: str, key_of: KeyOf) -> None:
        self._key_of = key_of
        t = tables.audit
        before = t.alias("before")
        self._query = (
            sa.select(t.c.seq, t.c.event_id, t.c.body, untyped(t.c.mac), untyped(before.c.mac).label("previous"))
            .select_from(t.outerjoin(before, before.c.seq == t.c.seq - 1))
            .order_by(t.c.seq)
        )
        self._of_events = self._query.where(in_list(t.c.event_id, "ids", kind))
        self._purges = self._query.where(t.c.what == "audit:purged")

    def stories(
        self, connection: sa.Connection, ids: Collection[str], pending: Pending | None, now: datetime
    ) -> dict[str, Story]:
        """Return event id -> what the log says of it, with what this transaction adds to it at its moment (UTC)."""
        stories = {event_id: Story() for event_id in ids}
        history, purges = History(), None
        for seq, event_id, body, its_mac, previous in connection.execute(self._of_events, {"ids": list(ids)}):
            if body is None:
                purges = self._purged_spans(connection) if purges is None else purges
                if event_id in stories and any(first <= seq <= last for first, last in purges):
                    stories[event_id].purged = True
                    history.purged("", event_id)
                continue
            content = self._authentic(seq, body, its_mac, previous)
            if content is not None and content["event"] in stories:
                _tell(history, stories[content["event"]], content)
        for row in pending.rows if pending else ():
            if row["event"] in stories:
                _tell(history, stories[row["event"]], {**row, "at": stamp(now), "actor": _HERE})
        for event_id, story in stories.items():
            story.record = history.event(event_id)
        return stories

    def _purged_spans(self, connection: sa.Connection) -> list[tuple[int, int]]:
        """Return from and to which entry each purge on record went."""
        found = (self._authentic(*row[:1], *row[2:]) for row in connection.execute(self._purges).all())
        facts = [content["facts"] for content in found if content is not None and content["what"] == "audit:purged"]
        return [(each["from"], each["to"]) for each in facts]

    def _authentic(self, seq: int, body: Any, its_mac: Any, previous: Any) -> dict[str, Any] | None:
        """Return an entry's text if the key made its mac: nobody without the key can write one."""
        before = ZERO if previous is None else digest(previous)
        if type(body) is not str or before is None:
            return None
        try:
            made = mac(self._key_of(seq), before, seq, leaf(body.encode()))
        except UnicodeEncodeError:
            return None
        if digest(its_mac) != made:
            return None
        content: dict[str, Any] = orjson.loads(body)
        return content


def _tell(history: History, story: Story, content: Mapping[str, Any]) -> None:
    what, destination, facts = content["what"], content["destination"], content["facts"]
    history.tell(what, content)
    if what == "event:received":
        history.any_may_be_brought()  # resyncs are not read here: whose an address is, seal and log say together
    story.withdrawn = story.withdrawn or what == "event:withdrawn"
    if destination is None or not what.startswith("delivery:"):
        return
    _follow_asking(story, what, destination, facts)
    if story.purged:
        story.since[destination] = _is_done(story.since.get(destination, True), what, facts)
    if what == "delivery:accepted":
        story.changed.discard(destination)  # orders: they say nothing of what was found there
    elif what == "delivery:applied" or (facts.get("phase") == "apply" and any(map(_changes, facts.get("steps", ())))):
        story.changed.add(destination)


def _follow_asking(story: Story, what: str, destination: str, facts: Mapping[str, Any]) -> None:
    if what == "delivery:attempted":
        story.asked[destination] += 1
        story.unanswered.add(destination)
    elif facts.get("phase", "preview") != "preview":  # what a person decided, or a look showed, is no answer to it
        story.unanswered.discard(destination)


def _is_done(before: bool, what: str, facts: Mapping[str, Any]) -> bool:
    """Say whether a delivery is closed after an entry, as History does."""
    if what in ("delivery:attempted", "delivery:answered", "delivery:previewed"):
        return before
    if what == "delivery:reopened":
        return before and facts.get("to") != "pending"
    if what == "delivery:retrying":
        return before and facts.get("state") == "applied"
    return what.partition(":")[2] in CLOSED


def _changes(step: Mapping[str, Any]) -> bool:
    """Say whether a call changed something, or may have, as `patience.changed_something` does."""
    status = step.get("status")
    return not str(step.get("call")).startswith("GET ") and (status is None or status < 300)
