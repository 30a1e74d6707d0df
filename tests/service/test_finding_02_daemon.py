"""Finding 2: the daemon as a real process ends once the log is not the one that was signed, and calls nobody after."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import prepare
from tests.support.attacks.forging import forged, fulfilled_by_hand
from tests.support.attacks.tampering import undone
from tests.support.processes import inside as run
from tests.support.processes import started, until
from tests.support.walk import put, rows

pytestmark = pytest.mark.slow  # every test starts daemons

PEOPLE = 40


def queue(app: App, people: int = PEOPLE) -> None:
    for number in range(people):
        put(app, "erasure", f"person{number}@crash.test", f"k{number}")


def test_finding_02_a_daemon_under_which_an_entry_is_forged_ends_with_exit_2_and_calls_nobody_afterwards(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    mailchimp.latency = activecampaign.latency = 0.3
    queue(app)
    log = tmp_path / "log"
    with started(app.settings.path, "run", log=log) as daemon:
        until(lambda: mailchimp.request_count > 2 and activecampaign.request_count > 2, 60)

        forged(app, ("operator:looked_up", None, None, {"events": 0}))

        assert daemon.wait(timeout=60) == 2
    end = len(rows(app, app.tables.audit))
    calls = mailchimp.request_count + activecampaign.request_count
    lines = log.read_text(encoding="utf-8").splitlines()
    assert "audit: entry" in lines[-1]
    assert "syncer audit verify" in lines[-1]
    assert sum("audit.broken" in line for line in lines) == 1
    assert not any("daemon.stopped" in line for line in lines)
    with started(app.settings.path, "run", log=tmp_path / "again") as daemon:
        assert daemon.wait(timeout=60) == 2
    assert len(rows(app, app.tables.audit)) == end
    assert mailchimp.request_count + activecampaign.request_count == calls
    assert "audit: entry" in (tmp_path / "again").read_text(encoding="utf-8").splitlines()[-1]


def test_finding_02_a_daemon_is_not_started_on_forged_entries(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    queue(app, 3)
    prepare(app)
    fulfilled_by_hand(app, rows(app, app.tables.event)[0].id)
    before = len(rows(app, app.tables.audit))

    with started(app.settings.path, "run", log=tmp_path / "log") as daemon:
        assert daemon.wait(timeout=60) == 2

    assert len(rows(app, app.tables.audit)) == before
    assert mailchimp.request_count == activecampaign.request_count == 0
    assert rows(app, app.tables.daemon) == []


def test_finding_02_a_daemon_is_not_started_on_an_entry_that_was_changed_since_the_last_checkpoint(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    queue(app, 3)
    prepare(app)
    undone(app, "UPDATE syncer_audit SET destination = 'crm' WHERE seq = 1")  # the end itself is whole
    before = len(rows(app, app.tables.audit))

    with started(app.settings.path, "run", log=tmp_path / "log") as daemon:
        assert daemon.wait(timeout=60) == 2

    assert "entry 1 was altered" in (tmp_path / "log").read_text(encoding="utf-8")
    assert len(rows(app, app.tables.audit)) == before
    assert mailchimp.request_count == activecampaign.request_count == 0


def test_finding_02_what_its_daily_verification_finds_ends_the_daemon_and_the_next_start(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    app.clock.now = datetime.now(UTC) - timedelta(days=2)  # type: ignore[attr-defined]
    queue(app, 1)
    prepare(app)
    app.notary.make()
    undone(app, "UPDATE syncer_audit SET destination = 'crm' WHERE seq = 1")
    log = tmp_path / "log"

    with started(app.settings.path, "run", log=log) as daemon:
        assert daemon.wait(timeout=60) == 2

    assert "entry 1 was altered" in log.read_text(encoding="utf-8").splitlines()[-1]
    assert run(app.settings.path, "status").returncode == 1
    before, calls = len(rows(app, app.tables.audit)), mailchimp.request_count + activecampaign.request_count
    with started(app.settings.path, "run", log=tmp_path / "again") as daemon:
        assert daemon.wait(timeout=60) == 2
    assert len(rows(app, app.tables.audit)) == before
    assert mailchimp.request_count + activecampaign.request_count == calls


def test_finding_02_a_daemon_verifies_a_log_that_nobody_verified_for_a_day_also_when_nothing_is_due(
    app: App, tmp_path: Path
) -> None:
    app.clock.now = datetime.now(UTC) - timedelta(days=3)  # type: ignore[attr-defined]
    with app.transactions.write() as tx:
        tx.audit.add("operator:looked_up", facts={"events": 0})
    app.clock.now = datetime.now(UTC)  # type: ignore[attr-defined]
    assert app.verified.due()

    with started(app.settings.path, "run", log=tmp_path / "log") as daemon:
        until(lambda: app.verified.last() is not None, 60)
        daemon.terminate()
        assert daemon.wait(timeout=60) == 0

    assert app.verified.last().ok
