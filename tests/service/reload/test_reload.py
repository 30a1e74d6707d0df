"""SIGHUP to the daemon as a real process: changed settings come into force and no call in hand is lost."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import load_settings
from syncer.service.daemon import REMOVED_SECONDS
from syncer.settings.checked import settings_digest
from tests.conftest import AUDIENCES
from tests.faults.systemd import Systemd
from tests.support.processes import TOLD_BY, started, until
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

pytestmark = pytest.mark.slow  # every test starts a daemon

PERSON, OTHER = "ada@lovelace.test", "grace@hopper.test"


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


class Running:
    """A daemon, its log, and its settings file."""

    def __init__(self, settings: Path, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.settings = settings
        self.log = log
        self.process = process

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it logged under this name."""
        text = self.log.read_text(encoding="utf-8")
        return [line for line in map(json.loads, text.splitlines()) if line["event"] == event]

    def hears(self, *, times: int = 1) -> None:
        """Signal it, and wait until it says that it works under what the file says now."""
        for _ in range(times):
            self.process.send_signal(signal.SIGHUP)
        until(lambda: self.lines("daemon.reloaded"), 20)

    def ends(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=60)


@pytest.fixture
def daemon(settings: Path, tmp_path: Path) -> Iterator[Running]:
    with started(settings, "run", log=tmp_path / "log", debug=False) as process:
        running = Running(settings, tmp_path / "log", process)
        until(lambda: (tmp_path / "log").exists() and running.lines("daemon.started"), 20)
        yield running
        assert "Traceback" not in running.log.read_text(encoding="utf-8")


def change(settings: Path, old: str, new: str) -> None:
    text = settings.read_text(encoding="utf-8")
    assert old in text
    settings.write_text(text.replace(old, new, 1), encoding="utf-8")


def entries(settings: Path) -> list[dict[str, Any]]:
    """The log, each entry with what is in its body."""
    rows = [json.loads(line) for line in run(settings, "audit", "export").stdout.splitlines()]
    return [row | (json.loads(row["body"]) if isinstance(row["body"], str) else row["body"]) for row in rows]


def submit(settings: Path, kind: str, *addresses: str) -> None:
    assert run(settings, "submit", kind, stdin="\n".join(addresses)).returncode == 0


def fulfilled(settings: Path, count: int = 1) -> bool:
    return [event["state"] for event in as_json(settings, "events")] == ["fulfilled"] * count


