"""The runbook's sections about the guard, a trial and backups, each carried out in its situation."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.runbook.host import Host
from tests.support.processes import inside, inside_json, until

pytestmark = pytest.mark.slow  # every command is a process, and most sections have a daemon

Blocks = dict[str, list[list[str]]]
GENUINE = ["ada@lovelace.test", "grace@hopper.test"]


def submit(host: Host, source: str, *addresses: str) -> None:
    done = inside(host.settings, "submit", "erasure", "--source", source, stdin="\n".join(addresses))
    assert done.returncode == 0, done.stderr


def status(host: Host) -> dict[str, Any]:
    return dict(inside_json(host.settings, "status"))


def test_a_flood_is_looked_at_its_genuine_part_released_and_the_rest_refused(
    host: Host, page: Blocks, mailchimp: MailchimpSandbox
) -> None:
    look, release, refuse = page["the-guard-tripped"]
    text = host.settings.read_text(encoding="utf-8")  # most tests may delete as many as they like
    host.settings.write_text(re.sub(r"\[guard\]\n(?:\w+ = .*\n)*", "", text), encoding="utf-8")
    for person in GENUINE:
        mailchimp.add(person, AUDIENCES[0])
    submit(host, "shop", *(f"customer{number}@shop.test" for number in range(60)))
    submit(host, "cli", *GENUINE)
    host.start()
    until(lambda: inside(host.settings, "guard").returncode == 1, 30)
    until(lambda: not status(host)["queue"]["waiting"], 30)

    assert "shop" in host.works(look, {"SOURCE": "shop"})
    host.works(release, {"SOURCE": "cli"} | _plan(host, "cli"))
    until(lambda: all(mailchimp.member(person, AUDIENCES[0]) is None for person in GENUINE), 30)
    host.works(refuse, {"SOURCE": "shop"} | _plan(host, "shop"))

    until(lambda: inside(host.settings, "guard").returncode == 0, 30)
    assert status(host)["events"]["held"] == 60


def _plan(host: Host, source: str) -> dict[str, str]:
    """The digest and the number of deletions that a person reads off the plan."""
    plan = inside_json(host.settings, "guard", "plan", "--source", source)
    return {"DIGEST": plan["digest"], "DELETIONS": str(plan["deletions"])}


def test_a_trial_that_was_forgotten_goes_live_by_the_editor_and_a_reload(
    host: Host, page: Blocks, mailchimp: MailchimpSandbox
) -> None:
    (block,) = page["a-trial-was-forgotten"]
    person = GENUINE[0]
    mailchimp.add(person, AUDIENCES[0])
    live = host.settings.read_text(encoding="utf-8")
    host.settings.write_text(live.replace('adapter = "mailchimp"', 'adapter = "mailchimp"\nmode = "shadow"'), "utf-8")
    (host.settings.parent / "live").write_text(live, encoding="utf-8")
    submit(host, "cli", person)
    host.start()
    until(lambda: re.search("^delivery.previewed|lane.shadowed", host.journal.read_text("utf-8"), re.MULTILINE), 30)
    until(lambda: status(host)["destinations"]["newsletter"]["previewed"] == 1, 30)
    assert mailchimp.member(person, AUDIENCES[0]) is not None

    said = host.works(block, {"DESTINATION": "newsletter"}, edit=f"cp {host.settings.parent}/live {host.settings}")

    assert "newsletter" in said
    until(lambda: mailchimp.member(person, AUDIENCES[0]) is None, 30)
    until(lambda: status(host)["events"]["fulfilled"] == 1, 30)


def test_a_backup_is_made_by_hand(host: Host, page: Blocks, tmp_path: Path) -> None:
    (block,) = page["no-good-backup"]
    folder = tmp_path / "backups"

    host.works(block, {"FOLDER": str(folder)})

    assert list(folder.iterdir())
    (checked,) = host.run([f"syncer backup --check {newest(folder)}"], {})
    assert checked.code == 0, checked.said


def newest(folder: Path) -> Path:
    """The backup itself, not what lies beside it."""
    return max(folder.glob("*.db"))


class Receiver(BaseHTTPRequestHandler):
    """Takes every webhook."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(self.headers["webhook-id"])  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_channel_that_fails_is_mended_and_tried(
    host: Host, page: Blocks, receiver: ThreadingHTTPServer, tmp_path: Path
) -> None:
    (block,) = page["an-alert-does-not-arrive"]
    files = {"bad": "http://127.0.0.1:9/", "good": f"http://127.0.0.1:{receiver.server_port}/"}
    files["secret"] = "whsec_" + base64.b64encode(bytes(32)).decode()
    for name, text in files.items():
        (tmp_path / name).touch(0o600)
        (tmp_path / name).write_text(text, encoding="utf-8")
    channel = '[channels.dpo]\nkind = "webhook"\nsecret_file = "secret"\nurl_file = "bad"\n'
    text = host.settings.read_text(encoding="utf-8")
    host.settings.write_text(f"{text}\n{channel}", encoding="utf-8")
    host.start()
    until(lambda: "daemon.started" in host.journal.read_text(encoding="utf-8"), 30)
    (failed,) = host.run(["syncer alerts test dpo"], {})
    assert failed.code == 1

    host.works(block, {"CHANNEL": "dpo"}, edit=f'sed -i \'s/"bad"/"good"/\' {host.settings}')

    assert receiver.seen  # type: ignore[attr-defined]
