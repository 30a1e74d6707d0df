"""What no body proves any more: the columns of purged entries, given to an event that somebody wants passed over."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from syncer.app import App
from tests.conftest import Clock
from tests.support.attacks.tampering import undone
from tests.support.purging import old_and_new
from tests.support.walk import rows


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