def test_the_call_in_hand_is_finished_under_the_old_settings_and_what_follows_is_done_under_the_new_ones(
    daemon: Running, settings: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.add(OTHER, AUDIENCES[0])
    before = settings_digest(load_settings(settings))
    mailchimp.latency = 1.5
    submit(settings, "erasure", PERSON)
    until(lambda: mailchimp.request_count > 0, 15)
    change(settings, 'objection = "unsubscribe"', 'objection = "suppress"')

    daemon.hears()
    mailchimp.latency = 0
    submit(settings, "objection", OTHER)
    until(lambda: fulfilled(settings, 2), 30)

    after = settings_digest(load_settings(settings))
    log = entries(settings)
    (reloaded,) = [entry for entry in log if entry["what"] == "daemon:reloaded"]
    assert before != after == reloaded["cfg"]
    assert reloaded["facts"] == {"before": before, "guard": "on"}
    assert {entry["cfg"] for entry in log if entry["what"] == "event:received"} == {before, after}
    at_mailchimp = [entry for entry in log if entry["destination"] == "newsletter"]
    asked = [entry["facts"]["action"] for entry in at_mailchimp if entry["what"] == "delivery:attempted"]
    assert asked == ["delete", "suppress"]
    assert [entry["cfg"] for entry in at_mailchimp if entry["what"] == "delivery:applied"] == [before, after]
    assert len([entry for entry in log if entry["what"] == "lane:taken"]) == 2
    assert daemon.ends() == 0
    assert as_json(settings, "audit", "verify")["ok"]
    assert {lane["owner"] for lane in as_json(settings, "status")["destinations"].values()} == {None}


def test_a_lane_whose_provider_hangs_holds_up_no_other_and_no_call_is_made_twice(
    daemon: Running, settings: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(OTHER)
    mailchimp.latency = 8
    submit(settings, "erasure", PERSON)
    until(lambda: mailchimp.request_count > 0, 15)
    change(settings, "requests_per_second = 1000", "requests_per_second = 999")

    began = time.monotonic()
    daemon.hears()
    submit(settings, "erasure", OTHER)
    until(lambda: activecampaign.contact(OTHER) is None, 5)

    assert time.monotonic() - began < 7
    mailchimp.latency = 0
    until(lambda: fulfilled(settings, 2), 60)
    attempted = [entry for entry in entries(settings) if entry["what"] == "delivery:attempted"]
    assert len(attempted) == 4
    assert daemon.ends() == 0


def test_a_wrong_file_is_told_a_line_a_mistake_and_changes_nothing(daemon: Running, settings: Path) -> None:
    text = settings.read_text(encoding="utf-8")
    wrong = text.replace("Europe/Berlin", "Europe/Atlantis").replace('adapter = "mailchimp"', 'adapter = "mailchump"')
    settings.write_text(wrong, encoding="utf-8")

    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: len(daemon.lines("reload.refused")) == 2, 20)
    settings.write_text(text, encoding="utf-8")

    said = [line["reason"] for line in daemon.lines("reload.refused")]
    assert sorted("newsletter" in line for line in said) == [False, True]
    assert sorted("timezone" in line for line in said) == [False, True]
    submit(settings, "erasure", PERSON)
    until(lambda: fulfilled(settings), 20)
    assert daemon.ends() == 0
    assert {entry["cfg"] for entry in entries(settings)} == {settings_digest(load_settings(settings))}
    assert not daemon.lines("daemon.reloaded")


def test_a_missing_key_refuses_the_file_and_names_the_destination(daemon: Running, settings: Path) -> None:
    change(settings, 'api_key_env = "TEST_MAILCHIMP_KEY"', 'api_key_file = "nowhere.key"')

    daemon.process.send_signal(signal.SIGHUP)

    until(lambda: any("newsletter" in line["reason"] for line in daemon.lines("reload.refused")), 20)
    assert daemon.ends() == 0


@pytest.mark.parametrize(
    "table",
    [
        '[channels.ops]\nkind = "webhook"\nurl_env = "NOWHERE"\nsecret_env = "NOWHERE"',
        '[heartbeat]\nurl_env = "NOWHERE"',
    ],
)
def test_a_channel_without_its_address_ends_no_daemon(daemon: Running, settings: Path, table: str) -> None:
    change(settings, "[schedule]", f"{table}\n[schedule]")

    daemon.process.send_signal(signal.SIGHUP)

    until(lambda: daemon.lines("reload.refused") or daemon.lines("daemon.reloaded"), 20)
    submit(settings, "erasure", PERSON)
    until(lambda: fulfilled(settings), 20)
    assert daemon.ends() == 0


def test_what_a_running_daemon_keeps_is_told_in_a_line_each_and_the_rest_is_taken(
    daemon: Running, settings: Path
) -> None:
    change(settings, 'url = "sqlite:///syncer.db"', 'url = "sqlite:///other.db"\nprefix = "other_"')
    change(settings, "[schedule]", '[identity]\nkey_file = "other.key"\n[log]\nlevel = "error"\n[schedule]')

    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: any(e["what"] == "daemon:reloaded" for e in _log(settings)), 20)

    said = [line["reason"] for line in daemon.lines("reload.kept")]
    keys = ("[database] url", "[database] prefix", "[identity] key_file", "[checkpoints] folder")
    assert len([line for line in said if any(key in line for key in keys)]) == len(said) >= 3
    assert all("restart it" in line for line in said)
    assert daemon.ends() == 0
    assert not daemon.lines("daemon.reloaded")  # an info, and the level is error by now
    assert not (settings.parent / "other.db").exists()


def _log(settings: Path) -> list[dict[str, Any]]:
    """The log, read past the settings file: it names another database by now."""
    with closing(sqlite3.connect(settings.parent / "syncer.db", timeout=30)) as connection:
        return [{"what": what} for (what,) in connection.execute("SELECT what FROM syncer_audit ORDER BY seq")]


