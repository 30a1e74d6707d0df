"""Finding 2: the whole log is verified once a day beside the work, and what is found ends the work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.app import App
from syncer.audit.offline.finding import Finding
from syncer.audit.proof.verification.passage import SLICE
from syncer.delivery.balance import Presence
from syncer.delivery.leases import Leases
from syncer.errors import ChainBroken
from syncer.reports.status import needs_attention
from syncer.service.drain import drain, prepare
from syncer.service.soundness import DailyVerification
from tests.conftest import Clock
from tests.support.attacks.forging import entries
from tests.support.attacks.tampering import undone
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)


@pytest.fixture
def daily(app: App, clock: Clock) -> Iterator[DailyVerification]:
    entries(app, 2 * SLICE + 7)
    clock.advance(hours=25)
    yield DailyVerification(app)


@pytest.mark.slow
@everywhere
def test_finding_02_the_daemon_verifies_everything_once_a_day(app: App, clock: Clock, daily: DailyVerification) -> None:
    daily.run()

    last = app.verified.last()
    assert last is not None
    assert (last.at, last.ok, last.entries) == (clock(), True, 2 * SLICE + 7)
    clock.advance(hours=23)
    daily.run()
    assert app.verified.last() == last
    clock.advance(hours=2)
    daily.run()
    assert app.verified.last().at == clock()


@everywhere
def test_finding_02_what_was_changed_long_ago_is_found_kept_and_ends_the_daemon(
    app: App, clock: Clock, daily: DailyVerification
) -> None:
    app.notary.make()
    with app.engine.begin() as connection:
        if app.engine.dialect.name == "postgresql":
            connection.exec_driver_sql("ALTER TABLE syncer_audit DISABLE TRIGGER ALL")
        else:
            connection.exec_driver_sql("DROP TRIGGER syncer_audit_no_update")
        connection.execute(app.tables.audit.update().where(app.tables.audit.c.seq == 40).values(destination="crm"))
    app.notary.make()  # below a checkpoint nothing is recomputed

    with pytest.raises(ChainBroken, match="entry 40 was altered"):
        daily.run()

    last = app.verified.last()
    assert last is not None
    assert not last.ok
    assert "entry 40" in str(app.verified.standing().problem)
    with pytest.raises(ChainBroken, match="entry 40"):  # the next start does not go on beside it
        drain(app)


def test_finding_02_a_table_that_differs_from_a_whole_log_is_an_alarm_and_stops_nobody(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    clock.advance(hours=25)
    with app.engine.begin() as connection:
        connection.execute(app.tables.delivery.update().values(state="confirmed"))

    DailyVerification(app).run()

    last = app.verified.last()
    assert last is not None
    assert not last.ok
    assert "is confirmed in its table, but not in the log" in str(app.verified.standing().problem)
    assert needs_attention(app.status.read())
    assert not app.verified.due()
    clock.advance(hours=2)
    assert app.verified.due()
    put(app, "erasure", OTHER, "k2")
    drain(app)
    (second,) = [row.id for row in rows(app, app.tables.event) if row.event_key == "k2"]
    assert {row.state for row in rows(app, app.tables.delivery) if row.event_id == second} == {"confirmed"}


def test_finding_02_work_that_goes_on_meanwhile_raises_no_false_alarm(
    app: App, clock: Clock, daily: DailyVerification
) -> None:
    put(app, "erasure", PERSON, "k1")
    worked: list[int] = []

    def meanwhile(_seconds: float) -> None:
        if not worked:
            worked.append(drain(app).confirmed)
            app.notary.make()

    finding = app.verify(pause=meanwhile)

    assert worked == [2]
    assert finding.ok, finding.reason
    assert finding.entries == app.ledger.head()[0]


def test_finding_02_a_stop_ends_it_at_once_without_a_result(app: App, daily: DailyVerification) -> None:
    app.stop.set()

    daily.run()

    assert app.verified.last() is None


def test_finding_02_of_several_daemons_the_oldest_verifies(app: App, daily: DailyVerification) -> None:
    elsewhere = Presence(app.transactions, Leases(app.transactions, "otherhost|boot|1|1"))
    elsewhere.arrive()
    app.presence.arrive()

    daily.run()
    assert app.verified.last() is None
    elsewhere.leave()
    daily.run()
    assert app.verified.last() is not None


def test_finding_02_no_snapshot_is_open_while_it_rests(app: App, daily: DailyVerification, tmp_path: Path) -> None:
    busy: list[int] = []

    def look(_seconds: float) -> None:
        with app.engine.begin() as connection:
            busy.append(connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0])

    assert app.verify(pause=look).ok

    assert busy == [0, 0]


def test_finding_02_where_only_drains_run_the_drain_verifies_once_a_day(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert app.verified.last() is None
    clock.advance(hours=30)

    drain(app)

    last = app.verified.last()
    assert last is not None
    assert last.ok


def test_finding_02_a_verification_recorded_as_failed_is_repeated_before_anything_is_done(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    app.verified.record(Finding(False, 1, 1, "entry 1 was altered"))

    drain(app)  # it is whole, or whole again

    assert app.verified.last().ok
    undone(app, "UPDATE syncer_audit SET destination = 'crm' WHERE seq = 1")
    app.verified.record(app.verify())
    before = len(rows(app, app.tables.audit))
    with pytest.raises(ChainBroken, match="entry 1"):
        drain(app)
    assert len(rows(app, app.tables.audit)) == before
