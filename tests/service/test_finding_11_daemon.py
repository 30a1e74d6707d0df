"""Finding 11: the daemon as a process, while every anchor but one answers for ever and never ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.sandbox import MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.faults.systemd import Systemd
from tests.support.attacks.dripping import dripping
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until

pytestmark = pytest.mark.slow  # every test starts daemons

ANCHORS = """
[anchors.store]
kind = "object"
url = "http://127.0.0.1:{header}"
[anchors.tsa]
kind = "timestamp"
url = "http://127.0.0.1:{body}"
[anchors.dpo]
kind = "email"
to = "dpo@site.test"
sender = "log@site.test"
host = "127.0.0.1"
port = {greeting}
[anchors.safe]
kind = "email"
to = "dpo@site.test"
sender = "log@site.test"
host = "127.0.0.1"
port = {handshake}
tls = "tls"
[anchors.share]
kind = "folder"
path = "share"
"""
DRIPS = {"header": "http header", "body": "http body", "greeting": "smtp greeting", "handshake": "tls handshake"}
#: seconds that systemd would wait for a sign of life, and those for which we listen
WATCHDOG, HEARD = 3.0, 9.0


def test_finding_11_dripping_anchors_starve_no_watchdog_hold_up_no_delivery_and_delay_no_stop(
    settings_file: Callable[..., Path], tmp_path: Path, mailchimp: MailchimpSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailchimp.add("ada@lovelace.test", AUDIENCES[0])
    settings, log = settings_file(), tmp_path / "log"
    with ExitStack() as stack:
        servers = {name: stack.enter_context(dripping(kind, every=1.0)) for name, kind in DRIPS.items()}
        ports = {name: server.server_address[1] for name, server in servers.items()}
        settings.write_text(settings.read_text(encoding="utf-8") + ANCHORS.format(**ports), encoding="utf-8")
        assert run(settings, "init").returncode == 0
        systemd = stack.enter_context(Systemd(tmp_path, monkeypatch, WATCHDOG))
        daemon = stack.enter_context(started(settings, "run", log=log))
        until(lambda: all(server.visits for server in servers.values()), 60)

        systemd.heard(0.1)
        assert systemd.heard(HEARD)["WATCHDOG=1"] >= HEARD / WATCHDOG
        assert "daemon.stuck" not in log.read_text(encoding="utf-8")
        assert run(settings, "submit", "erasure", stdin="ada@lovelace.test").returncode == 0
        until(lambda: [event["state"] for event in as_json(settings, "events")] == ["fulfilled"], 60)
        until(lambda: list((tmp_path / "share").glob("*.note")), 30)

        told = time.monotonic()
        daemon.terminate()
        assert daemon.wait(timeout=90) == 0
        assert time.monotonic() - told < 60  # TimeoutStopSec of the unit
    anchors = as_json(settings, "status")["audit"]["anchors"]
    assert {name for name, anchor in anchors.items() if anchor["error"]} == {"store", "tsa", "dpo", "safe"}
    assert "Traceback" not in log.read_text(encoding="utf-8")
