"""`syncer alerts` as it is typed: the board, a trial, an acknowledgement, the digest."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncer.alerting.catalog import KINDS, todo
from tests.support.processes import commands, started, until
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.receivers.alerting import hook_channel, mail_channel
from tests.support.receivers.hooks import Receiver, verify
from tests.support.receivers.smtp import Mailbox


@pytest.fixture
def settings(settings_file: Callable[..., Path], box: Mailbox, hooks: Receiver) -> Path:
    path = settings_file()
    lines = "\n[alerts]\ngroup_seconds = 0\n" + mail_channel(box) + hook_channel()
    path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")
    assert run(path, "init").returncode == 0
    return path


def test_a_trial_reaches_every_channel_or_says_why_it_did_not(settings: Path, box: Mailbox, hooks: Receiver) -> None:
    done = run(settings, "alerts", "test")
    assert (done.returncode, done.stdout) == (0, "dpo: sent\nops: sent\n")
    assert "nothing has happened" in box.mails[0].get_content()
    verify(hooks.received[0])

    hooks.status = 503
    done = run(settings, "alerts", "test", "ops")

    assert (done.returncode, done.stdout) == (1, "ops: not sent: the receiver answered 503\n")
    assert len(box.raw) == 1
    shown = run(settings, "alerts")
    assert shown.returncode == 1
    assert "channel ops (webhook)" in shown.stdout
    assert "FAILING since" in shown.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("test", "nobody"), "alerts test: there is no [channels.nobody]; there is dpo, ops"),
        (("ack", "7", "--until", "{tomorrow}", "--reason", "known and waited for"), "alerts ack: no alert 7 is open"),
        (("ack", "7", "--until", "{today}", "--reason", "known and waited for"), "--until: name a day after today"),
        (("ack", "7", "--until", "9999-12-31", "--reason", "known and waited for"), "--until: name a day after today"),
        (("ack", "7", "--until", "soon", "--reason", "known and waited for"), "--until: not a day"),
        (("ack", "7", "--until", "{tomorrow}", "--reason", "ok"), "--reason: say why"),
        (("ack", "0", "--until", "{tomorrow}", "--reason", "known and waited for"), "Invalid value for 'ID'"),
        (("digest",), "alerts digest: the daemon sends it"),
    ],
)
def test_what_cannot_be_done_is_one_line_with_the_remedy(settings: Path, words: tuple[str, ...], said: str) -> None:
    today = datetime.now(UTC).date()
    filled = [word.format(today=today, tomorrow=today + timedelta(days=2)) for word in words]
    done = run(settings, "alerts", *filled)

    assert done.returncode == 2
    assert done.stderr.startswith((said, f"syncer: {said}"))
    assert done.stderr.count("\n") == 1


def test_without_a_channel_it_says_that_nobody_is_told(settings_file: Callable[..., Path]) -> None:
    path = settings_file()
    assert run(path, "init").returncode == 0

    done = run(path, "alerts")
    assert (done.returncode, done.stdout) == (0, "no alert is open\n")
    assert "nobody is told" in done.stderr
    assert run(path, "alerts", "test").returncode == 2


def test_the_digest_is_printed_and_not_sent(settings: Path, box: Mailbox) -> None:
    done = run(settings, "alerts", "digest", "--print")

    assert done.returncode == 0
    assert done.stdout.startswith("[syncer] digest: all is well\n\nWhat needs somebody\n")
    assert box.raw == []


@pytest.mark.slow
def test_the_daemon_tells_once_though_there_are_two_and_one_is_killed(
    settings: Path, tmp_path: Path, box: Mailbox, hooks: Receiver
) -> None:
    assert run(settings, "pause", "crm", "--reason", "the account is under review").returncode == 0
    logs = [tmp_path / "one", tmp_path / "two"]
    with started(settings, "run", log=logs[0]) as first, started(settings, "run", log=logs[1]):
        until(lambda: box.mails and hooks.received, 60)
        (alert,) = as_json(settings, "alerts")["alerts"]
        assert (alert["condition"], alert["scope"], alert["told"]) == ("lane_paused", "crm", ["dpo", "ops"])
        day = (datetime.now(UTC).date() + timedelta(days=3)).isoformat()
        done = run(settings, "alerts", "ack", str(alert["id"]), "--until", day, "--reason", "known and waited for")
        assert done.returncode == 0
        first.kill()
        run(settings, "pause", "newsletter", "--reason", "the account is under review")

        until(lambda: len(box.raw) == 2 and len(hooks.received) == 2, 90)

    assert {str(mail["Subject"]).partition(": ")[2] for mail in box.mails} == {
        "crm is paused: nothing is carried out there",
        "newsletter is paused: nothing is carried out there",
    }
    assert len({one.headers["webhook-id"] for one in hooks.received}) == 2
    assert as_json(settings, "audit", "verify")["ok"]


@pytest.mark.slow
def test_a_daemon_that_ends_because_its_log_was_changed_says_so_without_writing(
    settings: Path, tmp_path: Path, box: Mailbox, hooks: Receiver
) -> None:
    run(settings, "submit", "erasure", stdin="ada@lovelace.test\n")
    run(settings, "drain")
    assert run(settings, "audit", "checkpoint").returncode == 0
    earlier = (tmp_path / "syncer.db").read_bytes()
    run(settings, "submit", "erasure", stdin="grace@hopper.test\n")
    run(settings, "drain")
    assert run(settings, "audit", "checkpoint").returncode == 0
    for file in tmp_path.glob("syncer.db-*"):
        file.unlink()
    (tmp_path / "syncer.db").write_bytes(earlier)

    for _ in range(2):
        with started(settings, "run", log=tmp_path / "log") as daemon:
            assert daemon.wait(timeout=60) == 2

    verify(hooks.received[0])
    assert len({one.headers["webhook-id"] for one in hooks.received}) == 1
    assert str(box.mails[0]["Subject"]) == "[syncer] critical: stopped, the log is not the one that was signed"
    assert "@" not in box.mails[0].get_content()


@pytest.mark.parametrize("condition", KINDS)
@pytest.mark.parametrize("anywhere", [True, False])
def test_each_command_that_an_alert_names_can_be_typed(condition: str, anywhere: bool) -> None:
    scope = "" if anywhere else "erasure" if condition == "surge" else "crm"
    known = dict(commands())
    for typed in re.findall("`syncer ([^`]+)`", todo(condition, scope)):
        words = shlex.split(typed)
        name = max((each for each in known if each.split() == words[: len(each.split())]), key=len)
        known[name].make_context(name, words[len(name.split()) :])
