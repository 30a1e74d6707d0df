"""Group F, the process: signals, kills, stops, limits and the watchdog, on the real daemon."""

from __future__ import annotations

import contextlib
import json
import resource
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import load_settings, make_tables, open_app
from syncer.database import connections, engines
from syncer.service.drain import drain, prepare
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES
from tests.faults.systemd import Systemd
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.walk import PERSON, put, rows

DELETION = {"method": "POST", "path": "delete-permanent"}


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    initialise(load_settings(path))
    return path


def submit(settings: Path, *addresses: str) -> None:
    """Queue erasures as a producer would."""
    with open_app(load_settings(settings)) as app:
        for number, address in enumerate(addresses):
            put(app, "erasure", address, f"key {number}")


def deliveries(settings: Path) -> list[Any]:
    app = open_app(load_settings(settings))
    try:
        return rows(app, app.tables.delivery)
    finally:
        app.close()


def all_confirmed(settings: Path) -> bool:
    rows = deliveries(settings)
    return bool(rows) and {row.state for row in rows} == {"confirmed"}


def audit(settings: Path) -> list[dict[str, Any]]:
    """Return every entry's body."""
    app = open_app(load_settings(settings))
    try:
        assert app.ledger.verify().ok
        return [json.loads(row["body"]) for row in app.ledger.rows()]
    finally:
        app.close()


def count(settings: Path, what: str) -> Counter[tuple[str, str]]:
    """Return how often an audit word stands for each destination."""
    return Counter((entry["event"], entry["destination"]) for entry in audit(settings) if entry["what"] == what)


def hands(settings: Path) -> dict[str, int]:
    """Return which process took each lane last."""
    return {entry["destination"]: entry["actor"]["pid"] for entry in audit(settings) if entry["what"] == "lane:taken"}


def said(log: Path, what: str) -> Callable[[], bool]:
    return lambda: log.exists() and what in log.read_text(encoding="utf-8")


# -- 85 and 86: told to stop, and killed --------------------------------------------------------------------


