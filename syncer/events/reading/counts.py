"""Events and deliveries by state, at the cost of those that are not in the commonest: the rest is the tally's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import as_read, by_index
from syncer.database.column_types import day_of, moment_of, raw
from syncer.database.derived import tally
from syncer.database.derived.hops import distinct
from syncer.database.tables import Tables
from syncer.domain.codes import SHADOWED
from syncer.domain.deadlines import WARN_DAYS, Rule
from syncer.domain.endings import UNSEEN
from syncer.domain.model import WORKABLE, EventState, State, word
from syncer.domain.rights import Right
from syncer.events.reading.ranges import all_but

#: a delivery in one of these states is not through
OPEN = WORKABLE | {State.HELD}
#: how a call ends a delivery, or what a person says of it; an exception is a decision, and these are few
COMMON = (State.CONFIRMED, *sorted(UNSEEN))
#: so many of a state are looked at before another is; each time again, this many times as many
LOOKED_AT, FURTHER = 1000, 8


@dataclass(frozen=True, slots=True)
class OpenEvents:
    """How many events there are by state, and of those that are not fulfilled how many are late or warned of.

    `oldest` is when the oldest of them was received (UTC), `warned` the numbers for each of WARN_DAYS.
    """

    by_state: Counter[EventState]
    oldest: datetime | None
    overdue: int
    late_on_arrival: int
    warned: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OpenDeliveries:
    """How many deliveries one destination has by state; the oldest receipt and the next attempt (UTC) of open ones."""

    by_state: Counter[State]
    oldest: datetime | None
    next_attempt_at: datetime | None


class Counts:
    """Counts the events and deliveries of one installation; every method reads through a snapshot."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    # -- events ---------------------------------------------------------------------------------------------

    def events(self, connection: sa.Connection, rule: Rule, now: datetime) -> OpenEvents:
        """Count the events; `now` is UTC."""
        e = self._tables.event.c
        late = late_condition(self._tables, rule, now)
        wanted = (sa.func.count(sa.case((condition, 1))) for condition in (late, *_levels(e, rule, now)))
        query = sa.select(e.state, sa.func.count(), raw(sa.func.min(e.received_at)), *wanted).group_by(e.state)
        by_state: Counter[EventState] = Counter()
        moments, numbers = [], [0] * (1 + len(WARN_DAYS))
        for state, number, oldest, *found in self._unfinished(connection, query):
            # a word that syncer never writes waits for a person, as what is held does
            by_state[word(EventState, state) or EventState.HELD] += number
            moments.append(moment_of(oldest))
            numbers = [sum(pair) for pair in zip(numbers, found, strict=True)]
        total = tally.read(connection, self._tables).get((tally.EVENT, ""), 0)
        by_state[EventState.FULFILLED] = max(total - by_state.total(), 0)
        arrived = self._late_on_arrival(connection, rule, late) if numbers[0] else 0
        return OpenEvents(by_state, min(filter(None, moments), default=None), numbers[0], arrived, tuple(numbers[1:]))

    def _late_on_arrival(self, connection: sa.Connection, rule: Rule, late: sa.ColumnElement[bool]) -> int:
        e = self._tables.event.c
        columns = [e.right, *map(raw, (e.received_at, e.due_on, e.created_at))]
        arrived = 0
        for right, received, due, created in self._unfinished(connection, sa.select(*columns).where(late)):
            times = moment_of(received), day_of(due), moment_of(created)
            if times[0] and times[1] and times[2]:  # of a row that somebody damaged nobody knows
                arrived += rule.late(right, times[0], times[1], times[2])
        return arrived

    def _unfinished(self, connection: sa.Connection, query: sa.Select[Any]) -> Iterable[Any]:
        """Yield the rows of a query about events, of those that are not fulfilled."""
        for condition in all_but(self._tables.event.c.state, EventState.FULFILLED):
            wanted = by_index(query.where(condition), self._tables.event, f"ix_{self._tables.prefix}event_state")
            yield from connection.execute(wanted)

    # -- deliveries -----------------------------------------------------------------------------------------

    def deliveries(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, OpenDeliveries]:
        """Count the deliveries of every destination that has one."""
        d, e = self._tables.delivery, self._tables.event
        index = f"ix_{self._tables.prefix}delivery_state"
        among = self.among(connection, names)
        by_state: dict[str, Counter[State]] = {name: Counter() for name in names}
        rest = self._commonest(connection, names)
        for left_out, there in self._by_rest(connection, names, rest):
            for condition in all_but(d.c.state, left_out):
                query = sa.select(d.c.destination, d.c.state, sa.func.count()).where(there, condition)
                for name, state, number in connection.execute(
                    by_index(query.group_by(d.c.destination, d.c.state), d, index)
                ):
                    by_state.setdefault(name, Counter())[word(State, state) or State.HELD] += number
        for (what, name), number in tally.read(connection, self._tables).items():
            if what == tally.DELIVERY and name in by_state:
                by_state[name][rest.get(name, State.CONFIRMED)] = max(number - by_state[name].total(), 0)
        # not joined: PostgreSQL would read all events for a few hundred of them
        received = sa.select(e.c.received_at).where(e.c.id == d.c.event_id).scalar_subquery()
        open_ones = sa.select(d.c.destination, raw(sa.func.min(received)), raw(sa.func.min(d.c.next_attempt_at)))
        open_ones = open_ones.where(among, d.c.state.in_(OPEN)).group_by(d.c.destination)
        times = {row[0]: tuple(map(moment_of, row[1:])) for row in connection.execute(by_index(open_ones, d, index))}
        return {name: OpenDeliveries(found, *times.get(name, (None, None))) for name, found in by_state.items()}

    def _by_rest(
        self, connection: sa.Connection, names: Sequence[str], rest: Mapping[str, State]
    ) -> Iterator[tuple[State, sa.ColumnElement[bool]]]:
        """Yield each state that is not counted anywhere, and the condition of the destinations where it is not."""
        yield State.CONFIRMED, self.among(connection, names, without=tuple(rest))
        for state in sorted(set(rest.values())):
            there = [as_read(name) for name, commonest in rest.items() if commonest is state]
            yield state, self._tables.delivery.c.destination.in_(there)

    def _commonest(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, State]:
        """Return in which state a destination has most deliveries that are through, where they are not confirmed.

        It costs what the second commonest has: no state is read further than another is known to reach.
        """
        found = {name: self._commonest_at(connection, name) for name in names}
        return {name: state for name, state in found.items() if state is not State.CONFIRMED}

    def _commonest_at(self, connection: sa.Connection, name: str) -> State:
        left, most = COMMON, LOOKED_AT
        while len(left) > 1:
            further = tuple(state for state in left if self._reaches(connection, name, state, most))
            left, most = further or left[:1], most * FURTHER
        return left[0]

    def _reaches(self, connection: sa.Connection, name: str, state: State, number: int) -> bool:
        d = self._tables.delivery
        some = sa.select(d.c.destination).where(d.c.destination == as_read(name), d.c.state == state).limit(number)
        some = by_index(some, d, f"ix_{self._tables.prefix}delivery_state")
        return bool(connection.execute(sa.select(sa.func.count()).select_from(some.subquery())).scalar() == number)

    def previewed(self, connection: sa.Connection, names: Sequence[str]) -> dict[str, tuple[int, date | None]]:
        """Return how many deliveries were previewed at destinations in shadow mode, and when the first is due.

        None where a row holds what is no day: SQLite stores anything.
        """
        d = self._tables.delivery.c
        first = sa.cast(sa.func.min(d.due_on), sa.String(10))
        query = sa.select(d.destination, sa.func.count(), first).group_by(d.destination)
        query = query.where(d.destination.in_(names), d.code == SHADOWED, d.state.in_([State.PENDING, State.RETRYING]))
        return {name: (number, day_of(text)) for name, number, text in connection.execute(query)} if names else {}

    def destinations(self, connection: sa.Connection) -> list[str]:
        """Return every destination that has a delivery."""
        query = distinct(self._tables.delivery.c.destination, connection.dialect.name)
        return list(connection.execute(query).scalars())

    def among(
        self, connection: sa.Connection, names: Sequence[str], without: Sequence[str] = ()
    ) -> sa.ColumnElement[bool]:
        """Return the condition that a delivery's destination is one of all that there are, for an index that needs it.

        SQLite gets them by a query of its own: a text that is not UTF-8 can be read there, and not be given back.
        """
        column = self._tables.delivery.c.destination
        if connection.dialect.name == "sqlite":
            found = distinct(column, "sqlite")
            left_out = found.selected_columns[0].in_(list(map(as_read, without)))
            return column.in_(found.where(~left_out) if without else found)
        return column.in_([name for name in names if name not in without])

    def adapter(self, connection: sa.Connection, destination: str) -> str | None:
        """Return the adapter of a destination's deliveries, None where it has none."""
        d = self._tables.delivery.c
        try:
            return connection.execute(sa.select(d.adapter).where(d.destination == destination).limit(1)).scalar()
        except UnicodeEncodeError:  # SQLite holds what is no text
            return None


def late_condition(tables: Tables, rule: Rule, now: datetime) -> sa.ColumnElement[bool]:
    """Return the condition that an event, if it is open, is late at `now` (UTC)."""
    e = tables.event.c
    today, target = rule.late_before(now)
    return sa.or_(e.due_on < today, sa.and_(e.right == Right.OBJECTION, e.received_at <= target))


def _levels(e: Any, rule: Rule, now: datetime) -> list[sa.ColumnElement[bool]]:
    borders = [*(rule.warned_before(days, now) for days in WARN_DAYS), None]
    return [
        sa.and_(e.received_at < border, e.received_at >= after if after is not None else sa.true())
        for border, after in pairwise(borders)
    ]
