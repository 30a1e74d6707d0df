"""The daemon as a real process: it delivers, it stops on a signal, it survives kill -9."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import prepare
from tests.conftest import AUDIENCES
from tests.support.paths import ROOT
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.walk import put


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    done = run(path, "init")
    assert done.returncode == 0, done.stderr
    return path


def submit(settings: Path, kind: str, *addresses: str) -> None:
    done = run(settings, "submit", kind, stdin="\n".join(addresses))
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_event_inserted_while_it_runs_is_delivered_within_ten_seconds_and_a_signal_ends_it_cleanly(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, number: signal.Signals
) -> None:
    mailchimp.add("ada@lovelace.test", AUDIENCES[0])
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 15)
        began = time.monotonic()
        submit(settings, "erasure", "ada@lovelace.test")
        until(lambda: mailchimp.member("ada@lovelace.test", AUDIENCES[0]) is None, 10)
        assert time.monotonic() - began < 10
        until(lambda: [e["state"] for e in as_json(settings, "events")] == ["fulfilled"], 10)

        daemon.send_signal(number)

        assert daemon.wait(timeout=30) == 0
    assert "ada@lovelace" not in log.read_text(encoding="utf-8")
    lanes = as_json(settings, "status")["destinations"]
    assert {lane.get("owner") for lane in lanes.values()} == {None}
    whats = [json.loads(line)["what"] for line in run(settings, "audit", "export").stdout.splitlines()]
    assert "daemon:started" in whats
    assert "daemon:stopped" in whats


@pytest.mark.slow
def test_a_signal_lets_the_call_in_hand_finish(settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add("ada@lovelace.test", AUDIENCES[0])
    mailchimp.latency = 1.0
    log = tmp_path / "log"
    submit(settings, "erasure", "ada@lovelace.test")
    with started(settings, "run", log=log) as daemon:
        until(lambda: mailchimp.request_count > 0, 15)
        daemon.send_signal(signal.SIGTERM)

        assert daemon.wait(timeout=30) == 0
    mailchimp.latency = 0.0
    run(settings, "drain")

    assert as_json(settings, "audit", "verify")["ok"]
    assert [event["state"] for event in as_json(settings, "events")] == ["fulfilled"]


@pytest.mark.slow
def test_killed_at_random_moments_every_event_ends_evidenced_and_none_is_doubled(
    settings: Path,
    tmp_path: Path,
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
) -> None:
    people = [f"person{number}@crash.test" for number in range(60)]
    bystander = "bystander@crash.test"
    for person in [*people, bystander]:
        mailchimp.add(person, AUDIENCES[0])
        activecampaign.add(person)
    mailchimp.latency = activecampaign.latency = 0.01
    submit(settings, "erasure", *people[:40])
    submit(settings, "objection", *people[40:])
    luck = random.Random(20261124)
    for round_ in range(4):
        with started(settings, "drain", log=tmp_path / f"log{round_}") as worker:
            time.sleep(1.0 + luck.random() * 1.5)
            worker.kill()
            worker.wait()

    until(lambda: run(settings, "drain").returncode in (0, 1) and not _unfinished(settings), 60)

    events = as_json(settings, "events")
    assert Counter(event["state"] for event in events) == {"fulfilled": 60}
    assert len({event["event_key"] for event in events}) == 60
    assert as_json(settings, "audit", "verify")["ok"]
    assert all(mailchimp.member(person, AUDIENCES[0]) is None for person in people[:40])
    assert all(activecampaign.contact(person) is None for person in people[:40])
    assert mailchimp.member(bystander, AUDIENCES[0]) is not None
    assert activecampaign.contact(bystander) is not None
    _every_confirmation_was_read_back(settings)


def _unfinished(settings: Path) -> bool:
    return any(event["state"] == "open" for event in as_json(settings, "events"))


def _every_confirmation_was_read_back(settings: Path) -> None:
    attempted: set[tuple[str, str]] = set()
    ended: Counter[tuple[str, str]] = Counter()
    for line in run(settings, "audit", "export").stdout.splitlines():
        row = json.loads(line)
        key = (row["event"], row["destination"])
        if row["what"] == "delivery:attempted":
            attempted.add(key)
        if row["what"] == "delivery:confirmed":
            body = json.loads(row["body"]) if isinstance(row["body"], str) else row["body"]
            assert key in attempted
            assert any(step["call"].startswith("GET ") for step in body["facts"]["steps"])
            ended[key] += 1
    assert set(ended.values()) == {1}


@pytest.mark.slow
def test_a_crash_in_one_lane_is_loud_and_ends_neither_daemon_nor_delivery(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 15)
        _break_lane_table(settings)
        until(lambda: "job.failed" in log.read_text(encoding="utf-8"), 15)
        assert daemon.poll() is None
        _mend_lane_table(settings)
        submit(settings, "erasure", "ada@lovelace.test")
        until(lambda: [e["state"] for e in as_json(settings, "events")] == ["fulfilled"], 15)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0


def _sql(settings: Path, statement: str) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(settings.parent / "syncer.db", timeout=30)) as connection, connection:
        connection.execute(statement)


def _break_lane_table(settings: Path) -> None:
    _sql(settings, "ALTER TABLE syncer_lane RENAME TO syncer_lane_gone")


def _mend_lane_table(settings: Path) -> None:
    _sql(settings, "ALTER TABLE syncer_lane_gone RENAME TO syncer_lane")


@pytest.mark.slow
def test_a_drain_beside_a_daemon_lets_the_owner_do_the_work_and_waits(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add("ada@lovelace.test", AUDIENCES[0])
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 15)
        time.sleep(1.0)
        submit(settings, "erasure", "ada@lovelace.test")

        done = run(settings, "drain")

        assert done.returncode == 0, done.stderr
        assert mailchimp.member("ada@lovelace.test", AUDIENCES[0]) is None
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0


def test_a_dead_owners_lane_is_taken_at_once(app: App) -> None:
    import socket

    from syncer.delivery.leases import Leases
    from syncer.delivery.owners import boot_id, pid_namespace

    app.leases.ensure(["crm"])
    dead = Leases(app.transactions, f"{socket.gethostname()}|{boot_id()}|999999|1|{pid_namespace()}|0123456789abcdef")
    assert dead.acquire("crm") is not None

    assert app.leases.acquire("crm") is not None


def test_a_living_owners_lane_is_left_alone(app: App) -> None:
    from syncer.delivery.leases import Leases

    app.leases.ensure(["crm"])
    elsewhere = Leases(app.transactions, "otherhost|boot|1|1")
    assert elsewhere.acquire("crm") is not None

    assert app.leases.acquire("crm") is None
    put(app, "erasure", "ada@lovelace.test", "k1")
    prepare(app)
    assert app.lanes()[1].turn() == 0


def test_an_owner_that_we_may_not_see_is_not_taken_for_dead(tmp_path: Path) -> None:
    import os
    import socket
    import subprocess
    import sys

    from syncer.delivery.owners import boot_id, is_dead, pid_namespace, started_ticks

    if os.getuid() != 0:
        pytest.skip("hiding other users' processes needs root")
    other = subprocess.Popen(["sleep", "60"], user="nobody")
    try:
        name = (socket.gethostname(), boot_id(), str(other.pid), started_ticks(other.pid) or "", pid_namespace(), "")
        owner = "|".join(name)
        script = "from syncer.delivery.owners import is_dead, started_ticks\n"
        script += f"print(started_ticks({other.pid}), is_dead({owner!r}))"
        hidden = "mount -t proc -o hidepid=2 proc /proc && exec setpriv --reuid=daemon --regid=daemon --clear-groups"
        ours = os.environ | {"PYTHONPATH": str(ROOT)}
        seen = subprocess.run(
            ["unshare", "--mount", "sh", "-c", f'{hidden} "$0" "$@"', sys.executable, "-c", script],
            capture_output=True, encoding="utf-8", check=False, env=ours,
        )  # fmt: skip
    finally:
        other.kill()
        other.wait()
    if seen.returncode and "Traceback" not in seen.stderr:  # a traceback is ours, not the machine's
        pytest.skip(f"this machine hides no processes: {seen.stderr[-80:]}")

    assert seen.stdout.split() == ["None", "False"]
    assert is_dead(owner)
