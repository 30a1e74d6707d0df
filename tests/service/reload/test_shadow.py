"""SIGHUP and shadow mode: a destination goes on trial, comes back, and one that was started to read stays so."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until

pytestmark = pytest.mark.slow  # every test starts a daemon

PERSON, OTHER = "ada@lovelace.test", "grace@hopper.test"


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


def logged(log: Path, event: str) -> list[dict[str, Any]]:
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return [line for line in map(json.loads, lines) if line["event"] == event]


def codes(settings: Path) -> list[str]:
    """The code of each delivery to the newsletter."""
    deliveries = [each for event in as_json(settings, "events") for each in event["deliveries"]]
    return [each["code"] for each in deliveries if each["destination"] == "newsletter"]


def test_a_destination_goes_on_trial_and_live_again_while_the_daemon_runs(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    live = settings.read_text(encoding="utf-8")
    trial = live.replace('adapter = "mailchimp"', 'adapter = "mailchimp"\nmode = "shadow"')
    with started(settings, "run", log=tmp_path / "log", debug=False) as process:
        until(lambda: logged(tmp_path / "log", "daemon.started"), 20)
        settings.write_text(trial, encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        until(lambda: len(logged(tmp_path / "log", "daemon.reloaded")) == 1, 20)
        run(settings, "submit", "erasure", stdin=PERSON)
        until(lambda: codes(settings) == ["shadowed"], 20)
        assert mailchimp.member(PERSON, AUDIENCES[0]) is not None

        settings.write_text(live, encoding="utf-8")
        process.send_signal(signal.SIGHUP)

        until(lambda: [event["state"] for event in as_json(settings, "events")] == ["fulfilled"], 30)
        assert mailchimp.member(PERSON, AUDIENCES[0]) is None
        process.terminate()
        assert process.wait(timeout=60) == 0


def test_a_daemon_that_was_started_to_read_only_does_so_after_a_signal_too(
    settings: Path, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    with started(settings, "run", "--shadow", log=tmp_path / "log", debug=False) as process:
        until(lambda: logged(tmp_path / "log", "daemon.started"), 20)
        process.send_signal(signal.SIGHUP)
        until(lambda: logged(tmp_path / "log", "daemon.reloaded"), 20)

        run(settings, "submit", "erasure", stdin=PERSON)

        until(lambda: codes(settings) == ["shadowed"], 20)
        assert mailchimp.member(PERSON, AUDIENCES[0]) is not None
        process.terminate()
        assert process.wait(timeout=60) == 0
