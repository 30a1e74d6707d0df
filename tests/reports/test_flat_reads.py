"""What people look at reads as much among ten times as many finished requests: counted by each engine itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.clock import stamp
from syncer.database.connections import writing
from syncer.decisions.resync_plan import Selection
from syncer.domain.model import EventState, State
from syncer.domain.rights import Right
from syncer.events.reading.selection import EventFilter
from syncer.service import metrics
from syncer.service.far_waits import FarWaits
from syncer.setup.install import initialise
from tests.conftest import SETTINGS, Clock
from tests.reports.rows_read import rows_read
from tests.support import backlog
from tests.support.servers import ENGINES

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
FEW, MANY = 1_500, 15_000
#: the finished ones are this old
AGES = timedelta(days=400)
#: what may be read more of: a level more of an index, statistics that round differently
ALLOWANCE = 1.3

LISTS: dict[str, tuple[EventFilter, int | None]] = {
    "newest": (EventFilter(), 20),
    "fulfilled": (EventFilter(state="fulfilled"), 20),
    "open": (EventFilter(state="open"), None),
    "held": (EventFilter(state="held"), None),
    "overdue": (EventFilter(state="overdue"), None),
    "late": (EventFilter(state="late"), None),
    "since": (EventFilter(since=START - timedelta(days=40)), None),
    "until": (EventFilter(until=START - timedelta(days=40)), 20),
    "span of the held": (EventFilter(state="held", since=START - timedelta(days=40), until=START), None),
    "destination": (EventFilter(destination="crm"), 20),
    "small destination": (EventFilter(destination="newsletter"), None),
    "right": (EventFilter(right=Right.OBJECTION), 20),
    "right at a small destination": (EventFilter(right=Right.ERASURE, destination="newsletter"), None),
    "person": (EventFilter(subject=("p1:wait-0000003",)), None),
}
PLANS = {
    "resync held": Selection(held=True),
    "resync confirmed": Selection(confirmed_since=START - timedelta(days=40)),
    "resync confirmed at one": Selection(confirmed_since=START - timedelta(days=40), destination="crm"),
    "resync a destination": Selection(destination="newsletter"),
    "resync an event": Selection(events=("wait-0000003",)),
}


def looks(app: App) -> dict[str, Callable[[], object]]:
    """Everything that is looked at, by name."""
    found: dict[str, Callable[[], object]] = {
        "status": app.status.read,
        "metrics": lambda: metrics.text(app),
        "show": lambda: app.reader.show("wait-0000003"),
        "resolve": lambda: app.reader.resolve("0123456"),
        "retention": app.purge.due,
        "addresses past their time": app.shredding.overdue,
        "rechecks that were lost": FarWaits(app).find_lost,
        "addresses to seal anew": app.resealing.run,
        "addresses kept": app.resealing.kept,
    }
    found |= {name: lambda item=item: list(app.reader.stream(*item)) for name, item in LISTS.items()}
    return found | {name: lambda item=item: app.resync.plan(item) for name, item in PLANS.items()}


ADDRESSES = ("addresses past their time", "rechecks that were lost", "addresses to seal anew", "addresses kept")
NAMES = ("status", "metrics", "show", "resolve", "retention", *ADDRESSES, *LISTS, *PLANS)


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], dict[str, tuple[int, int]]]]:
    """Give what each look read of an engine, among FEW and among MANY finished ones."""
    known: dict[str, dict[str, tuple[int, int]]] = {}

    def of(engine: str) -> dict[str, tuple[int, int]]:
        if engine not in known:
            url = "sqlite:///syncer.db" if engine == "sqlite" else request.getfixturevalue(engine).new_database()
            known[engine] = _measure(_installed(tmp_path_factory.mktemp(engine) / "settings.toml", url))
        return known[engine]

    yield of


@pytest.mark.slow  # fills an installation ten times over
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_a_look_reads_as_much_among_ten_times_as_many(
    name: str, engine: str, measured: Callable[[str], dict[str, tuple[int, int]]]
) -> None:
    before, after = measured(engine)[name]

    assert after <= ALLOWANCE * before + 20


def _measure(app: App) -> dict[str, tuple[int, int]]:
    try:
        for name, state, at in (("wait", State.PENDING, START), ("held", State.HELD, None)):
            destination = "newsletter" if state is State.HELD else "crm"
            _add(app, name, 60, state, at, START.date(), destination)
        _hold(app)
        _finish(app, "few", FEW)
        before = {name: rows_read(app.engine, look) for name, look in looks(app).items()}
        _finish(app, "many", MANY - FEW)
        return {name: (before[name], rows_read(app.engine, look)) for name, look in looks(app).items()}
    finally:
        app.close()


def _installed(path: Path, url: str) -> App:
    nowhere = "http://127.0.0.1:1"  # nobody is called
    text = SETTINGS.format(
        database=url, mailchimp=nowhere, activecampaign=nowhere, objection="unsubscribe", recheck_days="[]", rate=5
    )
    path.write_text(text, encoding="utf-8")
    settings = load_settings(path)
    initialise(settings)
    return open_app(settings, clock=Clock(START))


def _add(app: App, name: str, count: int, state: State, at: datetime | None, today: date, destination: str) -> None:
    backlog.add(app.engine, app.tables, name, count, state=state, at=at, today=today, destination=destination)


def _hold(app: App) -> None:
    """Let the held ones be held, a few of them past their day, and give one event an id that can be begun."""
    e = app.tables.event
    with writing(app.engine) as connection:
        held = e.update().where(e.c.id.startswith("held-"))
        connection.execute(held.values(state=EventState.HELD, due_on=START.date() - timedelta(days=2)))
        row: dict[str, Any] = {"id": "0123456789ab", "event_key": "one", "received_at": START, "due_on": START.date()}
        connection.execute(e.insert().values(**row, state="fulfilled", created_at=START, rechecks_done=0))


def _finish(app: App, name: str, count: int) -> None:
    """Add finished ones with their entries in the log; twenty of them, of the first lot, were answered late."""
    t, e, d = app.tables.audit, app.tables.event, app.tables.delivery
    _add(app, name, count, State.CONFIRMED, None, START.date() - AGES, "crm")
    ours, old = e.c.id.startswith(f"{name}-"), START - AGES
    with writing(app.engine) as connection:
        of_ours = d.c.event_id.startswith(f"{name}-")
        connection.execute(e.update().where(ours).values(fulfilled_at=e.c.received_at))
        connection.execute(d.update().where(of_ours).values(confirmed_at=old))
        if name == "few":
            late = list(connection.execute(sa.select(e.c.id).where(ours).order_by(e.c.id).limit(20)).scalars())
            connection.execute(e.update().where(e.c.id.in_(late)).values(fulfilled_at=START))
            connection.execute(d.update().where(d.c.event_id.in_(late)).values(confirmed_at=START))
        first = 1 + (connection.execute(sa.select(sa.func.max(t.c.seq))).scalar() or 0)
        ids = connection.execute(sa.select(e.c.id).where(ours)).scalars().all()
        entries = [
            {"seq": first + 2 * number + which, "what": what, "event_id": event_id, "at": stamp(at), "body": body}
            for number, event_id in enumerate(ids)
            # of one the body is purged, of the other it is young
            for which, (what, at, body) in enumerate((("event:received", old, None), ("event:fulfilled", START, "{}")))
        ]
        connection.execute(t.insert(), [entry | {"leaf": bytes(32), "mac": bytes(32)} for entry in entries])
    backlog.analyze(app.engine, app.tables)
    with app.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        words = {"sqlite": "ANALYZE", "mysql": "ANALYZE TABLE", "postgresql": "VACUUM ANALYZE"}
        connection.exec_driver_sql(f"{words[connection.dialect.name]} {t.name}")
