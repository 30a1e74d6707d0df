"""Group G of the fault list, people: nothing is told of them; what they write, may not do, and do twice."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import sqlite3
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import FAULTS, ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.log import configure
from syncer.reports.as_csv import audit_csv
from syncer.reports.as_json import as_json as to_json
from syncer.reports.html.page import report_html
from syncer.service import metrics
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.documents.reports import report_csv, report_text, whole
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.providers import reopen
from tests.support.servers import free_port
from tests.support.walk import put, rows

PERSON = "ada@lovelace.test"
CANARY = "canary.bird@coalmine.test"


# -- 103: told nowhere --------------------------------------------------------------------------------------


def assert_silent(haystack: bytes, *keys: str) -> None:
    """Find neither the canary in any of its forms nor a key."""
    digest = hashlib.md5(CANARY.encode(), usedforsecurity=False).hexdigest()
    for needle in (CANARY, CANARY.replace("@", "%40"), "canary.bird", digest, digest.upper(), *keys):
        assert needle.encode() not in haystack, needle


def test_fault_103_a_person_and_the_keys_leave_no_trace_but_the_sealed_one(
    make_app: Callable[..., App],
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    clock: Clock,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    configure("debug", json=True)
    app = make_app(recheck_days="[1]")
    for server in (mailchimp, activecampaign):
        for name in ("reset_before", "status_500_html", "redirect_302", "broken_json"):
            server.fault(FAULTS[name]())
        server.fault(Fault(status=400, body=f'{{"title":"Bad","detail":"{CANARY}"}}', times=1))
    mailchimp.add(CANARY, AUDIENCES[0])
    activecampaign.add(CANARY)
    put(app, "erasure", CANARY, "k1")
    told = []
    for _ in range(8):
        drain(app)
        reopen(app)
        clock.advance(hours=25)
        told += [metrics.text(app), to_json(app.status.read()), to_json(app.reader.events())]
    assert {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}
    propagation = whole(app)
    told += [
        *report_html(propagation),
        report_csv(propagation),
        report_text(propagation),
        *audit_csv(app.ledger.rows()),
    ]
    app.close()

    haystack = "".join([*told, *capfd.readouterr()]).encode()
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix not in (".toml", ".key"):
            haystack += path.read_bytes()
    assert_silent(haystack, mailchimp.api_key, activecampaign.api_key)


def test_fault_103_a_daemon_at_debug_tells_nothing_in_log_traceback_metrics_and_process_list(
    settings_file: Callable[..., Path],
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    tmp_path: Path,
) -> None:
    path, port = settings_file(), free_port()
    path.write_text(f'{path.read_text("utf-8")}\n[metrics]\nlisten = "127.0.0.1:{port}"\n', encoding="utf-8")
    assert run(path, "init").returncode == 0
    for server in (mailchimp, activecampaign):
        server.fault(Fault(status=500, body=f"<html>{CANARY}", content_type="text/html", times=40))
    mailchimp.add(CANARY, AUDIENCES[0])
    log = tmp_path / "log"
    with started(path, "run", log=log) as daemon:
        assert run(path, "submit", "erasure", stdin=CANARY).returncode == 0
        until(lambda: mailchimp.request_count > 2 and "delivery.retrying" in log.read_text(encoding="utf-8"), 30)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            told = answer.read()
        proc = Path("/proc") / str(daemon.pid)
        told += b"".join(file.read_bytes() for file in [proc / "cmdline", *proc.glob("task/*/comm")])
        _break_the_lane_table(path)
        until(lambda: "job.failed" in log.read_text(encoding="utf-8"), 30)

    assert b"syncer" in told
    assert_silent(told + log.read_bytes(), mailchimp.api_key, activecampaign.api_key)


def _break_the_lane_table(settings: Path) -> None:
    with closing(sqlite3.connect(settings.parent / "syncer.db", timeout=30)) as connection:
        connection.execute("ALTER TABLE syncer_lane RENAME TO syncer_lane_gone")


# -- 104: what they write -----------------------------------------------------------------------------------

HOSTILE = (
    "ada\n@lovelace.test", "ada\x1b[31m@lovelace.test", "</script><b>@lovelace.test", "=cmd|' /C calc'!A0@x.test",
    "ada\u202e@lovelace.test", "=1+1@lovelace.test", '"</script>"@lovelace.test', "\r\n.\r\nQUIT@lovelace.test",
)  # fmt: skip


def test_fault_104_what_people_write_is_harmless_in_log_csv_and_html(
    app: App, capfd: pytest.CaptureFixture[str]
) -> None:
    configure("debug", json=True)
    for number, text in enumerate(HOSTILE):
        put(app, "erasure", text, f"k{number}", source="=form", source_ref=text.partition("@lovelace")[0])

    drain(app)

    log = "".join(capfd.readouterr())
    assert len(rows(app, app.tables.event)) == len(HOSTILE)
    for line in log.splitlines():
        assert line.isascii()
        assert line.isprintable()
        json.loads(line)
    propagation = whole(app)
    table, page, text = report_csv(propagation), "".join(report_html(propagation)), report_text(propagation)
    for harmful in ("\x1b", "\u202e"):
        assert harmful not in table + page + text
    assert "<script" not in page
    assert "</script" not in page
    assert "<b>" not in page
    assert not [line for line in text.splitlines() if line.startswith(("=", ".", "QUIT"))]
    for written in (table, "".join(audit_csv(app.ledger.rows()))):
        cells = [cell for row in csv.reader(io.StringIO(written)) for cell in row]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    assert "lovelace.test" not in log + table + page + text


# -- 105: what they may not ---------------------------------------------------------------------------------


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


@pytest.fixture
def held(settings: Path, activecampaign: ActiveCampaignSandbox) -> dict[str, Any]:
    """Give an erasure that waits at ActiveCampaign for the right to the archive, which has come meanwhile."""
    activecampaign.admin = False
    activecampaign.add(PERSON)
    run(settings, "submit", "erasure", stdin=PERSON)
    assert run(settings, "drain").returncode == 1
    activecampaign.admin = True
    (event,) = as_json(settings, "events")
    return dict(event)


def entries(settings: Path, what: str) -> list[dict[str, Any]]:
    """Return the bodies of the audit entries of one kind, as an export gives them."""
    exported = map(json.loads, run(settings, "audit", "export").stdout.splitlines())
    return [json.loads(entry["body"]) for entry in exported if entry["what"] == what]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--yes",), "no usable reason"),
        (("--yes", "--reason", "x"), "no usable reason"),
        (("--reason", "the right is there now", "--apply", "0" * 64), "the plan has changed since the digest"),
    ],
    ids=["no_reason", "no_word", "stale_digest"],
)
def test_fault_105_a_resync_without_a_reason_or_with_a_stale_digest_is_refused_and_audited(
    settings: Path, held: dict[str, Any], words: tuple[str, ...], why: str
) -> None:
    refused = run(settings, "resync", "--event", held["id"], *words)

    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert [event["state"] for event in as_json(settings, "events")] == ["held"]
    (entry,) = entries(settings, "operator:refused")
    assert entry["facts"] == {"command": "resync", "why": why}
    assert entry["actor"]["user"]
    assert entries(settings, "operator:resynced") == []
    assert f"a person's command was refused: resync, {why}" in run(settings, "report").stdout


# -- 106: what they repeat ----------------------------------------------------------------------------------


def test_fault_106_a_resync_repeated_while_the_daemon_runs_makes_no_second_event_and_opens_nothing_twice(
    settings: Path, held: dict[str, Any], activecampaign: ActiveCampaignSandbox, tmp_path: Path
) -> None:
    words = ("resync", "--event", held["id"], "--destination", "crm", "--reason", "the right is there now")
    digest = as_json(settings, *words)["digest"]
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: "daemon.started" in log.read_text(encoding="utf-8"), 30)
        answers = [run(settings, *words, "--apply", digest).returncode for _ in range(3)]
        until(lambda: [event["state"] for event in as_json(settings, "events")] == ["fulfilled"], 30)
        # once more for what is confirmed: it is read back, and ends where it was
        assert [run(settings, *words, "--yes").returncode for _ in range(2)] == [0, 0]
        until(lambda: [event["state"] for event in as_json(settings, "events")] == ["fulfilled"], 30)
        daemon.terminate()
        assert daemon.wait(timeout=30) == 0

    assert answers[0] == 0
    assert set(answers[1:]) <= {0, 2}
    assert [event["id"] for event in as_json(settings, "events")] == [held["id"]]
    assert len(entries(settings, "event:received")) == 1
    assert [entry["facts"]["from"] for entry in entries(settings, "delivery:reopened")].count("held") == 1
    assert activecampaign.contact(PERSON) is None
    assert as_json(settings, "audit", "verify")["ok"]