def test_fault_085_told_to_stop_it_ends_the_calls_in_hand_gives_back_the_rest_and_frees_its_lanes(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    people = [f"person{number}@stop.test" for number in range(30)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
    submit(settings, *people)
    mailchimp.latency = 0.5
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: mailchimp.request_count > 0, 30)

        daemon.terminate()

        assert daemon.wait(timeout=30) == 0
    mailchimp.latency = 0.0
    with open_app(load_settings(settings)) as app:
        assert {lane.owner for lane in app.leases.read().values()} == {None}
    given_back = [entry for entry in audit(settings) if entry["facts"].get("attempt_given_back")]
    assert given_back
    waiting = [row for row in deliveries(settings) if row.destination == "newsletter" and row.state == "pending"]
    assert waiting
    assert {row.attempts for row in waiting} == {0}
    run(settings, "drain")
    assert all_confirmed(settings)


def test_fault_086_killed_within_a_call_the_next_start_repeats_it_and_reads_back(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    submit(settings, PERSON)
    deletion = Fault(kind="delay", delay=1.0, **DELETION)
    mailchimp.fault(deletion)
    with started(settings, "run", log=tmp_path / "log") as daemon:
        until(lambda: deletion.times == 0, 30)
        daemon.kill()
        daemon.wait()

    done = run(settings, "drain")

    assert done.returncode == 0
    assert all_confirmed(settings)
    attempted = {destination: times for (_, destination), times in count(settings, "delivery:attempted").items()}
    assert attempted["newsletter"] == 2
    assert attempted["crm"] in (1, 2)  # where the kill found it
    assert set(count(settings, "delivery:confirmed").values()) == {1}


# -- 87 and 88: more than one daemon ------------------------------------------------------------------------


def test_fault_087_stopped_for_longer_than_its_lease_a_daemon_that_goes_on_writes_nothing_of_its_old_lanes(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_SCHEDULE__LEASE_SECONDS", "3")
    mailchimp.add(PERSON, AUDIENCES[0])
    submit(settings, PERSON)
    deletion = Fault(kind="delay", delay=1.0, **DELETION)
    mailchimp.fault(deletion)
    log = tmp_path / "log"
    with started(settings, "run", log=log) as stopped:
        until(lambda: deletion.times == 0, 30)
        stopped.send_signal(signal.SIGSTOP)
        other = run(settings, "drain")
        assert other.returncode == 0, other.stderr
        assert all_confirmed(settings)
        before = audit(settings)

        stopped.send_signal(signal.SIGCONT)
        until(said(log, "lane.lost"), 30)

        assert stopped.poll() is None
        late = [entry for entry in audit(settings)[len(before) :] if entry["actor"]["pid"] == stopped.pid]
        assert not [entry for entry in late if entry["what"].startswith(("delivery:", "event:"))]
        stopped.terminate()
        assert stopped.wait(timeout=30) == 0
    takers = [entry["actor"]["pid"] for entry in before if entry["what"] == "lane:taken"]
    assert len(set(takers)) == 2


def test_fault_088_two_daemons_divide_the_lanes_and_make_no_delivery_twice(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    people = [f"person{number}@two.test" for number in range(12)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
        activecampaign.add(person)
    with started(settings, "run", log=tmp_path / "one") as one, started(settings, "run", log=tmp_path / "two") as two:
        # one may have been first at both: until it has given one up, what it began there is given back, not made
        until(lambda: len(set(hands(settings).values())) == 2, 60)
        submit(settings, *people)
        until(lambda: all_confirmed(settings), 60)
        for daemon in (one, two):
            daemon.terminate()
        assert [one.wait(timeout=30), two.wait(timeout=30)] == [0, 0]
    assert set(count(settings, "delivery:attempted").values()) == {1}
    workers = {
        (entry["destination"], entry["actor"]["pid"])
        for entry in audit(settings)
        if entry["what"] == "delivery:attempted"
    }
    assert len(workers) == 2  # each lane had one hand at work


# -- 91: limits of the process ------------------------------------------------------------------------------


def _files(pid: int) -> tuple[int, int]:
    # nothing more can be opened than what is open
    return resource.RLIMIT_NOFILE, len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _memory(pid: int) -> tuple[int, int]:
    # nothing more can be mapped than what is mapped: no thread, no larger heap
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[0])
    return resource.RLIMIT_AS, pages * resource.getpagesize()


@pytest.mark.parametrize("tight", [_files, _memory], ids=["files", "memory"])
def test_fault_091_out_of_files_or_memory_nothing_is_half_recorded_and_it_ends_well_after_it(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, tight: Callable[[int], tuple[int, int]]
) -> None:
    people = [f"person{number}@tight.test" for number in range(10)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(said(log, "daemon.started"), 30)
        time.sleep(1.5)
        limit, used = tight(daemon.pid)
        before = resource.prlimit(daemon.pid, limit, (used, resource.getrlimit(limit)[1]))
        submit(settings, *people)
        time.sleep(4.0)
        calls = mailchimp.request_count
        attempts = sum(count(settings, "delivery:attempted").values())
        assert calls == 0 or attempts > 0

        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(daemon.pid, limit, before)
        daemon.terminate()
        daemon.wait(timeout=30)
    with open_app(load_settings(settings), clock=lambda: datetime.now(UTC) + timedelta(days=1)) as later:
        drain(later)

    assert all_confirmed(settings)
    assert set(count(settings, "delivery:confirmed").values()) == {1}
    assert all(mailchimp.member(person, AUDIENCES[0]) is None for person in people)
    assert "tight.test" not in log.read_text(encoding="utf-8")


# -- 92: the watchdog ---------------------------------------------------------------------------------------


def test_fault_092_the_watchdog_is_fed_while_the_lanes_move_and_not_while_one_hangs(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_SCHEDULE__LEASE_SECONDS", "3")  # a lane at rest writes once a second
    systemd = Systemd(tmp_path, monkeypatch, watchdog=3.0)
    log = tmp_path / "log"
    with systemd, started(settings, "run", log=log) as daemon:
        until(said(log, "daemon.started"), 30)
        healthy = systemd.heard(4)
        assert healthy["READY=1"] == 1
        assert healthy["WATCHDOG=1"] >= 2

        with contextlib.closing(sqlite3.connect(settings.parent / "syncer.db", timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")  # somebody holds the database and does not let go
            until(said(log, "daemon.stuck"), 15)
            systemd.heard(0.1)
            assert systemd.heard(3)["WATCHDOG=1"] == 0
            other.rollback()

        until(lambda: systemd.heard(1)["WATCHDOG=1"] > 0, 20, every=0)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0
        assert systemd.heard(0.2)["STOPPING=1"] == 1


# -- 93 and 94: what changes between two runs ---------------------------------------------------------------


def migrate(settings: Path, *, to: str, down: bool = False) -> None:
    """Move the schema as an older or newer syncer would."""
    loaded = load_settings(settings)
    config = Config()
    config.set_main_option("script_location", "syncer.database:migrations")
    with engines.opened(loaded.database.url) as engine, connections.writing(engine) as connection:
        config.attributes |= {"connection": connection, "tables": make_tables(loaded), "queue_here": True}
        (command.downgrade if down else command.upgrade)(config, to)


def test_fault_093_deliveries_in_flight_go_on_after_an_upgrade_and_the_first_revision_cannot_be_undone(
    settings_file: Callable[..., Path], mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    settings = settings_file()
    run(settings, "init")
    with_event(settings)
    old = (settings.parent / "syncer.db").rename(settings.parent / "now.db")
    migrate(settings, to="0001")
    with pytest.raises(RuntimeError, match="would drop the audit"):
        migrate(settings, to="base", down=True)
    carry_over(old, settings.parent / "syncer.db")

    upgraded = run(settings, "db", "upgrade")
    drained = run(settings, "drain")

    assert (upgraded.returncode, drained.returncode) == (0, 0), upgraded.stderr + drained.stderr
    assert all_confirmed(settings)
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    with pytest.raises(RuntimeError, match="cannot be undone"):
        migrate(settings, to="base", down=True)
    assert run(settings, "audit", "verify").returncode == 0


def with_event(settings: Path) -> None:
    """Leave one delivery retrying and one pending."""
    submit(settings, PERSON)
    with open_app(load_settings(settings)) as app:
        prepare(app)
        app.leases.ensure(["newsletter", "crm"])
        lease = app.leases.acquire("crm")
        assert lease is not None
        # as an older syncer began it, which counted nothing for a guard
        due = [replace(each, untried=False) for each in app.store.claim("crm", app.clock(), 10)]
        with app.transactions.write() as tx:
            app.store.begin(tx, lease, due)
        app.leases.release(lease)
        with app.engine.begin() as connection:
            delivery = app.tables.delivery
            connection.execute(
                sa.update(delivery)
                .where(delivery.c.destination == "crm")
                .values(state="retrying", code="timed_out", untried=None)
            )


def carry_over(old: Path, new: Path) -> None:
    """Fill the first revision's tables with what they would have held: the columns that it knew."""
    with contextlib.closing(sqlite3.connect(new)) as connection:
        connection.execute("ATTACH ? AS now", (str(old),))
        for suffix in ("event", "delivery", "lane", "audit", "audit_head"):
            table = f"syncer_{suffix}"
            columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM now.{table}")
        connection.commit()


def test_fault_094_a_destination_that_leaves_the_settings_is_held_and_comes_back_on_resync(
    settings: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.add(PERSON)
    submit(settings, PERSON)
    with open_app(load_settings(settings)) as app:
        prepare(app)
    whole = settings.read_text(encoding="utf-8")
    settings.write_text(whole[: whole.index("[destinations.crm]")], encoding="utf-8")

    run(settings, "drain")

    states = {row.destination: (row.state, row.code) for row in deliveries(settings)}
    assert states == {"newsletter": ("confirmed", None), "crm": ("held", "destination_removed")}
    settings.write_text(whole, encoding="utf-8")
    run(settings, "resync", "--held", "--reason", "it is back in the settings", "--yes")
    assert run(settings, "drain").returncode == 0
    assert all_confirmed(settings)
    assert activecampaign.contact(PERSON) is None
    assert [event["state"] for event in as_json(settings, "events")] == ["fulfilled"]
