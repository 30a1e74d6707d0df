"""Metrics: the same figures as `status`, over HTTP, in a file and on stdout, without personal data."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from adapters.sandbox import Fault, MailchimpSandbox
from syncer.app import App
from syncer.errors import UserError
from syncer.log import configure
from syncer.service import metrics
from syncer.service.drain import drain
from syncer.service.reminders import Reminders
from tests.conftest import Clock
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import started, until
from tests.support.servers import ENGINES
from tests.support.walk import put

PERSON = "ada@lovelace.test"


def figures(text: str) -> dict[tuple[str, ...], float]:
    """(name, label value…) -> value."""
    return {(sample.name, *sample.labels.values()): sample.value for family in parse(text) for sample in family.samples}


@pytest.fixture
def stuck(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> App:
    """An erasure and an objection that Mailchimp does not carry out, 15 days after receipt."""
    clock.now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    mailchimp.fault(Fault(status=500, body="<html>", content_type="text/html", times=None))
    put(app, "erasure", PERSON, "k1")
    put(app, "objection", "grace@hopper.test", "k2")
    drain(app)
    clock.advance(days=15)
    put(app, "erasure", "alan@turing.test", "k3")
    return app


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_every_figure_is_there_under_its_name(stuck: App) -> None:
    found = figures(metrics.text(stuck))

    assert found["syncer_up",] == 1
    assert found["syncer_events", "open"] == 2
    assert found["syncer_events", "fulfilled"] == 0
    assert found["syncer_overdue_events",] == 1  # the objection has missed its 48 hours, the erasure has its month
    assert [found["syncer_warned_events", days] for days in ("7", "14", "21")] == [0, 2, 0]
    assert found["syncer_deliveries", "newsletter", "retrying"] == 2
    assert found["syncer_deliveries", "crm", "confirmed"] == 2
    assert found["syncer_oldest_open_seconds",] == 15 * 86400
    assert found["syncer_lane_paused", "crm"] == 0
    assert found["syncer_audit_entries",] == stuck.status.read().audit.entries
    assert found["syncer_queue_waiting",] == 1


def test_status_counts_each_event_at_its_highest_warning(stuck: App, clock: Clock) -> None:
    expected = {0: (0, 2, 0), 7: (0, 0, 2)}
    for days, (seven, fourteen, twenty_one) in expected.items():
        clock.advance(days=days)
        events = stuck.status.read().events

        assert (events.warn_7, events.warn_14, events.warn_21) == (seven, fourteen, twenty_one)
    assert {item.warning for item in stuck.reader.events()} == {21}
    assert [item.overdue for item in stuck.reader.events()] == [False, True]


def test_the_reminders_come_once_a_day_and_name_nobody(stuck: App, clock: Clock) -> None:
    log = StringIO()
    configure("info", log, json=True)

    reminders = Reminders(stuck)
    for hours in (1, 1, 10):  # the third is after midnight in Berlin
        reminders.remind()
        clock.advance(hours=hours)
    reminders.remind()

    configure("warning")
    said = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [(line["event"], line["count"], line["level"]) for line in said] == [
        ("deadline.overdue", 1, "error"),
        ("deadline.near", 2, "warning"),
    ] * 2
    assert "@" not in log.getvalue()


def test_no_label_holds_an_address_or_a_pseudonym(stuck: App) -> None:
    text = metrics.text(stuck)
    (subject, *_) = [item.subject for item in stuck.reader.events()]

    assert "@" not in text
    assert subject
    assert subject not in text


def test_a_database_that_cannot_be_read_is_a_figure_and_no_traceback(app: App) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE syncer_event RENAME TO elsewhere")

    assert figures(metrics.text(app)) == {("syncer_up",): 0}


def test_a_taken_port_is_one_line_with_the_remedy(app: App) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]

        with pytest.raises(UserError, match=rf"\[metrics\] listen: 127.0.0.1:{port} cannot be used .*choose another"):
            metrics.listen(app, "127.0.0.1", port)


@pytest.mark.slow
def test_the_daemon_hands_them_out_and_reminds_and_stops_with_it(
    settings_file: Callable[..., Path], tmp_path: Path
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = settings_file()
    text = path.read_text(encoding="utf-8")
    path.write_text(f'{text}\n[metrics]\nlisten = "127.0.0.1:{port}"\n', encoding="utf-8")
    run(path, "init")
    for lane in ("newsletter", "crm"):
        run(path, "pause", lane, "--reason", "only to keep it open")
    run(path, "submit", "erasure", "--received", "2026-01-05", stdin=PERSON)
    run(path, "drain")

    def scraped() -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                return str(answer.read().decode())
        except OSError:
            return None

    with started(path, "run", log=tmp_path / "log") as process:
        text = until(scraped, 20)
        process.terminate()
        assert process.wait(timeout=30) == 0

    assert figures(text)["syncer_overdue_events",] == 1
    assert '"deadline.overdue"' in (tmp_path / "log").read_text(encoding="utf-8")
    assert "Traceback" not in (tmp_path / "log").read_text(encoding="utf-8")


def test_the_command_prints_or_writes_them(settings_file: Callable[..., Path], tmp_path: Path) -> None:
    path, target = settings_file(), tmp_path / "syncer.prom"
    run(path, "init")

    printed, written = run(path, "metrics"), run(path, "metrics", "--textfile", str(target))

    assert (printed.returncode, written.returncode, written.stdout) == (0, 0, "")
    assert figures(printed.stdout).keys() == figures(target.read_text(encoding="utf-8")).keys()
    assert figures(printed.stdout)["syncer_audit_entries",] == as_json(path, "status")["audit"]["entries"]
    refused = run(path, "metrics", "--textfile", "/nowhere/at/all.prom")
    assert (refused.returncode, "cannot be written" in refused.stderr) == (2, True)
