"""Group F, time: a wall clock that is set, a machine that slept; libfaketime under the real daemon where it is."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sandbox import Fault, MailchimpSandbox
from syncer.app import App, load_settings
from syncer.domain.deadlines import due_on
from syncer.service.clock_jumps import ClockMonitor, Jump, record, since_last_entry
from syncer.service.drain import drain, prepare
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES, Clock
from tests.support.documents.reports import report_text, whole
from tests.support.processes import as_json, run, started, until
from tests.support.session import tools
from tests.support.walk import PERSON, put, rows, states, whats

#: libfaketime 0.9 takes the absolute monotonic time to which Python sleeps for one of its own: EINVAL
SLEEP = "import threading, time\ntime.sleep = lambda seconds: threading.Event().wait(seconds) and None\n"


@pytest.fixture
def wall_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the wall clock of commands started from now on, also while they run: `+0d`, `-1d`."""
    libraries = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not libraries:
        tools.skip("faketime", f"faketime {tools.NOT_INSTALLED}")
    offset = tmp_path / "offset"

    def put_to(text: str) -> None:
        fresh = offset.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(offset)

    put_to("+0d")
    monkeypatch.setenv("LD_PRELOAD", str(libraries[0]))
    monkeypatch.setenv("FAKETIME_TIMESTAMP_FILE", str(offset))
    monkeypatch.setenv("FAKETIME_NO_CACHE", "1")
    for name in ("FAKETIME_DONT_FAKE_MONOTONIC", "DONT_FAKE_MONOTONIC"):
        monkeypatch.setenv(name, "1")
    customised = tmp_path / "python"
    customised.mkdir()
    (customised / "sitecustomize.py").write_text(SLEEP, encoding="utf-8")
    path = filter(None, (str(customised), os.environ.get("PYTHONPATH")))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    monkeypatch.setenv("WATCHDOG_USEC", "3000000")  # the daemon looks at the clock once a second
    return put_to


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    initialise(load_settings(path))
    return path


def events(settings: Path) -> list[str]:
    return [event["state"] for event in as_json(settings, "events")]


# -- 89 -----------------------------------------------------------------------------------------------------


def test_fault_089_after_two_days_of_sleep_the_lease_is_lost_the_walk_goes_on_and_what_is_overdue_shows(
    settings: Path,
    tmp_path: Path,
    wall_clock: Callable[[str], None],
    mailchimp: MailchimpSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SYNCER_SCHEDULE__LEASE_SECONDS", "3")
    monkeypatch.setenv("SYNCER_DEADLINES__ANSWER_WITHIN_DAYS", "1")
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.fault(Fault(status=500, body="", times=None))
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 30)
        run(settings, "submit", "erasure", stdin=PERSON)
        until(lambda: "delivery.retrying" in log.read_text(encoding="utf-8"), 30)
        daemon.send_signal(signal.SIGSTOP)
        wall_clock("+2d")
        time.sleep(0.5)
        (event,) = as_json(settings, "events")
        assert event["overdue"]
        assert event["state"] == "open"

        mailchimp.clear_faults()
        daemon.send_signal(signal.SIGCONT)

        until(lambda: events(settings) == ["fulfilled"], 40)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0
    assert as_json(settings, "audit", "verify")["ok"]


def test_fault_089_a_lane_whose_lease_another_took_meanwhile_is_lost_and_taken_up_again_after_it(
    app: App, clock: Clock
) -> None:
    from syncer.delivery.leases import Leases

    (_, lane) = app.lanes()
    lane.turn()
    with app.engine.begin() as connection:  # a day passed in which nothing was renewed
        connection.execute(app.tables.lane.update().values(lease_until=clock() - timedelta(days=1)))
    other = Leases(app.transactions, "otherhost|boot|1|1")
    taken = other.acquire("crm")
    assert taken is not None
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    assert lane.turn() == 0  # the first write is refused
    assert not lane.owned
    other.release(taken)
    lane.turn()

    assert states(app)["crm"] == ("confirmed", "absent", None)
    assert whats(app).count("delivery:attempted") == 1
    lane.release()


