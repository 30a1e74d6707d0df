"""Several daemons on one database: they divide the lanes, and what one leaves another takes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.delivery.balance import Presence, Share, surplus
from tests.conftest import AUDIENCES
from tests.crash import invariants
from tests.crash.harness import started as worker
from tests.crash.takeover import another_host, foreign_owner
from tests.crash.worker import Job
from tests.support.processes import command, until
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.servers import ENGINES
from tests.support.session import tools
from tests.support.walk import put, rows

pytestmark = pytest.mark.slow  # every test starts daemons

LEASE = 3
MORE = """
[destinations.{name}]
adapter = "mailchimp"
api_key_env = "TEST_MAILCHIMP_KEY"
base_url = "{url}"
erasure = "delete"
objection = "unsubscribe"
"""


@pytest.fixture
def settings(settings_file: Callable[..., Path], mailchimp: MailchimpSandbox) -> Path:
    """Write settings with four lanes and short leases."""
    path = settings_file()
    text = path.read_text("utf-8").replace("[schedule]\n", f"[schedule]\nlease_seconds = {LEASE}\n")
    text += "".join(MORE.format(name=name, url=mailchimp.url) for name in ("second", "third"))
    path.write_text(text, encoding="utf-8")
    done = run(path, "init")
    assert done.returncode == 0, done.stderr
    return path


@pytest.fixture
def app(settings: Path) -> Iterator[App]:
    with open_app(load_settings(settings)) as opened:
        yield opened


@contextmanager
def daemon(
    settings: Path, before: Sequence[str] = (), environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `syncer run` until the block ends; `before` are words that start it in a world of its own."""
    words = [*before, *command(settings, "run")]
    with (settings.parent / "daemons.log").open("ab") as out:
        process = subprocess.Popen(words, stdout=out, stderr=out, env=os.environ | (environment or {}))
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait()


def owners(app: App) -> Counter[int]:
    """Return how many lanes each running process owns, by pid."""
    owned = app.presence.view().owners
    return Counter(int(owner.split("|")[2]) for owner in owned.values() if owner)


def settled(app: App, *expected: int) -> bool:
    return sorted(owners(app).values()) == sorted(expected)


def stays(app: App, seconds: float) -> bool:
    """Say whether no lane changes its owner for so long."""
    fences = {name: row.fence for name, row in app.leases.read().items()}
    time.sleep(seconds)
    return {name: row.fence for name, row in app.leases.read().items()} == fences


