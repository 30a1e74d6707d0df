"""Retention: bodies go on record and nothing else does, on every engine; addresses that outlived their use go too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from syncer.app import App
from syncer.events.shredding import Shredding
from syncer.events.store import Store
from syncer.service.drain import drain, prepare
from tests.conftest import Clock
from tests.support.processes import inside as run
from tests.support.processes import inside_json as run_json
from tests.support.purging import bodies, old_and_new, power_cut
from tests.support.servers import ENGINES
from tests.support.walk import put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)
PERSON = "ada@lovelace.test"


@pytest.mark.slow
@everywhere
def test_bodies_go_on_record_with_their_event_and_everything_still_verifies(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    before = {row.seq: (row.leaf, row.mac, row.what) for row in rows(app, app.tables.audit)}
    ids = {row.event_key: row.id for row in rows(app, app.tables.event)}

    planned = app.purge.due()
    done = app.purge.carry_out()

    assert planned == done
    assert done.bodies is not None
    entries = rows(app, app.tables.audit)
    gone = [row for row in entries if row.body is None]
    assert len(gone) == done.bodies.count > 5
    assert {row.event_id for row in gone} == {ids["old"], None}
    assert not any(row.what.startswith("audit:") for row in gone)
    assert all(row.body for row in entries if row.event_id in (ids["held"], ids["new"]))
    assert all(before[row.seq] == (row.leaf, row.mac, row.what) for row in entries if row.seq in before)
    entry = next(row for row in entries if row.what == "audit:purged")
    facts = json.loads(entry.body)["facts"]
    assert (facts["count"], facts["months"], facts["size"]) == (len(gone), 36, entry.seq - 1)
    app.notary.make()
    verdict = app.verify()
    assert (verdict.ok, verdict.reason, verdict.purged) == (True, None, len(gone))
    assert app.purge.carry_out().bodies is None  # again is harmless


@pytest.mark.slow
@everywhere
def test_the_triggers_allow_a_purge_on_record_and_nothing_else(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    t = app.tables.audit
    with power_cut(app, 0):
        app.purge.carry_out()  # on record, and nothing taken yet
    everything = rows(app, t)
    young = everything[-1].seq
    purgeable = next(row.seq for row in everything if row.body and not row.what.startswith("audit:"))
    own = next(row.seq for row in everything if row.what == "audit:purged")
    refused: list[tuple[sa.ColumnElement[bool], dict[str, Any]]] = [
        (t.c.seq == young, {"body": None}),
        (t.c.seq == own, {"body": None}),
        (t.c.seq == own, {"body": "{}"}),
        (t.c.seq == purgeable, {"body": "{}"}),
        (t.c.seq == purgeable, {"body": None, "leaf": bytes(32)}),
        (t.c.seq == purgeable, {"body": None, "mac": bytes(32)}),
        (t.c.seq == purgeable, {"body": None, "what": "event:fulfilled"}),
        (t.c.seq == purgeable, {"body": None, "at": "2020-01-01T00:00:00.000000Z"}),
        (t.c.seq == purgeable, {"body": None, "event_id": None}),
        (t.c.seq == purgeable, {"body": None, "destination": "x"}),
        (t.c.seq == purgeable, {"body": None, "seq": 100_000}),
        (t.c.seq > 0, {"body": None}),
    ]

    for where, values in refused:
        with pytest.raises(DBAPIError, match="append-only"), app.engine.begin() as connection:
            connection.execute(t.update().where(where).values(**values))
    with pytest.raises(DBAPIError, match="append-only"), app.engine.begin() as connection:
        connection.execute(t.delete().where(t.c.seq == purgeable))
    assert rows(app, t) == everything
    with app.engine.begin() as connection:
        connection.execute(t.update().where(t.c.seq == purgeable).values(body=None))
    for body in ("{}", None):  # gone is gone
        with pytest.raises(DBAPIError, match="append-only"), app.engine.begin() as connection:
            connection.execute(t.update().where(t.c.seq == purgeable).values(body=body))


@pytest.mark.slow
@everywhere
def test_before_the_first_purge_no_body_goes(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    t = app.tables.audit

    with pytest.raises(DBAPIError, match="append-only"), app.engine.begin() as connection:
        connection.execute(t.update().where(t.c.seq == 1).values(body=None))


@pytest.mark.slow
def test_what_was_kept_goes_with_a_later_purge(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    app.purge.carry_out()
    (held,) = [row.id for row in rows(app, app.tables.event) if row.event_key == "held"]
    for destination in ("newsletter", "crm"):
        from syncer.domain.rights import Ground

        app.interventions.exempt(held, destination, Ground.OTHER, "it was a test")
    assert app.purge.due().bodies is None
    clock.advance(days=37 * 31)

    done = app.purge.carry_out()

    assert done.bodies is not None
    assert not any(bodies(app)[row.seq] for row in rows(app, app.tables.audit) if row.event_id == held)
    verdict = app.verify()
    assert verdict.ok, verdict.reason


def test_the_command_shows_before_it_does(settings_file: Callable[..., Path]) -> None:
    settings = settings_file()
    run(settings, "init")
    run(settings, "find", stdin=PERSON)

    shown = run_json(settings, "retention", "--dry-run")
    done = run(settings, "retention")

    assert shown == {"dry_run": True, "audit_months": 36, "bodies": None, "unfinished": None, "addresses": [],
                     "addresses_left": []}  # fmt: skip
    assert (done.returncode, "no bodies older than 36 months" in done.stdout) == (0, True)


def test_an_address_that_outlived_its_rechecks_is_shredded(make_app: Callable[..., App], clock: Clock) -> None:
    app = make_app(recheck_days="[1, 7]")
    put(app, "erasure", PERSON, "k1")
    drain(app)
    shorter = Shredding(app.transactions, Store(app.transactions, ()))  # the setting was lowered since
    assert shorter.overdue() == ()
    clock.advance(days=2)

    assert len(shorter.overdue()) == 1
    assert shorter.shred() == ()

    (event,) = rows(app, app.tables.event)
    assert event.email_sealed is None
    assert event.shredded_at is not None
    assert [row.what for row in rows(app, app.tables.audit)].count("identity:shredded") == 1
    assert app.verify().ok


@pytest.mark.slow
def test_an_address_whose_recheck_is_late_is_reported_not_lost(make_app: Callable[..., App], clock: Clock) -> None:
    app = make_app(recheck_days="[1, 7]")
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.advance(days=20)  # nobody ran the daemon

    (left,) = app.shredding.shred()

    (event,) = rows(app, app.tables.event)
    assert (event.id, event.email_sealed is not None) == (left, True)
    for _ in range(3):
        prepare(app)
        drain(app)
    assert app.shredding.shred() == ()