# -- 90 -----------------------------------------------------------------------------------------------------


def test_fault_090_a_clock_set_back_by_a_day_stops_no_job_and_no_backoff_and_the_jump_is_shown(
    settings: Path, tmp_path: Path, wall_clock: Callable[[str], None], mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.fault(Fault(status=500, body="", times=None))
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 30)
        run(settings, "submit", "erasure", stdin=PERSON)
        until(lambda: "delivery.retrying" in log.read_text(encoding="utf-8"), 30)

        wall_clock("-1d")
        mailchimp.clear_faults()

        until(lambda: "clock.anomaly" in log.read_text(encoding="utf-8"), 20)
        until(lambda: events(settings) == ["fulfilled"], 40)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0
    text = run(settings, "report").stdout
    assert "the machine's clock jumped by -86" in text.replace("\n", " ")
    lanes = [line for line in run(settings, "audit", "export").stdout.splitlines() if '"lane:taken"' in line]
    assert len(lanes) == 2  # no lease was lost over it


def test_fault_090_a_clock_set_ahead_by_a_day_loses_no_lease_and_makes_due_what_is_due_by_it(
    app: App, clock: Clock
) -> None:
    received = clock()
    put(app, "erasure", PERSON, "k1", received_at=received)
    lease = app.leases.acquire("crm") or pytest.fail("the lane is free")
    prepare(app)

    clock.advance(days=40)

    assert app.leases.renew(lease)
    (event,) = app.reader.events()
    assert event.overdue
    assert event.due_on == due_on(received, app.settings.deadlines.zone, 30)
    app.leases.release(lease)
    drain(app)
    assert states(app)["crm"] == ("confirmed", "absent", None)


def test_fault_090_a_jump_is_audited_said_in_the_report_and_ends_only_waits_that_it_drew_out(
    app: App, clock: Clock
) -> None:
    for number in range(3):
        put(app, "erasure", PERSON, f"k{number}")
    prepare(app)
    before, after = clock(), clock() - timedelta(hours=1)
    meant, too_long = before + timedelta(hours=2), after + timedelta(hours=6, minutes=1)
    delivery, lane = app.tables.delivery, app.tables.lane
    ids = [row.id for row in rows(app, delivery) if row.destination == "crm"]
    with app.engine.begin() as connection:
        for id_, moment in zip(ids, (before, meant, too_long), strict=True):
            connection.execute(delivery.update().where(delivery.c.id == id_).values(next_attempt_at=moment))
        connection.execute(lane.update().values(cool_until=before, probe_at=meant))
    clock.now = after

    record(app.transactions, Jump(expected=before, actual=after))

    due = {row.id: row.next_attempt_at for row in rows(app, delivery)}
    assert [due[id_] for id_ in ids] == [after, meant, after]
    assert {(row.cool_until, row.probe_at) for row in rows(app, lane)} == {(after, meant)}
    text = " ".join(report_text(whole(app)).split())
    assert "the machine's clock jumped by -3600 seconds" in text
    assert app.ledger.verify().ok


def test_fault_090_a_step_back_while_nothing_ran_is_seen_at_the_next_start(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    assert since_last_entry(app.transactions) is None

    clock.advance(days=-1)

    jump = since_last_entry(app.transactions)
    assert jump is not None
    assert jump.seconds == -86400


def test_fault_090_a_leap_second_and_the_end_of_summer_time_are_no_jumps() -> None:
    clock, ticks = Clock(datetime(2026, 10, 25, 0, 59, 58, tzinfo=UTC)), [0.0]
    monitor = ClockMonitor(clock, lambda: ticks[0])
    for wall, elapsed in ((2.0, 2.0), (1.0, 2.0), (3600.0, 3600.0)):  # the second: a second that is there twice
        clock.advance(seconds=wall)
        ticks[0] += elapsed
        assert monitor.look() is None
    clock.advance(days=1)

    jump = monitor.look()

    assert jump is not None
    assert jump.seconds == 86400
