"""A purge entry made by hand frees no body, and triggers that somebody dropped come back, on every engine."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from syncer.app import App
from syncer.clock import stamp
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.processes import inside as run
from tests.support.processes import inside_json as run_json
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)
#: what a session may say to a server to shift the time that it is told
LIES = {
    "sqlite": (),
    "mysql": ("SET timestamp = 2145916800", "SET time_zone = '+13:00'"),
    "postgresql": ("SET timezone = '-13'",),
}


def _claim(app: App, **facts: Any) -> None:
    """Write a purge entry as an account may that has no key: at the end, with some mac."""
    last = max(row.seq for row in rows(app, app.tables.audit))
    body = json.dumps({"facts": {"from": 1, "to": last, "before": "9999"} | facts})
    row = {"seq": last + 1, "at": stamp(app.clock()), "what": "audit:purged", "body": body}
    with app.engine.begin() as connection:
        connection.execute(app.tables.audit.insert().values(row | {"leaf": bytes(32), "mac": bytes(32)}))


def _take_all(app: App) -> None:
    t = app.tables.audit
    with app.engine.connect() as connection, connection.begin():
        for lie in LIES[app.engine.dialect.name]:
            connection.exec_driver_sql(lie)
        connection.execute(t.update().where(t.c.what.not_like("audit:%")).values(body=None))
    app.engine.dispose()


@everywhere
def test_finding_09_a_purge_entry_made_by_hand_frees_no_body_of_today(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    for facts in ({}, {"to": 10**9}, {"before": stamp(app.clock() + timedelta(days=1))}):
        _claim(app, **facts)

        with pytest.raises(DBAPIError, match="append-only"):
            _take_all(app)

    app.engine.dispose()
    assert all(row.body is not None for row in rows(app, app.tables.audit))


@everywhere
@pytest.mark.parametrize("what", ["audit:checkpoint", "key:rotated", "delivery:confirmed"])
def test_finding_09_what_says_how_the_log_was_signed_keeps_its_body_at_any_age(
    app: App, clock: Clock, what: str
) -> None:
    t, old = app.tables.audit, stamp(clock() - timedelta(days=800))
    row = {"seq": 1 + max((row.seq for row in rows(app, t)), default=0), "at": old, "what": what, "body": "{}"}
    with app.engine.begin() as connection:
        connection.execute(t.insert().values(row | {"leaf": bytes(32), "mac": bytes(32)}))
    _claim(app, before=stamp(clock() - timedelta(days=700)))

    def take() -> None:
        with app.engine.begin() as connection:
            connection.execute(t.update().where(t.c.seq == row["seq"]).values(body=None))

    if what == "delivery:confirmed":
        take()
    else:
        with pytest.raises(DBAPIError, match="append-only"):
            take()
    (left,) = [found.body for found in rows(app, t) if found.seq == row["seq"]]
    assert (left is None) is (what == "delivery:confirmed")


@pytest.mark.slow
@everywhere
@pytest.mark.parametrize(
    "facts",
    [{"before": "9999"}, {"before": "2999-01-01T00:00:00.000000Z"}, {"to": 10**9, "before": None}, {"from": -5}],
    ids=["for-ever", "in-the-future", "to-the-end", "from-nowhere"],
)
def test_finding_09_a_purge_entry_that_claims_too_much_covers_nothing(
    app: App, clock: Clock, facts: dict[str, Any]
) -> None:
    today = clock()
    clock.advance(days=-800)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.now = today
    sane = stamp(today - timedelta(days=700))
    claim = {"before": sane} | {key: value for key, value in facts.items() if value is not None}
    _claim(app, **claim)

    with pytest.raises(DBAPIError, match="append-only"):
        _take_all(app)

    app.engine.dispose()
    _claim(app, before=sane)  # of what is old, one that is as it should be frees the bodies
    _take_all(app)
    assert [row.what for row in rows(app, app.tables.audit) if row.body] == ["audit:purged"] * 2


@everywhere
def test_finding_09_a_host_whose_clock_is_ahead_asks_for_no_more_than_the_server_allows(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.advance(days=40 * 31)

    assert app.purge.carry_out().bodies is None


_DROPPED = {
    "sqlite": ("DROP TRIGGER syncer_audit_no_update", "DROP TRIGGER syncer_audit_no_replace"),
    "mysql": ("DROP TRIGGER syncer_audit_no_update",),
    "postgresql": ("DROP TRIGGER syncer_audit_no_update ON syncer_audit",),
}
_REPLACED = {
    "sqlite": (
        "DROP TRIGGER syncer_audit_no_delete",
        "CREATE TRIGGER syncer_audit_no_delete BEFORE DELETE ON syncer_audit BEGIN SELECT 1; END",
    ),
    "mysql": (
        "DROP TRIGGER syncer_audit_no_delete",
        "CREATE TRIGGER syncer_audit_no_delete BEFORE DELETE ON syncer_audit FOR EACH ROW SET @nothing = 1",
    ),
    "postgresql": (
        "CREATE OR REPLACE FUNCTION syncer_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RETURN OLD; END $$",
    ),
}
_DISABLED = {  # the others cannot be switched off there
    "sqlite": ("DROP TRIGGER syncer_audit_no_delete",),
    "mysql": ("DROP TRIGGER syncer_audit_no_delete",),
    "postgresql": ("ALTER TABLE syncer_audit DISABLE TRIGGER USER",),
}


@pytest.mark.slow
@everywhere
@pytest.mark.parametrize("statements", [_DROPPED, _REPLACED, _DISABLED], ids=["dropped", "replaced", "disabled"])
def test_finding_09_triggers_that_somebody_took_away_are_missed_by_check_and_made_again_by_upgrade(
    app: App, statements: dict[str, tuple[str, ...]]
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    with app.engine.begin() as connection:
        for statement in statements[app.engine.dialect.name]:
            connection.exec_driver_sql(statement)

    assert "`syncer db upgrade` creates it again" in _append_only(app)["remedy"]
    told = run(app.settings.path, "db", "upgrade")
    again = run(app.settings.path, "init")

    assert (told.returncode, "had been dropped or changed" in told.stdout) == (0, True), told
    assert ("up to date\n" in again.stdout, "dropped" in again.stdout) == (True, False)
    assert _append_only(app)["ok"]


def _append_only(app: App) -> dict[str, Any]:
    app.engine.dispose()
    findings = {item["name"]: item for item in run_json(app.settings.path, "check")["checks"]}
    found: dict[str, Any] = findings["audit is append-only"]
    return found


@everywhere
def test_finding_09_the_triggers_are_left_alone_where_they_stand(app: App) -> None:
    from syncer.database.triggers import protect

    with app.engine.begin() as connection:
        assert protect(connection, "syncer_audit") == ()
        assert sa.inspect(connection).has_table("syncer_audit")
