"""The read side: events, status and the propagation log, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer import __version__
from syncer.database import reading
from syncer.deadlines import is_overdue
from syncer.errors import UserError
from syncer.leases import LaneRow, Owner, parse_owner
from syncer.model import EventState, State
from syncer.rows import stamp
from syncer.sharing import Running

if TYPE_CHECKING:
    from syncer.app import App

#: what belongs to no one event: what people did, and what casts doubt on the times
DECISIONS = (
    "operator:resynced", "delivery:exempt", "operator:looked_up", "report:exported", "lane:paused", "clock:anomaly",
)  # fmt: skip
OPEN = (State.PENDING, State.RETRYING, State.APPLIED, State.HELD)


class Reader:
    """Reads one installation."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._zone = app.settings.deadlines.zone

    # -- events ---------------------------------------------------------------------------------------------

    def events(
        self,
        *,
        state: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        subject: str | None = None,
        event_id: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return events with their deliveries, oldest first. `state` may also be `overdue`; times are UTC."""
        e, d = self._app.tables.event, self._app.tables.delivery
        conditions = []
        if state in tuple(EventState):
            conditions.append(e.c.state == state)
        if since is not None:
            conditions.append(e.c.received_at >= since)
        if until is not None:
            conditions.append(e.c.received_at < until)
        if subject is not None:
            conditions.append(e.c.subject == subject)
        if event_id is not None:
            conditions.append(e.c.id == event_id)
        # not the sealed address: the account of a reader may not see it
        columns = [column for column in e.c if column is not e.c.email_sealed]
        chosen = sa.select(*columns).where(*conditions).order_by(e.c.id)
        joined = sa.select(d).join(e, d.c.event_id == e.c.id).where(*conditions).order_by(d.c.id)
        deliveries: dict[str, list[dict[str, Any]]] = {}
        with reading(self._app.engine) as connection:
            rows = connection.execute(chosen).all()
            for row in connection.execute(joined):
                deliveries.setdefault(row.event_id, []).append(_delivery(row))
        now = self._app.clock()
        found = [self._event(row, deliveries.get(row.id, []), now) for row in rows]
        return [item for item in found if item["overdue"]] if state == "overdue" else found

    def _event(self, row: Any, deliveries: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
        late = row.state != EventState.FULFILLED and is_overdue(row.due_on, self._zone, now)
        return {
            "id": row.id,
            "event_key": row.event_key,
            "right": row.right,
            "subject": row.subject,
            "state": row.state,
            "code": row.code,
            "received_at": stamp(row.received_at),
            "due_on": row.due_on.isoformat(),
            "overdue": late,
            "source": row.source,
            "source_ref": row.source_ref,
            "fulfilled_at": _stamp(row.fulfilled_at),
            "shredded_at": _stamp(row.shredded_at),
            "deliveries": deliveries,
        }

    def resolve(self, prefix: str) -> str:
        """Return the id of the one event that starts so. Raises UserError for none or several."""
        e = self._app.tables.event.c
        if len(prefix) < 6 or not all(char in "0123456789abcdef-" for char in prefix):
            raise UserError("an event id has at least 6 of the characters 0-9, a-f and -; `syncer events` lists them")
        with reading(self._app.engine) as connection:
            found = list(connection.execute(sa.select(e.id).where(e.id.startswith(prefix)).limit(50)).scalars())
        if not found:
            raise UserError(f"there is no event {prefix}; `syncer events` lists them")
        if len(found) > 1:
            raise UserError(f"{len(found)} events or more start with {prefix}; give more of the id")
        return str(found[0])

    def show(self, event_id: str) -> dict[str, Any]:
        """Return one event with its deliveries and its whole timeline."""
        (event,) = self.events(event_id=event_id)
        audit = self._app.ledger.timeline(self._app.engine, event_id)
        keys = ("seq", "at", "what", "destination", "actor", "facts")
        return event | {"audit": [{key: entry[key] for key in keys} for entry in audit]}

    # -- status ---------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return counts by state per destination, what is late, paused and waiting, and the audit head."""
        entries, head = self._app.ledger.head(self._app.engine)
        return {
            "events": self._event_counts(),
            "destinations": self._lanes(),
            "daemons": [_running(item) for item in self._app.daemons.running()],
            "audit": {"entries": entries, "head": head},
            "queue": {"waiting": self._app.queue.count()},
        }

    def _event_counts(self) -> dict[str, int]:
        e = self._app.tables.event.c
        with reading(self._app.engine) as connection:
            counts: Counter[str] = Counter()
            for state, number in connection.execute(sa.select(e.state, sa.func.count()).group_by(e.state)):
                counts[state] = number
            days = connection.execute(
                sa.select(e.due_on, sa.func.count()).where(e.state != EventState.FULFILLED).group_by(e.due_on)
            ).all()
        now = self._app.clock()
        late = sum(number for day, number in days if is_overdue(day, self._zone, now))
        return {state.value: counts[state] for state in EventState} | {"overdue": late}

    def _lanes(self) -> dict[str, Any]:
        d, e = self._app.tables.delivery, self._app.tables.event
        configured = self._app.settings.destinations
        lanes = self._app.leases.read()
        with reading(self._app.engine) as connection:
            counts = connection.execute(
                sa.select(d.c.destination, d.c.state, sa.func.count()).group_by(d.c.destination, d.c.state)
            ).all()
            open_ones = connection.execute(
                sa.select(d.c.destination, sa.func.min(e.c.received_at), sa.func.min(d.c.next_attempt_at))
                .join(e, d.c.event_id == e.c.id)
                .where(d.c.state.in_(OPEN))
                .group_by(d.c.destination)
            ).all()
            adapters = dict(
                tuple(row) for row in connection.execute(sa.select(d.c.destination, d.c.adapter).distinct())
            )
        names = list(configured) + sorted({row[0] for row in counts} - set(configured))
        by_state: dict[str, Counter[str]] = {name: Counter() for name in names}
        for name, state, number in counts:
            by_state[name][state] = number
        times = {row[0]: (row[1], row[2]) for row in open_ones}
        return {
            name: {
                "adapter": configured[name].adapter if name in configured else adapters.get(name),
                **_lane(lanes.get(name)),
                **{state.value: by_state[name][state] for state in State},
                "oldest_open": _stamp(times.get(name, (None, None))[0]),
                "next_attempt_at": _stamp(times.get(name, (None, None))[1]),
                "configured": name in configured,
            }
            for name in names
        }

    # -- the propagation log --------------------------------------------------------------------------------

    def report(self, since: datetime | None, until: datetime | None) -> dict[str, Any]:
        """Return the propagation log for a span of receipt (UTC), with what proves it and what does not."""
        events = self.events(since=since, until=until)
        evidence = self._evidence({event["id"] for event in events})
        for event in events:
            for delivery in event["deliveries"]:
                delivery.update(evidence.get((event["id"], delivery["destination"]), {}))
        verdict = self._app.ledger.verify(self._app.engine)
        entries, head = self._app.ledger.head(self._app.engine)
        return {
            "generated_at": stamp(self._app.clock()),
            "software": __version__,
            "timezone": self._app.settings.deadlines.timezone,
            "filter": {"since": _stamp(since), "until": _stamp(until)},
            "summary": summary(events),
            "events": events,
            "decisions": [
                entry
                for entry in self._app.ledger.entries(self._app.engine, DECISIONS)
                if (since is None or entry["at"] >= stamp(since)) and (until is None or entry["at"] < stamp(until))
            ],
            "integrity": {
                "entries": entries,
                "head": head,
                "verified": verdict.ok,
                "reason": verdict.reason,
                "not_proven": [
                    "that nobody who holds both the database and the key file rewrote the log",
                    "that no entries were cut off the end together with the head row",
                    "what a provider keeps in backups and internal copies; the read-back is the provider's own word",
                    "orders, carts, conversations, deals, notes and old exports at a provider",
                ],
            },
        }

    def _evidence(self, wanted: set[str]) -> dict[tuple[str, str], dict[str, Any]]:
        """Return first and last attempt, the read-back and the seq numbers of each delivery."""
        found: dict[tuple[str, str], dict[str, Any]] = {}
        whats = ("delivery:attempted", "delivery:confirmed", "delivery:applied", "delivery:exempt", "delivery:held")
        for entry in self._app.ledger.entries(self._app.engine, whats):
            if entry["event"] not in wanted:
                continue
            item = found.setdefault((entry["event"], entry["destination"]), {"audit_seq": []})
            item["audit_seq"].append(entry["seq"])
            facts = entry["facts"] or {}
            if entry["what"] == "delivery:attempted":
                item.setdefault("first_attempt_at", entry["at"])
                item["last_attempt_at"] = entry["at"]
            if entry["what"] == "delivery:confirmed":
                item["read_back"] = facts.get("steps", [])
            if entry["what"] == "delivery:exempt":
                item["reason"] = facts.get("reason")
                item["decided_by"] = (entry["actor"] or {}).get("user")
        return found


def summary(events: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Count requests by where they stand."""
    counts = Counter(event["state"] for event in events)
    return {
        "requests": len(events),
        "fulfilled": counts[EventState.FULFILLED],
        "held": counts[EventState.HELD],
        "open": counts[EventState.OPEN],
        "overdue": sum(event["overdue"] for event in events),
    }


def needs_attention(status: dict[str, Any]) -> bool:
    """Say whether something is held, overdue or paused."""
    events, lanes = status["events"], status["destinations"].values()
    return bool(events["held"] or events["overdue"] or any(lane["paused"] or lane["held"] for lane in lanes))


def _lane(row: LaneRow | None) -> dict[str, Any]:
    return {
        "paused": row.paused if row else False,
        "pause_reason": row.reason if row else None,
        "paused_by": row.paused_by if row else None,
        "cool_until": _stamp(row.cool_until) if row else None,
        "owner": row.owner if row else None,
        **_owner(row.owner if row else None),
        "owned_since": _stamp(row.taken_at) if row else None,
        "lease_until": _stamp(row.lease_until) if row else None,
    }


def _owner(name: str | None) -> dict[str, Any]:
    owner = parse_owner(name) if name else None
    return {"owner_host": owner.host if owner else None, "owner_pid": _pid(owner) if owner else None}


def _running(item: Running) -> dict[str, Any]:
    owner = parse_owner(item.owner)
    return {"host": owner.host, "pid": _pid(owner), "since": stamp(item.since), "seen_until": stamp(item.until)}


def _pid(owner: Owner) -> int | None:
    return int(owner.pid) if owner.pid.isdigit() else None


def _delivery(row: Any) -> dict[str, Any]:
    return {
        "destination": row.destination,
        "adapter": row.adapter,
        "action": row.action,
        "state": row.state,
        "outcome": row.outcome,
        "code": row.code,
        "attempts": row.attempts,
        "next_attempt_at": _stamp(row.next_attempt_at),
        "applied_at": _stamp(row.applied_at),
        "confirmed_at": _stamp(row.confirmed_at),
    }


def _stamp(moment: datetime | None) -> str | None:
    return stamp(moment) if moment is not None else None
