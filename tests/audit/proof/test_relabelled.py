"""What no body proves any more: the columns of purged entries, given to an event that somebody wants passed over."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from syncer.app import App
from tests.conftest import Clock
from tests.support.attacks.tampering import undone
from tests.support.purging import old_and_new
from tests.support.walk import rows


@pytest.mark.slow
@pytest.mark.parametrize("whole", [True, False], ids=["all at once", "in slices"])
@pytest.mark.parametrize("what", ["delivery:applied", "event:received"])
def test_a_purged_entry_cannot_be_given_to_an_event_whose_rows_were_changed(
    app: App, clock: Clock, what: str, whole: bool
) -> None:
    old_and_new(app, clock)
    assert app.purge.carry_out().bodies is not None
    app.notary.make()
    assert app.verify().ok
    ids = {row.event_key: row.id for row in rows(app, app.tables.event)}
    purged = next(row.seq for row in rows(app, app.tables.audit) if row.body is None and row.event_id == ids["old"])

    undone(app, f"UPDATE syncer_audit SET event_id = '{ids['held']}', what = '{what}' WHERE seq = {purged}")
    with app.engine.begin() as connection:
        e = app.tables.event
        connection.execute(sa.update(e).where(e.c.id == ids["held"]).values(right="objection"))

    finding = app.verify() if whole else app.verification.whole(pause=lambda _: None)
    assert (finding.ok, finding.first_bad) == (False, purged)
    assert finding.reason == f"entry {purged} was altered: it lost its body, and its event's receipt did not"


def test_a_purged_entry_cannot_be_given_to_an_event_that_never_was(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    assert app.purge.carry_out().bodies is not None
    app.notary.make()
    bare = [row for row in rows(app, app.tables.audit) if row.body is None and row.event_id]
    purged = next(row.seq for row in bare if row.what != "event:received")

    undone(app, f"UPDATE syncer_audit SET event_id = 'nobody' WHERE seq = {purged}")

    finding = app.verify()
    assert (finding.ok, finding.reason) == (False, f"entry {purged} concerns an event that was never received")


# -- who looks at a few events -------------------------------------------------------------------------------


def emptied(app: App, key: str) -> str:
    """Take every text of a request, which is passed over then, and call it fulfilled; return its id."""
    event = next(str(row.id) for row in rows(app, app.tables.event) if row.event_key == key)
    undone(app, f"UPDATE syncer_audit SET body = NULL WHERE event_id = '{event}'")
    undone(app, f"UPDATE syncer_event SET state = 'fulfilled' WHERE id = '{event}'")
    undone(app, f"UPDATE syncer_delivery SET state = 'confirmed' WHERE event_id = '{event}'")
    return event


@pytest.mark.slow
def test_a_request_that_is_shown_must_have_lost_its_texts_to_a_purge(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    assert app.purge.carry_out().bodies is not None
    app.notary.make()
    assert app.verify().ok
    new = emptied(app, "new")
    first = next(row.seq for row in rows(app, app.tables.audit) if row.event_id == new)
    reason = f"entry {first} lost its body, and no purge on record took it"

    assert app.verification.objection([new]) == reason
    finding = app.verify_since([new])
    assert (finding.ok, finding.first_bad, finding.reason) == (False, first, reason)


@pytest.mark.slow
def test_a_request_whose_texts_a_purge_took_is_shown_without_an_objection(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    old = next(str(row.id) for row in rows(app, app.tables.event) if row.event_key == "old")
    assert app.purge.carry_out().bodies is not None
    app.notary.make()
    assert app.verify().ok

    assert app.verification.objection([old]) is None
    assert app.verify_since([old]).ok
    assert app.verification.whole(pause=lambda _: None).ok


# -- what may stand in the tables of what was purged ---------------------------------------------------------


def purged(app: App, clock: Clock) -> str:
    """Purge a request; return its id."""
    old_and_new(app, clock)
    assert app.purge.carry_out().bodies is not None
    app.notary.make()
    assert app.verify().ok
    return next(str(row.id) for row in rows(app, app.tables.event) if row.event_key == "old")


@pytest.mark.slow
def test_an_erasure_of_yesterday_cannot_be_made_of_purged_entries(app: App, clock: Clock) -> None:
    old = purged(app, clock)
    bare = [row.seq for row in rows(app, app.tables.audit) if row.body is None and row.event_id == old]
    undone(app, f"UPDATE syncer_audit SET event_id = 'x', what = 'event:received' WHERE seq = {bare[-1]}")
    yesterday = f"'{clock.now:%Y-%m-%d} 00:00:00.000000'"
    columns = 'id, event_key, "right", subject, received_at, due_on, state, created_at, fulfilled_at, rechecks_done'
    values = f"'x', 'x', 'erasure', 'p1:x', {yesterday}, due_on, state, {yesterday}, {yesterday}, 0"
    undone(app, f"INSERT INTO syncer_event ({columns}) SELECT {values} FROM syncer_event WHERE id = '{old}'")
    undone(app, "UPDATE syncer_tally SET number = number + 1 WHERE what = 'event'")

    for finding in (app.verify(), app.verification.whole(pause=lambda _: None), app.verify_since(["x"])):
        assert not finding.ok
        assert "event x: its received_at is" in str(finding.reason)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE syncer_event SET state = 'open' WHERE id = '{}'", "is open in its table, but it was purged"),
        ("UPDATE syncer_event SET fulfilled_at = '2026-01-01 00:00:00.000000' WHERE id = '{}'", "later than all"),
        ("UPDATE syncer_event SET received_at = x'ff' WHERE id = '{}'", "later than all"),
        ("DELETE FROM syncer_event WHERE id = '{}'", "somebody deleted it"),
    ],
)
def test_a_purged_request_was_over_long_ago(app: App, clock: Clock, statement: str, named: str) -> None:
    old = purged(app, clock)
    if statement.startswith("DELETE"):
        undone(app, f"DELETE FROM syncer_delivery WHERE event_id = '{old}'")
    undone(app, statement.format(old))

    finding = app.verify()
    assert not finding.ok
    assert named in str(finding.reason)