def test_a_rotated_key_is_read_again_and_a_lane_that_lacked_it_is_probed_at_once(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    key = tmp_path / "mailchimp.key"
    key.touch(0o600)
    key.write_text("0" * 32 + "-us1", encoding="utf-8")
    change(settings, 'api_key_env = "TEST_MAILCHIMP_KEY"', f'api_key_file = "{key}"')
    submit(settings, "erasure", PERSON)
    with started(settings, "run", log=tmp_path / "log", debug=False) as process:
        daemon = Running(settings, tmp_path / "log", process)
        until(lambda: as_json(settings, "status")["destinations"]["newsletter"]["paused"], 20)

        key.write_text(mailchimp.api_key, encoding="utf-8")
        daemon.hears()

        until(lambda: fulfilled(settings), 20)
        assert daemon.ends() == 0


def test_a_removed_destination_is_held_and_a_new_one_gets_a_lane(
    daemon: Running, settings: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.latency = 3
    mailchimp.add(PERSON, AUDIENCES[0])
    submit(settings, "erasure", PERSON)
    until(lambda: mailchimp.request_count > 0, 15)
    run(settings, "pause", "crm", "--reason", "to keep what is open there")
    submit(settings, "erasure", OTHER)
    until(lambda: len(as_json(settings, "events")) == 2, 15)
    change(settings, "[destinations.crm]", "[destinations.shop]")

    daemon.hears()
    mailchimp.latency = 0
    lanes: dict[str, Any] = {}

    def settled() -> bool:
        lanes.update(as_json(settings, "status")["destinations"])
        return lanes["crm"]["held"] >= 1 and lanes["crm"]["pending"] == 0 and lanes["newsletter"]["confirmed"] == 2

    until(settled, 2 * REMOVED_SECONDS)  # not at the first look where the lane before has not given its place up yet
    assert lanes["crm"]["owner"] is None
    submit(settings, "erasure", "alan@turing.test")
    until(lambda: as_json(settings, "status")["destinations"]["shop"]["confirmed"] == 1, 20)
    assert daemon.ends() == 0


def test_two_signals_at_once_and_many_more_are_one_reload_or_two_and_end_nothing(
    daemon: Running, settings: Path
) -> None:
    change(settings, "requests_per_second = 1000", "requests_per_second = 999")

    daemon.hears(times=50)
    submit(settings, "erasure", PERSON)
    until(lambda: fulfilled(settings), 20)

    assert daemon.ends() == 0
    assert 1 <= len(daemon.lines("daemon.reloaded")) <= 10
    assert not daemon.lines("job.failed")


def test_signals_during_the_start_end_nothing(settings: Path, tmp_path: Path) -> None:
    with started(settings, "run", log=tmp_path / "log", debug=False) as process:
        daemon = Running(settings, tmp_path / "log", process)
        status = Path(f"/proc/{process.pid}/status")

        def takes_it() -> bool:
            caught = next(line for line in status.read_text(encoding="ascii").splitlines() if "SigCgt" in line)
            return bool(int(caught.split()[1], 16) & 1 << (signal.SIGHUP - 1))

        until(takes_it, 20, every=0.001)
        while not daemon.lines("daemon.started"):
            process.send_signal(signal.SIGHUP)
            time.sleep(0.02)
            assert process.poll() is None
        submit(settings, "erasure", PERSON)
        until(lambda: fulfilled(settings), 20)
        assert daemon.ends() == 0


def test_the_end_right_behind_it_is_obeyed(daemon: Running, settings: Path, mailchimp: MailchimpSandbox) -> None:
    mailchimp.latency = 1
    submit(settings, "erasure", PERSON)
    until(lambda: mailchimp.request_count > 0, 15)
    change(settings, "requests_per_second = 1000", "requests_per_second = 999")

    daemon.process.send_signal(signal.SIGHUP)

    assert daemon.ends() == 0
    assert {lane["owner"] for lane in as_json(settings, "status")["destinations"].values()} == {None}
    assert daemon.lines("daemon.stopped")


def test_while_the_database_is_away_it_waits_and_takes_over_when_it_is_back(daemon: Running, settings: Path) -> None:
    change(settings, "requests_per_second = 1000", "requests_per_second = 999")
    with closing(sqlite3.connect(settings.parent / "syncer.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: daemon.lines("database.away"), TOLD_BY)
        assert daemon.process.poll() is None
        assert not daemon.lines("daemon.reloaded")
        other.execute("ROLLBACK")

    until(lambda: daemon.lines("daemon.reloaded"), 40)
    submit(settings, "erasure", PERSON)
    until(lambda: fulfilled(settings), 40)
    assert daemon.ends() == 0


def test_told_to_end_while_it_waits_for_the_database_it_ends(daemon: Running, settings: Path) -> None:
    with closing(sqlite3.connect(settings.parent / "syncer.db", isolation_level=None, timeout=30)) as other:
        other.execute("BEGIN EXCLUSIVE")
        daemon.process.send_signal(signal.SIGHUP)
        until(lambda: daemon.lines("database.away"), TOLD_BY)
        daemon.process.terminate()
        time.sleep(1)
        other.execute("ROLLBACK")

    assert daemon.process.wait(timeout=60) == 0
    assert {lane["owner"] for lane in as_json(settings, "status")["destinations"].values()} == {None}


def test_systemd_hears_when_a_reload_begins_and_that_it_ended_also_when_it_was_refused(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Systemd(tmp_path, monkeypatch, 60) as systemd, started(settings, "run", log=tmp_path / "log") as process:
        daemon = Running(settings, tmp_path / "log", process)
        until(lambda: (tmp_path / "log").exists() and daemon.lines("daemon.started"), 20)
        systemd.heard(1)
        for text in (settings.read_text(encoding="utf-8"), "nonsense"):
            settings.write_text(text, encoding="utf-8")
            now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            process.send_signal(signal.SIGHUP)

            said = systemd.heard(5)

            (began,) = [message for message in said if message.startswith("RELOADING=1\n")]
            assert now <= int(began.partition("MONOTONIC_USEC=")[2]) < now + 5e6
            assert said["READY=1"] == 1


def test_the_metrics_move_and_show_what_is_configured_now(daemon: Running, settings: Path) -> None:
    import urllib.request

    from tests.support.servers import free_port

    def shown(port: int) -> str:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return ""

    first, second = free_port(), free_port()
    change(settings, "[schedule]", f'[metrics]\nlisten = "127.0.0.1:{first}"\n[schedule]')
    daemon.hears()
    until(lambda: 'destination="crm"' in shown(first), 20)
    change(settings, f":{first}", f":{second}")
    change(settings, "[destinations.crm]", "[destinations.shop]")

    daemon.process.send_signal(signal.SIGHUP)

    until(lambda: 'destination="shop"' in shown(second), 20)
    assert shown(first) == ""
    change(settings, "[destinations.shop]", "[destinations.till]")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: 'destination="till"' in shown(second), 20)
    assert daemon.ends() == 0
