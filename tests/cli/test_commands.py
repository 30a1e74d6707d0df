"""The commands as people and scripts use them: output, exit codes, and one line for every mistake."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from tests.conftest import AUDIENCES
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.processes import run as process
from tests.support.processes import seen

PERSON = "ada@lovelace.test"


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


@pytest.fixture
def held(settings: Path, activecampaign: ActiveCampaignSandbox) -> dict[str, Any]:
    """One erasure that is held at ActiveCampaign for want of the archive right, and confirmed at Mailchimp."""
    activecampaign.admin = False
    activecampaign.add(PERSON)
    run(settings, "submit", "erasure", stdin=PERSON)
    run(settings, "drain")
    (event,) = as_json(settings, "events")
    return dict(event)


def test_init_again_is_harmless(settings: Path) -> None:
    again = run(settings, "init")

    assert again.returncode == 0
    assert "already there" in again.stdout
    assert "up to date" in again.stdout


@pytest.mark.slow
def test_submit_drain_and_read_in_every_form(settings: Path, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    keys = process(settings, "submit", "erasure", stdin=f"# a comment\n\n{PERSON}\n").stdout.split()
    assert as_json(settings, "status")["queue"] == {"waiting": 1, "refused": 0}

    done = process(settings, "drain")

    assert (done.returncode, done.stdout.startswith("taken 1; deliveries confirmed 2")) == (0, True)
    (event,) = as_json(settings, "events")
    assert {"id", "event_key", "right", "subject", "state", "code", "received_at", "due_on", "overdue", "source",
            "source_ref", "deliveries"} <= set(event)  # fmt: skip
    assert event["event_key"] == keys[0]
    for delivery in event["deliveries"]:
        assert {"destination", "adapter", "action", "state", "outcome", "code", "attempts", "next_attempt_at",
                "applied_at", "confirmed_at"} <= set(delivery)  # fmt: skip
    shown = as_json(settings, "show", event["id"][:-3])
    assert [set(entry) for entry in shown["audit"]] == [
        {"seq", "at", "what", "destination", "actor", "facts"} for _ in shown["audit"]
    ]
    status = as_json(settings, "status")
    assert {"open": 0, "held": 0, "fulfilled": 1, "overdue": 0}.items() <= status["events"].items()
    assert {"adapter", "paused", "pause_reason", "pending", "retrying", "applied", "confirmed", "held", "exempt",
            "oldest_open"} <= set(status["destinations"]["crm"])  # fmt: skip
    verdict = json.loads(process(settings, "audit", "verify", "--json").stdout)
    assert {"ok", "entries", "first_bad", "reason"} <= set(verdict)
    assert (verdict["ok"], verdict["first_bad"], verdict["reason"]) == (True, None, None)
    assert verdict["entries"] == status["audit"]["entries"]


WORDS_FOR_PEOPLE = (("status",), ("events",), ("show", "EVENT"), ("check",), ("resync", "--held", "--reason", "again"))


@pytest.mark.slow
@pytest.mark.parametrize("words", WORDS_FOR_PEOPLE, ids=" ".join)
@pytest.mark.parametrize(("columns", "most"), [(80, 80), (300, 100)])
def test_a_terminal_shows_no_line_wider_than_itself_nor_than_a_hundred_columns(
    settings: Path, held: dict[str, Any], words: tuple[str, ...], columns: int, most: int
) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", seen(settings, *_of(held, words), columns=columns))

    assert shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= most


@pytest.mark.slow
def test_a_pipe_gets_every_line_whole_and_without_colours(
    settings: Path, held: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")

    listed, shown, found = (
        process(settings, *words).stdout for words in (("events",), ("show", held["id"]), ("check",))
    )

    (line,) = [line for line in listed.splitlines() if held["id"] in line]
    assert line.rstrip().endswith("newsletter confirmed; crm held (archived_not_purged)")
    (line,) = [line for line in shown.splitlines() if "  why   " in line]
    assert line.endswith("or the account offers none")
    (line,) = [line for line in found.splitlines() if "Admin group" in line and "remedy" in line]
    assert line.endswith("also of people who are not there")
    assert "\x1b" not in listed + shown + found


def _of(held: dict[str, Any], words: tuple[str, ...]) -> list[str]:
    return [held["id"] if word == "EVENT" else word for word in words]


def test_an_event_id_is_never_broken_over_two_lines(settings: Path, held: dict[str, Any]) -> None:
    for words in (("events",), ("resync", "--held", "--reason", "again")):
        assert held["id"] in run(settings, *words).stdout


@pytest.mark.slow
def test_find_looks_a_person_up_and_leaves_a_trace(settings: Path, held: dict[str, Any]) -> None:
    assert [event["id"] for event in as_json(settings, "find", stdin=PERSON.upper())] == [held["id"]]
    assert run(settings, "find", stdin="nobody@nowhere.test").stdout == "no event for this address\n"

    entries = [json.loads(line) for line in run(settings, "audit", "export").stdout.splitlines()]
    assert [entry["what"] for entry in entries].count("operator:looked_up") == 2


@pytest.mark.slow
def test_what_is_held_makes_every_reading_command_exit_with_one(settings: Path, held: dict[str, Any]) -> None:
    assert held["state"] == "held"
    for words in (("status",), ("events",), ("show", held["id"]), ("report",), ("drain",)):
        assert run(settings, *words).returncode == 1, words


@pytest.mark.slow
def test_resync_shows_its_plan_first_and_carries_it_out_by_digest(
    settings: Path, held: dict[str, Any], activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.admin = True
    plan = as_json(settings, "resync", "--event", held["id"], "--reason", "key replaced")
    assert {(d["destination"], d["from"], d["to"]) for d in plan["deliveries"]} == {
        ("crm", "held", "pending"),
        ("newsletter", "confirmed", "applied"),
    }
    assert plan["applied"] is False
    stale = run(settings, "resync", "--event", held["id"], "--reason", "key replaced", "--apply", "0" * 64)
    assert (stale.returncode, "has changed" in stale.stderr) == (2, True)

    applied = as_json(settings, "resync", "--event", held["id"], "--reason", "key replaced", "--apply", plan["digest"])
    run(settings, "drain")

    assert applied["applied"] is True
    assert [event["state"] for event in as_json(settings, "events")] == ["fulfilled"]


def test_exempt_closes_a_held_delivery_and_no_other(settings: Path, held: dict[str, Any]) -> None:
    words = ("--ground", "legal_claims", "--reason", "court case under way")
    refused = run(settings, "exempt", held["id"], "--destination", "newsletter", *words)
    assert (refused.returncode, "only a held one" in refused.stderr) == (2, True)

    assert run(settings, "exempt", held["id"], "--destination", "crm", *words).returncode == 0

    (event,) = as_json(settings, "events")
    assert event["state"] == "fulfilled"


@pytest.mark.slow
def test_pause_and_resume_stop_and_start_a_lane(settings: Path, mailchimp: MailchimpSandbox) -> None:
    assert run(settings, "pause", "newsletter", "--reason", "account review").returncode == 0
    run(settings, "submit", "erasure", stdin=PERSON)
    run(settings, "drain")
    assert mailchimp.request_count == 0
    assert run(settings, "status").returncode == 1
    assert "PAUSED newsletter" in run(settings, "status").stdout

    assert run(settings, "resume", "newsletter", "--reason", "review is over").returncode == 0
    run(settings, "drain")

    assert as_json(settings, "status")["events"]["fulfilled"] == 1


def test_the_report_speaks_plainly_and_in_csv_and_json(settings: Path, held: dict[str, Any], tmp_path: Path) -> None:
    text = run(settings, "report").stdout
    assert "1 request was received: 0 carried out everywhere, 1 waiting for a person's decision, 0 under way." in text
    assert "None is late, and none was answered late." in text
    assert "WHAT NEEDS A PERSON" in text
    assert "use an API key of a user in the Admin group" in text
    assert "not proven:" in text
    rows = list(csv.DictReader(io.StringIO(run(settings, "report", "--format", "csv").stdout)))
    assert [(row["recipient"], row["state"]) for row in rows] == [("newsletter", "confirmed"), ("crm", "held")]
    out = tmp_path / "report.json"
    assert run(settings, "report", "--format", "json", "--out", str(out)).returncode == 1
    assert json.loads(out.read_text(encoding="utf-8"))["integrity"]["verified"] is True
    assert run(settings, "report", "--since", "2999-01-01").returncode == 0


def test_verify_names_what_was_altered_behind_our_back(settings: Path, held: dict[str, Any]) -> None:
    with closing(sqlite3.connect(settings.parent / "syncer.db")) as connection, connection:
        connection.execute("DROP TRIGGER syncer_audit_no_update")
        connection.execute("UPDATE syncer_audit SET body = replace(body, 'erasure', 'objectio') WHERE seq = 1")

    done = run(settings, "audit", "verify")
    assert (done.returncode, done.stdout) == (1, "NOT INTACT: entry 1 was altered\n")
    assert as_json(settings, "audit", "verify")["first_bad"] == 1


def test_check_says_what_to_mend(
    settings: Path, activecampaign: ActiveCampaignSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert as_json(settings, "check")["ok"] is True
    activecampaign.admin = False
    monkeypatch.delenv("TEST_MAILCHIMP_KEY")

    found = as_json(settings, "check")

    failed = {item["name"]: item for item in found["checks"] if not item["ok"]}
    assert "TEST_MAILCHIMP_KEY is not set" in failed["newsletter: key"]["detail"]
    assert any(name.startswith("crm") and "Admin" in item["remedy"] for name, item in failed.items())
    assert run(settings, "check").returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "stdin", "said"),
    [
        (("show", "0123456"), "", "there is no event 0123456"),
        (("show", "xy"), "", "at least 6"),
        (("show", "%%%%%%%"), "", "at least 6"),
        (("events", "--since", "soon"), "", "--since: not a date"),
        (("submit", "erasure"), "\n# nothing\n", "no address was given"),
        (("submit", "purge"), PERSON, "Invalid value"),
        (("submit", "erasure", PERSON), "", "does not belong on the command line"),
        (("find", PERSON), "", "does not belong on the command line"),
        (("find",), f"{PERSON}\n{PERSON}", "takes one address, 2 were given"),
        (("find",), "nonsense", "cannot be used"),
        (("resync", "--held"), "", "--reason"),
        (("resync", "--held", "--reason", "x"), "", "at least five characters"),
        (("resync", "--held", "--reason", f"wrote {PERSON}"), "", "does not belong on the command line"),
        (("pause", PERSON, "--reason", "just because"), "", "does not belong on the command line"),
        (("submit", "erasure", "--ref", PERSON), PERSON, "does not belong on the command line"),
        (("resync", "--reason", "just because"), "", "choose what"),
        (("resync", "--destination", "nope", "--reason", "just because"), "", "there is no destination"),
        (("pause", "nope", "--reason", "just because"), "", "there is no destination"),
        (("exempt", "0123456", "--destination", "crm", "--ground", "mood", "--reason", "because"), "", "Invalid value"),
        (("report", "--out", "/nowhere/at/all"), "", "cannot be written"),
        (("drian",), "", "No such command"),
        (("resync", "--file", "/nowhere", "--reason", "just because"), "", "No such file"),
    ],
)
def test_every_mistake_of_a_caller_is_one_line_and_exit_2(
    settings: Path, words: tuple[str, ...], stdin: str, said: str
) -> None:
    done = run(settings, *words, stdin=stdin)

    assert done.returncode == 2
    assert said in done.stderr
    assert PERSON not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_without_tables_or_key_the_remedy_is_named(settings_file: Callable[..., Path]) -> None:
    path = settings_file()
    for words in (("status",), ("drain",), ("events",)):
        done = run(path, *words)
        assert (done.returncode, "syncer init" in done.stderr) == (2, True)


def test_another_key_file_is_refused(settings: Path) -> None:
    key = settings.parent / "syncer.key"
    kept = key.read_text(encoding="utf-8")
    key.unlink()
    missing = run(settings, "init")
    assert (missing.returncode, "put the original key file back" in missing.stderr) == (2, True)
    first = kept.rindex(":") + 1  # of the key itself
    key.write_text(kept[:first] + ("A" if kept[first] != "A" else "B") + kept[first + 1 :], encoding="utf-8")
    key.chmod(0o600)

    wrong = run(settings, "status")

    assert (wrong.returncode, "not the key the database was made with" in wrong.stderr) == (2, True)


def test_a_newer_schema_is_refused_and_an_older_one_names_the_upgrade(settings: Path) -> None:
    for version, said in (("9999", "newer than this syncer"), ("0000", "syncer db upgrade")):
        with closing(sqlite3.connect(settings.parent / "syncer.db")) as connection, connection:
            connection.execute("UPDATE syncer_alembic_version SET version_num = ?", (version,))
            connection.execute("UPDATE syncer_schema SET compatible_from = ?", (version,))
        done = run(settings, "status")
        assert (done.returncode, said in done.stderr) == (2, True)


def test_lines_that_are_no_address_are_submitted_named_by_number_and_held(settings: Path) -> None:
    done = run(settings, "submit", "erasure", stdin=f"{PERSON}\nnot an address\n")
    run(settings, "drain")

    assert done.returncode == 0
    assert "line 2" in done.stderr
    assert "not an" not in done.stderr
    assert sorted(event["state"] for event in as_json(settings, "events")) == ["fulfilled", "held"]


def test_the_same_reference_again_is_the_same_request(settings: Path) -> None:
    for _ in range(2):
        run(settings, "submit", "erasure", "--ref", "ticket 7", stdin=PERSON)
    run(settings, "drain")

    assert len(as_json(settings, "events")) == 1


def test_missing_secrets_are_named_before_anything_starts(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_MAILCHIMP_KEY")
    monkeypatch.delenv("TEST_ACTIVECAMPAIGN_KEY")
    for command in ("drain", "run"):
        done = run(settings, command)

        assert done.returncode == 2
        assert len(done.stderr.strip().splitlines()) == 2


@pytest.mark.slow
def test_a_malformed_event_can_be_mended_with_its_address_from_a_file(settings: Path, tmp_path: Path) -> None:
    run(settings, "submit", "erasure", stdin="broken address")
    run(settings, "drain")
    (event,) = as_json(settings, "events")
    file = tmp_path / "again.txt"
    file.write_text(f"{event['id']} {PERSON}\n", encoding="utf-8")

    done = run(settings, "resync", "--file", str(file), "--reason", "asked the person", "--yes")
    run(settings, "drain")

    assert done.returncode == 0, done.stderr
    assert [item["state"] for item in as_json(settings, "events")] == ["fulfilled"]
    assert [item["id"] for item in as_json(settings, "find", stdin=PERSON)] == [event["id"]]
