"""The read side: events, status and the propagation log, as plain data."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer import __version__
from syncer.clock import stamp
from syncer.database.connections import reading
from syncer.delivery.balance import Running
from syncer.delivery.leases import LaneRow
from syncer.delivery.owners import Owner, parse_owner
from syncer.domain.deadlines import WARN_DAYS
from syncer.domain.model import EventState, State
from syncer.domain.rights import Right
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.app import App

#: what belongs to no one event: what people did, and what casts doubt on the times
DECISIONS = (
    "operator:resynced", "operator:dismissed", "operator:refused", "delivery:exempt", "event:extended",
    "operator:looked_up", "report:exported", "lane:paused", "lane:resumed", "clock:anomaly",
)  # fmt: skip
#: what `status` says where WordPress is not used
NO_WORDPRESS: dict[str, Any] = {"configured": False, "swept_at": None, "sites": 0, "requests": 0, "alarms": []}
OPEN = (State.PENDING, State.RETRYING, State.APPLIED, State.HELD)


class Reader:
    """Reads one installation."""

    def __init__(self, app: App) -> None:
        self._app = app

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
        rule, waiting = self._app.rule, row.state != EventState.FULFILLED
        return {
            "id": row.id,
            "event_key": row.event_key,
            "right": row.right,
            "subject": row.subject,
            "state": row.state,
            "code": row.code,
            "received_at": stamp(row.received_at),
            "due_on": row.due_on.isoformat(),
            "overdue": waiting and rule.late(row.right, row.received_at, row.due_on, now),
            "warning": rule.warning(row.received_at, now) if waiting else None,
            "target_at": _stamp(rule.target_at(row.right, row.received_at)),
            "legal_due_on": _day(row.legal_due_on),
            "extended_at": _stamp(row.extended_at),
            "informed_on": _day(row.informed_on),
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
        audit = self._app.ledger.timeline(event_id)
        keys = ("seq", "at", "what", "destination", "actor", "facts")
        return event | {"audit": [{key: entry[key] for key in keys} for entry in audit]}

    # -- status ---------------------------------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Return counts by state per destination, what is late, paused and waiting, and the audit head."""
        entries, head = self._app.ledger.head()
        return {
            "events": self._event_counts(),
            "destinations": self._lanes(),
            "daemons": [_running(item) for item in self._app.presence.running()],
            "audit": {"entries": entries, "head": head} | self._app.notary.standing().as_json(),
            "queue": {"waiting": self._app.queue.count()},
            "wordpress": dict(NO_WORDPRESS) if self._app.wordpress is None else self._app.wordpress.state(),
        }

    def _event_counts(self) -> dict[str, Any]:
        e, now, rule = self._app.tables.event.c, self._app.clock(), self._app.rule
        today, target = rule.late_before(now)
        late = sa.or_(e.due_on < today, sa.and_(e.right == Right.OBJECTION, e.received_at <= target))
        borders = [*(rule.warned_before(days, now) for days in WARN_DAYS), None]
        levels = [
            sa.and_(e.received_at < border, e.received_at >= after if after is not None else sa.true())
            for border, after in pairwise(borders)
        ]
        with reading(self._app.engine) as connection:
            counts: Counter[str] = Counter()
            for state, number in connection.execute(sa.select(e.state, sa.func.count()).group_by(e.state)):
                counts[state] = number
            wanted = (sa.func.count(sa.case((condition, 1))) for condition in (late, *levels))
            query = sa.select(sa.func.min(e.received_at), *wanted).where(e.state != EventState.FULFILLED)
            oldest, overdue, *warned = connection.execute(query).one()
        return {
            **{state.value: counts[state] for state in EventState},
            "overdue": overdue,
            **{f"warn_{days}": number for days, number in zip(WARN_DAYS, warned, strict=True)},
            "oldest_open": _stamp(oldest),
        }

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
        from syncer.reports.evidence import Evidence

        app = self._app
        events = self.events(since=since, until=until)
        evidence = Evidence.of_span(app.ledger, since, until)
        evidence.add_to(events)
        return {
            "generated_at": stamp(app.clock()),
            "software": __version__,
            "timezone": app.settings.deadlines.timezone,
            "rule": app.rule.due(app.clock()).rule,
            "objection_target_hours": app.rule.objection_target_hours,
            "filter": {"since": _stamp(since), "until": _stamp(until)},
            "summary": summary(events),
            "events": events,
            "destinations": self._lanes(),
            "reappeared": evidence.reappeared(),
            "decisions": app.ledger.entries(DECISIONS, _stamp(since), _stamp(until)),
            "integrity": self._integrity(),
        }

    def _integrity(self) -> dict[str, Any]:
        """Say what proves the log and what does not: size, root, where signed notes lie, and since when."""
        from syncer.audit.proof.verify import verify

        checked, standing = verify(self._app), self._app.notary.standing()
        entries, head = self._app.ledger.head()
        last = standing.newest
        return {
            "entries": entries,
            "head": head,
            "verified": checked["ok"],
            "reason": checked["reason"],
            "warnings": checked["warnings"],
            "origin": standing.origin,
            "signed": {"size": last.size, "at": stamp(last.at)} if last else None,
            "root": b64encode(last.checkpoint.root).decode("ascii") if last else None,
            "anchors": [
                {"size": item.size, "where": item.place or item.kind, "at": stamp(item.at)}
                for item in standing.anchors
                if item.at is not None
            ],
            "not_proven": [
                "that nobody who holds both the database and the key file rewrote the log",
                f"anything after entry {last.size}, the last that is signed"
                if last
                else "the end of the log: no entry is signed yet",
                "more than a note proves that left this machine: compare with one that somebody else keeps",
                "what a provider keeps in backups and internal copies; the read-back is the provider's own word",
                "orders, carts, conversations, deals, notes and old exports at a provider",
            ],
        }


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
    """Say whether something is held, overdue or paused, WordPress alarms, or an anchor is lost for a day."""
    events, lanes = status["events"], status["destinations"].values()
    waiting = events["held"] or events["overdue"] or status["wordpress"]["alarms"] or status["audit"]["page"]
    return bool(waiting or any(lane["paused"] or lane["held"] for lane in lanes))


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


def _day(day: date | None) -> str | None:
    return day.isoformat() if day is not None else None


def _stamp(moment: datetime | None) -> str | None:
    return stamp(moment) if moment is not None else None