# -- division -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_daemons_that_come_and_go_divide_the_lanes_and_then_leave_them_alone(settings: Path, app: App) -> None:
    with ExitStack() as running:
        first = running.enter_context(daemon(settings))
        until(lambda: owners(app) == {first.pid: 4}, 20)

        second = running.enter_context(daemon(settings))
        until(lambda: owners(app) == {first.pid: 2, second.pid: 2}, 20)
        third = running.enter_context(daemon(settings))
        until(lambda: settled(app, 2, 1, 1), 20)

        until(lambda: stays(app, 2 * LEASE), 10 * LEASE)  # on a loaded machine a lease may once run out
        until(lambda: settled(app, 2, 1, 1), 20)
        third.terminate()
        assert third.wait(timeout=30) == 0
        until(lambda: owners(app) == {first.pid: 2, second.pid: 2}, 20)
        second.kill()
        second.wait()
        until(lambda: owners(app) == {first.pid: 4}, 10)
    assert app.ledger.verify().ok


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"], indirect=True)
def test_a_daemon_that_comes_into_a_backlog_gets_lanes_in_the_middle_of_it(
    settings: Path, app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    people = [f"person{number}@backlog.test" for number in range(120)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
        activecampaign.add(person)
        put(app, "erasure", person, f"k-{person.partition('@')[0]}")
    mailchimp.latency = activecampaign.latency = 0.15
    with daemon(settings) as first:
        until(lambda: owners(app) == {first.pid: 4}, 20)
        with daemon(settings) as second:
            until(lambda: owners(app) == {first.pid: 2, second.pid: 2}, 20)
            assert any(row.state != "fulfilled" for row in rows(app, app.tables.event)), "the backlog was too short"
            mailchimp.latency = activecampaign.latency = 0.0

            until(lambda: {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}, 60, every=0.5)
    assert all(mailchimp.member(person, AUDIENCES[0]) is None for person in people)
    assert _intruders(app) == []


def _intruders(app: App) -> list[str]:
    """Return the audit entries of a lane that its owner of that time did not write."""
    audit = [row | {"body": json.loads(row["body"])} for row in app.ledger.rows()]
    empty = invariants.Evidence({}, [], [], audit, app.ledger.verify(), [], (), invariants.Books({}, {}), {})
    return invariants.only_the_owner_of_a_lane_writes_its_walk(empty)


def test_lanes_are_handed_over_only_while_two_daemons_differ_by_more_than_one() -> None:
    assert surplus(4, [0], free=0) == 2
    assert surplus(4, [0], free=2) == 0
    assert surplus(3, [2], free=0) == 0
    assert surplus(6, [1, 6], free=0) == 2
    assert surplus(5, [], free=0) == 0


def test_a_free_lane_is_left_to_the_poorer_and_taken_when_nobody_wants_it(app: App) -> None:
    from syncer.delivery.leases import Leases

    names = list(app.settings.destinations)
    app.leases.ensure(names)
    other = Leases(app.transactions, foreign_owner(), LEASE)
    now = [0.0]
    share = Share(app.presence, app.leases, names, lambda: now[0])
    app.presence.arrive()
    assert app.leases.acquire("crm") is not None
    assert share.may_take("second")
    Presence(app.transactions, other).arrive()

    assert not share.may_take("second")
    now[0] = LEASE + 0.1
    assert share.may_take("second")
    assert app.leases.acquire("second") is not None
    assert share.may_take("third"), "who left one lane alone is not waited for again"
    assert app.leases.acquire("third") is not None
    assert share.to_hand_over() == 0


# -- the end of one -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["sqlite", "mariadb"], indirect=True)
def test_a_daemon_of_another_host_is_killed_and_its_lanes_go_on_here_when_the_lease_is_over(
    settings: Path, app: App, mailchimp: MailchimpSandbox
) -> None:
    if not another_host():
        pytest.skip("unshare --uts is not allowed here")
    with daemon(settings, another_host()) as far:
        until(lambda: owners(app) == {far.pid: 4}, 20)
        assert {item["host"] for item in as_json(settings, "status")["daemons"]} == {"elsewhere"}
        with daemon(settings) as near:
            until(lambda: owners(app) == {far.pid: 2, near.pid: 2}, 20)
            mailchimp.add("ada@lovelace.test", AUDIENCES[0])
            far.kill()
            far.wait()
            began = time.monotonic()
            put(app, "erasure", "ada@lovelace.test", "k1")

            until(lambda: owners(app) == {near.pid: 4}, LEASE + 20)
            until(lambda: {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}, 20)

            assert time.monotonic() - began < 45
    assert _intruders(app) == []


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_daemon_stopped_beyond_its_lease_writes_nothing_when_it_goes_on(
    settings: Path, app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, engine: str
) -> None:
    people = [f"person{number}@stopped.test" for number in range(30)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
        activecampaign.add(person)
    mailchimp.latency = activecampaign.latency = 0.3
    # on SQLite a process that is stopped inside a transaction holds the one write lock: two hosts cannot share it
    with daemon(settings) as stopped:
        until(lambda: owners(app) == {stopped.pid: 4}, 20)
        for person in people:
            put(app, "erasure", person, f"k-{person.partition('@')[0]}")
        until(lambda: any(row.attempts for row in rows(app, app.tables.delivery)), 20)
        _stop_between_transactions(app, stopped)
        with daemon(settings) as other:
            until(lambda: owners(app) == {other.pid: 4}, LEASE + 30)
            taken = _last(app, "lane:taken")
            begun = _last(app, "delivery:attempted")

            stopped.send_signal(signal.SIGCONT)
            mailchimp.latency = activecampaign.latency = 0.0
            until(lambda: {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}, 60, every=0.5)

    assert taken and begun
    assert _intruders(app) == []
    assert app.ledger.verify().ok


def _stop_between_transactions(app: App, process: subprocess.Popen[bytes]) -> None:
    """Stop the process at a moment at which it holds no lock that others wait for."""
    import sqlalchemy as sa

    for _ in range(50):
        process.send_signal(signal.SIGSTOP)
        try:
            with app.engine.connect().execution_options(writes=True) as connection:
                if connection.dialect.name == "sqlite":
                    connection.connection.dbapi_connection.execute("PRAGMA busy_timeout=200")  # type: ignore[union-attr]
                    with connection.begin():
                        return
                with connection.begin():
                    connection.execute(sa.select(app.tables.lane.c.destination).with_for_update(nowait=True)).all()
                    connection.execute(sa.select(app.tables.head.c.seq).with_for_update(nowait=True)).all()
                    return
        except sa.exc.OperationalError:
            process.send_signal(signal.SIGCONT)
            time.sleep(0.05)
        finally:
            app.engine.dispose()
    raise AssertionError("it never was between two transactions")


def _last(app: App, what: str) -> int:
    return max((row["seq"] for row in app.ledger.rows() if row["what"] == what), default=0)


def give_time(settings: Path) -> None:
    """Let leases be long enough for a loaded machine; they are renewed within four seconds all the same."""
    text = settings.read_text("utf-8").replace(f"lease_seconds = {LEASE}", "lease_seconds = 10")
    settings.write_text(text, encoding="utf-8")


# -- clocks -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", [1, -1])
@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_host_whose_clock_is_a_day_off_neither_takes_nor_loses_a_lane(
    settings: Path, app: App, days: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    give_time(settings)
    with daemon(settings) as right:
        until(lambda: owners(app) == {right.pid: 4}, 20)
        wrong = Job(settings, "run", tmp_path / "wrong.log", days=days, owner=foreign_owner(), environment=_keys())
        with worker(wrong):
            until(lambda: settled(app, 2, 2), 60)
            fences = {name: row.fence for name, row in app.leases.read().items()}
            time.sleep(LEASE + 1)

            assert {name: row.fence for name, row in app.leases.read().items()} == fences
            assert settled(app, 2, 2)


def _keys() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("TEST_")}


@pytest.mark.parametrize("jump", ["+1d", "-1d"])
@pytest.mark.parametrize("engine", ["mariadb"], indirect=True)
def test_a_clock_that_jumps_a_day_under_a_running_daemon_changes_no_lease_and_stops_no_work(
    settings: Path, app: App, tmp_path: Path, jump: str, mailchimp: MailchimpSandbox
) -> None:
    library = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
    if library is None:
        tools.skip("faketime", f"faketime {tools.NOT_INSTALLED}")
    give_time(settings)
    rule = tmp_path / "faketime"
    rule.write_text("+0", encoding="ascii")
    world = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(rule),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with daemon(settings, environment=world) as jumps, daemon(settings) as other:
        until(lambda: owners(app) == {jumps.pid: 2, other.pid: 2}, 60)
        fences = {name: row.fence for name, row in app.leases.read().items()}

        rule.write_text(jump, encoding="ascii")
        time.sleep(2 * LEASE)
        assert {name: row.fence for name, row in app.leases.read().items()} == fences
        assert owners(app) == {jumps.pid: 2, other.pid: 2}
        assert "clock.anomaly" in (tmp_path / "daemons.log").read_text(encoding="utf-8")


# -- status -------------------------------------------------------------------------------------------------


def test_status_shows_who_owns_what_since_when_and_who_is_running(settings: Path, app: App) -> None:
    assert "no daemon is running" in run(settings, "status").stdout
    with daemon(settings) as only:
        until(lambda: owners(app) == {only.pid: 4}, 20)

        shown = as_json(settings, "status")
        text = " ".join(run(settings, "status").stdout.split())

        host = os.uname().nodename
        assert [(item["host"], item["pid"]) for item in shown["daemons"]] == [(host, only.pid)]
        assert shown["daemons"][0]["since"] < shown["daemons"][0]["seen_until"]
        for lane in shown["destinations"].values():
            assert (lane["owner_host"], lane["owner_pid"]) == (host, only.pid)
            assert lane["owned_since"] < lane["lease_until"]
        assert f"daemon: {host}, pid {only.pid}, since" in text
        assert f"crm: worked by {host}, pid {only.pid}, since" in text
        only.terminate()
        assert only.wait(timeout=30) == 0
    assert as_json(settings, "status")["daemons"] == []
