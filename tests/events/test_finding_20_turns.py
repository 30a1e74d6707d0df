"""One source that floods the queue starves no other, whatever it says of its own rows."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.database.connections import writing
from syncer.domain.model import State
from syncer.events.turns import TURNS, turn_of
from syncer.service.drain import prepare
from tests.conftest import Clock
from tests.support import backlog
from tests.support.processes import inside_json
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, put, rows

#: computes for long, so it runs with the long tests
pytestmark = pytest.mark.slow

FLOOD = 3000
LONG_AGO = datetime(2000, 1, 1, 12, tzinfo=UTC)
on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def flood(app: App, *, sources: int = 1, count: int = FLOOD, received: datetime | None = LONG_AGO) -> None:
    """Queue objections, all dated long ago, under one name or many."""
    app.queue.insert(
        [
            {
                "event_key": f"flood {number}",
                "kind": "objection",
                "email": f"p{number}@flood.test",
                "received_at": received,
                "created_at": app.clock(),
                "source": f"flood {number % sources}",
            }
            for number in range(count)
        ]
    )


def served(app: App, claims: int, each: int = 70) -> list[str]:
    """Return the keys of what a lane serves, in its order: it claims a hundred and works on most of them."""
    keys = {row.id: row.event_key for row in rows(app, app.tables.event)}
    order: list[str] = []
    d = app.tables.delivery
    for _ in range(claims):
        claimed = app.store.claim("crm", app.clock(), 100)[:each]
        order += [keys[item.event_id] for item in claimed]
        with writing(app.engine) as connection:
            done = {"state": "confirmed", "next_attempt_at": None, "claim_rank": None}
            connection.execute(d.update().where(d.c.id.in_([item.id for item in claimed])).values(done))
    return order


@on_every_engine
def test_finding_20_an_erasure_behind_three_thousand_old_objections_is_served_among_the_first(app: App) -> None:
    flood(app)
    put(app, "erasure", PERSON, "victim", source="shop")
    prepare(app)

    assert served(app, 1).index("victim") < 10


@pytest.mark.parametrize("sources", [50, FLOOD])
def test_finding_20_names_that_a_flooder_invents_are_of_little_use(app: App, sources: int) -> None:
    flood(app, sources=sources)
    put(app, "erasure", PERSON, "victim", source="shop")
    prepare(app)
    sharing = sum(turn_of(f"flood {number % sources}") == turn_of("shop") for number in range(FLOOD))

    # each turn is served once in seventy at least, and few of the flood share the victim's
    assert served(app, sharing + 1).index("victim") <= 70 * (sharing + 1)
    assert sharing < 3 * FLOOD / TURNS


def test_finding_20_who_came_an_hour_before_a_flood_is_served_first_though_it_took_the_same_name(
    app: App, clock: Clock
) -> None:
    put(app, "erasure", PERSON, "victim", source="flood 0")
    prepare(app)
    clock.advance(hours=1, seconds=1)
    flood(app)
    prepare(app)

    assert served(app, 1).index("victim") < 10


def test_finding_20_a_date_long_ago_is_no_more_urgent_than_what_is_due_today(app: App, clock: Clock) -> None:
    waited = clock()
    put(app, "erasure", PERSON, "waited", received_at=waited)
    prepare(app)
    (event,) = rows(app, app.tables.event)
    clock.now = datetime.combine(event.due_on, time(10), UTC)
    app.queue.insert(
        [
            {"event_key": f"old {n}", "kind": "erasure", "email": f"p{n}@flood.test", "received_at": LONG_AGO}
            for n in range(150)
        ]
    )
    prepare(app)

    assert served(app, 1)[0] == "waited"
    due = {row.event_key: row.due_on for row in rows(app, app.tables.event)}
    assert due["old 7"] == date(2000, 1, 31)  # what the law says is shown all the same


def test_finding_20_days_that_a_producer_invents_cost_a_claim_nothing(app: App) -> None:
    app.queue.insert(
        [
            {
                "event_key": f"old {n}",
                "kind": "objection",
                "email": f"p{n}@flood.test",
                "received_at": LONG_AGO + timedelta(days=2 * n),
            }
            for n in range(2500)
        ]
    )
    prepare(app)
    statements: list[str] = []
    sa.event.listen(app.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))

    app.store.claim("crm", app.clock(), 100)

    assert len([text for text in statements if text.startswith("SELECT")]) < 10


def test_finding_20_what_came_late_already_is_counted_apart(app: App) -> None:
    flood(app, count=30)
    put(app, "erasure", PERSON, "late here", received_at=app.clock() - timedelta(days=29))
    prepare(app)

    events = inside_json(app.settings.path, "status")["events"]

    assert (events["overdue"], events["late_on_arrival"]) == (30, 30)


def test_finding_20_objections_go_first_where_one_source_alone_waits_and_among_what_a_batch_holds(app: App) -> None:
    for number in range(60):
        put(app, "erasure", f"e{number}@list.test", f"erasure {number}", source="shop")
        put(app, "objection", f"o{number}@list.test", f"objection {number}", source="shop")
    for number in range(15):
        put(app, "objection", f"w{number}@list.test", f"objection w{number}", source="shop")
    prepare(app)

    first = served(app, 1)

    assert Counter(key.partition(" ")[0] for key in islice(first, 70)) == {"objection": 70}


@on_every_engine
def test_finding_20_turns_are_asked_for_in_an_index_whatever_waits_and_sleeps(app: App, engine: str) -> None:
    now, today = app.clock(), app.clock().date()
    for name, state, at in (("wait", State.PENDING, now), ("sleep", State.RETRYING, now + timedelta(hours=6))):
        backlog.add(app.engine, app.tables, name, 5000, state=state, at=at, today=today, destination="crm")
    backlog.analyze(app.engine, app.tables)
    asked: list[tuple[str, object]] = []
    sa.event.listen(app.engine, "before_cursor_execute", lambda *args: asked.append((args[2], args[3])))
    app.store.claim("crm", now, 100)
    (union,) = [item for item in asked if "UNION ALL" in item[0]]

    word = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN (ANALYZE)"}.get(engine, "EXPLAIN")
    with app.engine.connect() as connection:
        plan = "\n".join(str(tuple(row)) for row in connection.exec_driver_sql(f"{word} {union[0]}", union[1]))

    assert plan.count("ix_syncer_delivery_turn") >= TURNS, plan
    tables = [line for line in plan.splitlines() if "<derived" not in line]
    assert not [line for line in tables if "Seq Scan" in line or "'ALL'" in line], plan
