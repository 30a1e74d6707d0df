"""Group E, the database: away, locked, full, read-only, cut off, as real servers and file systems are."""

from __future__ import annotations

import contextlib
import gc
import json
import os
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.database.failures import is_outage
from syncer.service.drain import drain, prepare
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES
from tests.faults.relay import Relay
from tests.faults.systemd import Systemd
from tests.support.processes import inside as run
from tests.support.processes import started, until
from tests.support.servers import ENGINES, Server, server_or_skip
from tests.support.walk import PERSON, put, rows, whats

# psycopg complains when what a killed server leaves behind is collected; it must not be in a later test
pytestmark = pytest.mark.filterwarnings("ignore:.*was deleted while still open:ResourceWarning")


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


on_every_engine = pytest.mark.parametrize("engine", ENGINES, indirect=True)
on_servers = pytest.mark.parametrize("engine", ["mariadb", "postgresql"], indirect=True)
on_doomed_servers = pytest.mark.parametrize("doomed", ["mariadb", "postgresql"], indirect=True)


@pytest.fixture(scope="module")
def doomed(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of this file's own, to be killed and changed."""
    server = server_or_skip(request.param)
    yield server
    server.close()


@pytest.fixture
def settings(doomed: Server, settings_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation on a server that may be killed."""
    monkeypatch.setenv("SYNCER_DATABASE__URL", doomed.new_database())
    path = settings_file()
    initialise(load_settings(path))
    return path


@contextlib.contextmanager
def opened(settings: Path) -> Iterator[App]:
    app = open_app(load_settings(settings))
    try:
        yield app
    finally:
        app.close()


def states(app: App) -> dict[str, str]:
    return {row.destination: row.state for row in rows(app, app.tables.delivery)}


def all_confirmed(settings: Path) -> bool:
    with contextlib.suppress(sa.exc.DBAPIError), opened(settings) as app:
        reached = set(states(app).values())
        return reached == {"confirmed"}
    return False


# -- 69: away -----------------------------------------------------------------------------------------------


@on_doomed_servers
def test_fault_069_a_daemon_waits_for_a_database_that_is_down_at_start_and_a_command_says_so_in_one_line(
    doomed: Server, settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    with opened(settings) as app:
        put(app, "erasure", PERSON, "k1")
    doomed.stop()
    log = tmp_path / "log"
    with Systemd(tmp_path, monkeypatch, watchdog=60.0) as systemd, started(settings, "run", log=log) as daemon:
        until(lambda: "database.away" in log.read_text(encoding="utf-8"), 30)
        assert {"READY=1", "WATCHDOG=1"} <= set(systemd.heard(1))
        command = run(settings, "status")
        assert command.returncode == 2
        assert command.stderr.count("\n") == 1
        assert daemon.poll() is None
        assert mailchimp.request_count == 0
        assert log.read_text(encoding="utf-8").count("\n") == 1

        doomed.start()

        until(lambda: all_confirmed(settings), 60)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")


@on_doomed_servers
def test_fault_069_a_database_that_dies_at_claim_and_between_a_call_and_its_record_doubles_and_loses_nothing(
    doomed: Server, settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON)
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 30)
        doomed.kill()
        until(lambda: "database.away" in log.read_text(encoding="utf-8"), 30)
        doomed.start()
        deletion = Fault(kind="delay", delay=2.0, method="POST", path="delete-permanent")
        mailchimp.fault(deletion)
        with opened(settings) as app:
            put(app, "erasure", PERSON, "k1")
        until(lambda: deletion.times == 0, 60)

        doomed.kill()  # the provider is about to obey
        until(lambda: mailchimp.member(PERSON, AUDIENCES[0]) is None, 10)
        doomed.start()

        until(lambda: all_confirmed(settings), 60)
        assert daemon.poll() is None
        daemon.terminate()
        daemon.wait(timeout=30)
    with opened(settings) as app:
        entries = Counter((row["what"], row["destination"]) for row in app.ledger.rows())
        assert entries["delivery:attempted", "newsletter"] == 2
        assert entries["delivery:confirmed", "newsletter"] == entries["delivery:confirmed", "crm"] == 1
        assert entries["event:received", None] == entries["event:fulfilled", None] == 1
        assert app.ledger.verify().ok


# -- 70: conflicts ------------------------------------------------------------------------------------------


def waits_for_a_lock(server: Server) -> bool:
    if server.kind == "mariadb":
        # MariaDB gives whoever asks more than ten times a second the same answer for ever
        return bool(server.sql("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"))
    return bool(server.sql("SELECT 1 FROM pg_locks WHERE NOT granted"))


def give_the_lane_up(server: Server) -> None:
    """Let PostgreSQL look for deadlocks only once ours is there: it gives up the session that looks first."""
    if server.kind == "postgresql":
        name = sa.make_url(os.environ["SYNCER_DATABASE__URL"]).database
        server.sql(f"ALTER DATABASE {name} SET deadlock_timeout = '3s'")


@on_doomed_servers
def test_fault_070_a_deadlock_repeats_the_transaction_and_not_the_call(
    doomed: Server, settings: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    give_the_lane_up(doomed)
    with opened(settings) as app:
        put(app, "erasure", PERSON, "k1")
        prepare(app)
        deletion = Fault(kind="delay", delay=1.0, method="POST", path="delete-permanent")
        mailchimp.fault(deletion)
        worker = threading.Thread(target=drain, args=(app,))
        worker.start()
        until(lambda: deletion.times == 0, 30)
        with app.engine.begin() as rival:
            if doomed.kind == "postgresql":
                rival.exec_driver_sql("SET LOCAL deadlock_timeout = '1h'")
            # with much written, MariaDB takes the lane's transaction for the cheaper one to give up
            rival.execute(
                app.tables.queue.insert(), [{"event_key": f"r{n}", "taken_at": app.clock()} for n in range(300)]
            )
            rival.execute(sa.select(app.tables.head).with_for_update())
            until(lambda: waits_for_a_lock(doomed), 30, every=0.2)
            lane = app.tables.lane
            rival.execute(sa.select(lane).order_by(lane.c.destination).with_for_update())  # the circle is closed
        worker.join(timeout=60)

        assert states(app) == {"newsletter": "confirmed", "crm": "confirmed"}
        assert Counter(whats(app))["delivery:attempted"] == 2
        assert len([request for request in mailchimp.requests if request.method == "POST"]) == 1
        assert app.ledger.verify().ok


def hold_the_head(app: App, seconds: float) -> None:
    """Hold the lock that every writer of the audit needs, as a slow other writer would."""
    with app.engine.connect().execution_options(writes=True) as rival, rival.begin():
        rival.execute(sa.select(app.tables.head).with_for_update())
        time.sleep(seconds)


@on_every_engine
def test_fault_070_a_lock_held_longer_than_the_database_waits_repeats_the_transaction_and_not_the_call(
    make_app: Callable[..., App], engine: str, request: pytest.FixtureRequest, mailchimp: MailchimpSandbox
) -> None:
    app = make_app()
    mailchimp.add(PERSON, AUDIENCES[0])
    patience, hold = {"sqlite": (None, 6.5), "mariadb": ("SET GLOBAL innodb_lock_wait_timeout = {}", 1.7)}.get(
        engine, (f"ALTER DATABASE {app.engine.url.database} SET lock_timeout = '{{}}s'", 1.7)
    )
    if patience is not None:
        request.getfixturevalue(engine).sql(patience.format(1))
        app.engine.dispose()  # the sessions that follow are that impatient
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    deletion = Fault(kind="delay", delay=0.5, method="POST", path="delete-permanent")
    mailchimp.fault(deletion)
    worker = threading.Thread(target=drain, args=(app,))
    worker.start()
    until(lambda: deletion.times == 0, 30)

    hold_the_head(app, hold)
    worker.join(timeout=60)

    if engine == "mariadb":
        request.getfixturevalue(engine).sql("SET GLOBAL innodb_lock_wait_timeout = DEFAULT")
    assert states(app) == {"newsletter": "confirmed", "crm": "confirmed"}
    assert Counter(whats(app))["delivery:attempted"] == 2
    assert len([request for request in mailchimp.requests if request.method == "POST"]) == 1


# -- 71 and 75: cut off -------------------------------------------------------------------------------------


@on_servers
def test_fault_071_a_commit_whose_answer_is_lost_at_any_point_of_the_walk_doubles_and_loses_nothing(
    engine: str,
    database_url: str,
    settings_file: Callable[..., Path],
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server: Server = request.getfixturevalue(engine)
    relay = Relay(server.port)
    relay.disarm()
    url = sa.make_url(database_url).set(port=relay.port)
    monkeypatch.setenv("SYNCER_DATABASE__URL", url.render_as_string(hide_password=False))
    settings = settings_file()
    initialise(load_settings(settings))
    with opened(settings) as app:
        cuts = 0
        for number in range(1, 80):
            put(app, "erasure", PERSON, f"k{number}")
            relay.arm(number)
            with contextlib.suppress(sa.exc.DBAPIError):
                drain(app)
            struck = relay.struck
            relay.disarm()
            drain(app)
            if not struck:
                break
            cuts += 1
        assert 5 < cuts < 79

        deliveries = [(row.event_id, row.destination) for row in rows(app, app.tables.delivery)]
        assert set(states(app).values()) == {"confirmed"}
        confirmed = Counter(
            (row["event"], row["destination"]) for row in app.ledger.rows() if row["what"] == "delivery:confirmed"
        )
        assert confirmed == Counter(deliveries)
        assert len(deliveries) == 2 * (cuts + 1)
        assert app.ledger.verify().ok
    relay.close()


def kill_connections(server: Server, app: App) -> None:
    """End every connection to the installation's database on the server's side."""
    name = app.engine.url.database
    if server.kind == "postgresql":
        server.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")
        return
    for row in server.sql(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"):
        server.sql(f"KILL {row[0]}")


@on_servers
def test_fault_075_a_killed_connection_is_made_anew_and_no_half_transaction_goes_on(
    app: App, engine: str, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    kill_connections(server, app)
    drain(app)  # between transactions nobody notices
    assert states(app) == {"newsletter": "confirmed", "crm": "confirmed"}
    before = app.ledger.head()

    with pytest.raises(sa.exc.DBAPIError) as lost, app.transactions.write() as tx:
        app.leases.pause(tx, "crm", "operator", "the first half", None)
        kill_connections(server, app)
        app.leases.pause(tx, "newsletter", "operator", "the second half", None)

    assert is_outage(lost.value)
    assert [lane.paused for lane in app.leases.read().values()] == [False, False]
    assert app.ledger.head() == before
    put(app, "erasure", PERSON, "k2")
    drain(app)
    assert Counter(states(app).values()) == {"confirmed": 2}


# -- 72: a full disk ----------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small file system can be mounted by root only")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Leave no room, not even in a log file that could be written again from its start."""
    with contextlib.closing(sqlite3.connect(disk / "syncer.db")) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as out, contextlib.suppress(OSError):
        while True:
            out.write(bytes(1024))
    return filler


def away(log: Path, job: str) -> int:
    """Return how often a job of the daemon logged that the database is away."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return sum(line["event"] == "database.away" and line.get("job") == job for line in lines)


def test_fault_072_on_a_full_disk_no_call_is_made_without_its_attempt_on_record_and_it_goes_on_by_itself(
    small_disk: Path,
    settings_file: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
) -> None:
    monkeypatch.setenv("SYNCER_DATABASE__URL", f"sqlite:///{small_disk}/syncer.db")
    settings = settings_file()
    initialise(load_settings(settings))
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON)
    with opened(settings) as app:
        put(app, "erasure", PERSON, "k1")
        prepare(app)
    filler = fill(small_disk)
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "database.away" in log.read_text(encoding="utf-8"), 30)
        assert mailchimp.request_count == activecampaign.request_count == 0
        deletion = Fault(kind="delay", delay=2.0, method="POST", path="delete-permanent")
        mailchimp.fault(deletion)

        filler.unlink()
        until(lambda: deletion.times == 0, 60)
        before = away(log, "lane newsletter")
        filler = fill(small_disk)  # between the call and its record
        until(lambda: away(log, "lane newsletter") > before, 30)
        assert not all_confirmed(settings)
        filler.unlink()

        until(lambda: all_confirmed(settings), 60)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0
    with opened(settings) as app:
        entries = Counter((row["what"], row["destination"]) for row in app.ledger.rows())
        assert entries["delivery:attempted", "newsletter"] == 2
        assert entries["delivery:confirmed", "newsletter"] == 1
        assert app.ledger.verify().ok


# -- 73: read-only ------------------------------------------------------------------------------------------


def read_only(server: Server, on: bool) -> None:
    """Make the server what a node is that others fail over to too early."""
    if server.kind == "mariadb":
        server.sql(f"SET GLOBAL read_only = {int(on)}")
        return
    server.sql(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
    os.kill(server.pid, signal.SIGHUP)
    wanted = "on" if on else "off"
    until(lambda: server.sql("SHOW default_transaction_read_only")[0][0] == wanted, 10)


@on_doomed_servers
def test_fault_073_on_a_read_only_node_no_call_is_made_and_the_daemon_waits_for_one_that_can_be_written(
    doomed: Server, settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    with opened(settings) as app:
        put(app, "erasure", PERSON, "k1")
        name = app.engine.url.database
    if doomed.kind == "mariadb":  # the administrator may write all the same
        doomed.sql("CREATE OR REPLACE USER ordinary@'127.0.0.1'")
        doomed.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {name}.* TO ordinary@'127.0.0.1'")
        monkeypatch.setenv("SYNCER_DATABASE__URL", doomed.url(str(name), "ordinary", ""))
    read_only(doomed, True)
    log = tmp_path / "log"
    try:
        with started(settings, "run", log=log) as daemon:
            until(lambda: "database.away" in log.read_text(encoding="utf-8"), 30)
            assert mailchimp.request_count == 0

            read_only(doomed, False)

            until(lambda: all_confirmed(settings), 60)
            daemon.terminate()
            assert daemon.wait(timeout=30) == 0
    finally:
        read_only(doomed, False)
