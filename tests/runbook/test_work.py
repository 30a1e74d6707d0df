"""The runbook's sections about requests, lanes and daemons, each carried out in its situation."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import load_settings, open_app
from syncer.decisions.four_eyes.wanted import WantedExemption
from syncer.domain.permissions import Permission
from syncer.domain.rights import Ground
from tests.conftest import AUDIENCES
from tests.runbook.host import Host
from tests.support.processes import TOLD_BY, inside, inside_json, until

pytestmark = pytest.mark.slow  # every command is a process, and most sections have a daemon

Blocks = dict[str, list[list[str]]]
PERSON, OTHER = "ada@lovelace.test", "grace@hopper.test"


def submit(host: Host, kind: str, *addresses: str, received: str | None = None) -> None:
    when = ["--received", received] if received else []
    done = inside(host.settings, "submit", kind, *when, stdin="\n".join(addresses))
    assert done.returncode == 0, done.stderr


def events(host: Host) -> list[dict[str, Any]]:
    return list(inside_json(host.settings, "events"))


def states(host: Host) -> list[str]:
    return [event["state"] for event in events(host)]


def lanes(host: Host) -> dict[str, Any]:
    return dict(inside_json(host.settings, "status")["destinations"])


def case(host: Host) -> str:
    """The case number of the only request that is not done."""
    (open_one,) = [event for event in events(host) if event["state"] != "fulfilled"]
    return str(open_one["case"])


@pytest.fixture
def held(host: Host, mailchimp: MailchimpSandbox) -> str:
    """A request that Mailchimp refuses for good; its case number."""
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.fault(Fault(status=400, body='{"title": "Invalid Resource", "status": 400}', times=None))
    submit(host, "erasure", PERSON)
    inside(host.settings, "drain")
    assert states(host) == ["held"]
    return case(host)


def test_a_held_request_is_looked_at_and_started_over(
    host: Host, page: Blocks, held: str, mailchimp: MailchimpSandbox
) -> None:
    look, again, _ = page["a-request-is-held"]

    assert "newsletter" in host.works(look, {"EVENT": held})
    mailchimp.clear_faults()
    host.works(again, {"EVENT": held})

    inside(host.settings, "drain")
    assert states(host) == ["fulfilled"]


def test_a_held_request_is_closed_with_a_ground(host: Host, page: Blocks, held: str) -> None:
    *_, close = page["a-request-is-held"]

    host.works(close, {"EVENT": held, "DESTINATION": "newsletter"})

    assert lanes(host)["newsletter"]["exempt"] == 1


def test_a_proposal_that_waits_is_approved_by_somebody_else(host: Host, page: Blocks, held: str) -> None:
    look, approve = page["a-proposal-waits"]
    with host.settings.open("a", encoding="utf-8") as file:
        file.write('\n[console]\nurl = "http://localhost:8484/"\nfour_eyes = ["exempt"]\n')
    assert inside(host.settings, "user", "add", "otto", "--role", "ops").returncode == 0
    with open_app(load_settings(host.settings)) as app:
        otto = app.acting_as({"kind": "console", "user": "otto"}, frozenset({Permission.DECIDE}))
        event = app.reader.resolve(held)
        wanted = WantedExemption(event, "newsletter", Ground.LEGAL_CLAIMS)
        number = otto.proposals.propose(wanted, "a court case is pending").id

    assert "newsletter" in host.works(look)
    host.works(approve, {"NUMBER": str(number)})

    assert lanes(host)["newsletter"]["exempt"] == 1


def test_what_is_overdue_is_found_and_what_stops_it_is_shown(host: Host, page: Blocks) -> None:
    look, _ = page["a-request-is-overdue"]
    inside(host.settings, "pause", "newsletter", "--reason", "only to keep it open")
    submit(host, "erasure", PERSON, received="2026-01-05")
    inside(host.settings, "drain")

    said = host.works(look, {"EVENT": case(host)})

    assert "1 OVERDUE" in said
    assert "PAUSED newsletter (by an operator)" in said


def test_a_complex_erasure_is_extended(host: Host, page: Blocks) -> None:
    _, extend = page["a-request-is-overdue"]
    day = datetime.now(UTC).date()
    inside(host.settings, "pause", "newsletter", "--reason", "only to keep it open")
    submit(host, "erasure", PERSON, received=f"{day - timedelta(days=5)}")
    inside(host.settings, "drain")
    (before,) = events(host)

    host.works(extend, {"EVENT": case(host), "INFORMED": f"{day - timedelta(days=1)}"})

    (after,) = events(host)
    assert after["due_on"] > before["due_on"]


def test_a_lane_that_lacks_its_key_is_mended_by_the_editor_and_a_reload(
    host: Host, page: Blocks, mailchimp: MailchimpSandbox, tmp_path: Path
) -> None:
    mend, _ = page["a-lane-is-paused"]
    key = tmp_path / "newsletter.key"
    key.write_text("revoked-us1", encoding="utf-8")
    submit(host, "erasure", PERSON)
    host.start()
    until(lambda: lanes(host)["newsletter"]["paused"], 30)

    said = host.works(mend, {"KEYFILE": str(key)}, edit=f"printf %s {mailchimp.api_key} >{key}")

    assert "PAUSED newsletter (by itself" in said
    assert "FAIL" in said
    until(lambda: states(host) == ["fulfilled"], 30)


def test_a_lane_that_somebody_paused_is_resumed(host: Host, page: Blocks) -> None:
    _, resume = page["a-lane-is-paused"]
    inside(host.settings, "pause", "newsletter", "--reason", "the account moves")

    host.works(resume, {"DESTINATION": "newsletter"})

    assert not lanes(host)["newsletter"]["paused"]


def test_a_lane_that_was_told_to_wait_goes_on_when_a_person_says_so(
    host: Host, page: Blocks, mailchimp: MailchimpSandbox
) -> None:
    look, end = page["a-lane-cools-down-or-tries-again"]
    mailchimp.fault(Fault(status=429, body="{}", headers={"Retry-After": "3600"}, times=None))
    submit(host, "erasure", PERSON)
    inside(host.settings, "drain")
    assert lanes(host)["newsletter"]["cool_until"]

    assert "newsletter" in host.works(look, {"DESTINATION": "newsletter", "EVENT": case(host)})
    mailchimp.clear_faults()
    host.works(end, {"DESTINATION": "newsletter"})

    assert not lanes(host)["newsletter"]["cool_until"]


def test_a_daemon_that_is_gone_is_started(host: Host, page: Blocks) -> None:
    (block,) = page["no-daemon-is-running"]
    assert "no daemon is running" in inside(host.settings, "status").stdout

    host.works(block)

    until(lambda: inside_json(host.settings, "status")["daemons"], 30)


def test_a_queue_that_nobody_takes_from_is_taken(host: Host, page: Blocks) -> None:
    (block,) = page["the-queue-is-not-taken"]
    submit(host, "erasure", PERSON)
    assert "1 waiting in the queue" in inside(host.settings, "status").stdout

    host.works(block)

    assert states(host) == ["fulfilled"]


def test_a_row_that_no_database_takes_is_brought_by_hand(host: Host, page: Blocks, tmp_path: Path) -> None:
    (block,) = page["the-database-refuses-a-row"]
    request = tmp_path / "request.txt"
    request.write_text(PERSON, encoding="utf-8")

    host.works(block, {"REQUEST": str(request)})

    inside(host.settings, "drain")
    assert states(host) == ["fulfilled"]


def test_a_database_that_is_away_is_waited_for(host: Host, page: Blocks, tmp_path: Path) -> None:
    look, after = page["the-database-is-away-or-full"]
    with closing(sqlite3.connect(tmp_path / "syncer.db", isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        host.start()
        until(lambda: "database.away" in host.journal.read_text(encoding="utf-8"), TOLD_BY)

        assert "database.away" in host.works(look, {"FOLDER": str(tmp_path)})
        (failed,) = host.run(["syncer status"], {})
        assert failed.code == 2
        assert "the database failed" in failed.said

    until(lambda: "daemon.started" in host.journal.read_text(encoding="utf-8"), 40)
    host.works(after)


def test_a_destination_that_was_removed_is_put_back_and_its_deliveries_start_over(
    host: Host, page: Blocks, mailchimp: MailchimpSandbox
) -> None:
    (block,) = page["a-destination-was-removed"]
    inside(host.settings, "pause", "crm", "--reason", "only to keep it open")
    submit(host, "erasure", PERSON)
    inside(host.settings, "drain")
    inside(host.settings, "resume", "crm", "--reason", "done with it")
    whole = host.settings.read_text(encoding="utf-8")
    host.settings.write_text(whole.partition("[destinations.crm]")[0], encoding="utf-8")
    host.start()
    until(lambda: lanes(host)["crm"]["held"] == 1, 30)
    assert "crm is not in the settings any more" in inside(host.settings, "status").stdout
    (host.settings.parent / "whole").write_text(whole, encoding="utf-8")

    host.works(block, {"DESTINATION": "crm"}, edit=f"cp {host.settings.parent}/whole {host.settings}")

    until(lambda: states(host) == ["fulfilled"], 30)


def test_settings_that_were_refused_are_mended(host: Host, page: Blocks) -> None:
    mend, anew = page["changed-settings-were-refused"]
    host.start()
    until(lambda: "daemon.started" in host.journal.read_text(encoding="utf-8"), 30)
    good = host.settings.read_text(encoding="utf-8")
    (host.settings.parent / "good").write_text(good.replace("[1, 7]", "[1, 5]"), encoding="utf-8")
    host.settings.write_text(good.replace("Europe/Berlin", "Europe/Atlantis"), encoding="utf-8")
    host.run(["systemctl reload syncer"], {})
    until(lambda: "reload.refused" in host.journal.read_text(encoding="utf-8"), 20)

    # `config` cannot show what it cannot read; it says the same lines
    ran = host.run(mend, {}, edit=f"cp {host.settings.parent}/good {host.settings}")
    assert [each.code for each in ran] == [0, 2, 0, 0, 0]
    until(lambda: "daemon.reloaded" in host.journal.read_text(encoding="utf-8"), 30)
    host.works(anew)

    assert "timezone" in ran[1].said
    until(lambda: host.journal.read_text(encoding="utf-8").count("daemon.started") == 2, 30)


def test_somebody_who_is_back_is_found(host: Host, page: Blocks, activecampaign: ActiveCampaignSandbox) -> None:
    (block,) = page["somebody-is-back"]
    activecampaign.add(PERSON)
    submit(host, "erasure", PERSON)
    inside(host.settings, "drain")
    (done,) = events(host)
    activecampaign.add(PERSON)

    said = host.works(block, {"EVENT": str(done["case"])})

    assert "1 came back" in said
