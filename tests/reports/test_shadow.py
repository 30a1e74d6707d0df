"""What is said of a destination in shadow mode, everywhere: what would have happened, and nothing as if it had."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.intake.wordpress.status import summary
from syncer.reports.status import needs_attention
from syncer.service.drain import drain
from syncer.service.metrics import text as metrics
from syncer.settings.destinations import SHADOW
from tests.conftest import AUDIENCES, Clock
from tests.support.operate.shadow import all_in_shadow, reopened
from tests.support.paths import VERIFIER
from tests.support.processes import inside, inside_json
from tests.support.walk import PERSON, put, rows, states

ERASE = f"POST /lists/{{list}}/members/{{id}}/actions/delete-permanent, audience {AUDIENCES[0]}"
#: what would claim that something was done
DONE = re.compile(r"(?i)carried out everywhere: 1|confirmed: |was erased|found, acted on|nothing needs a person")


@pytest.fixture
def shadow(app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> App:
    """Give an erasure that would go through at the newsletter and would be held at the crm."""
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.admin = False
    put(app, "erasure", PERSON, "k1")
    made = all_in_shadow(app)
    drain(made)
    return made


@pytest.mark.slow
def test_show_and_every_form_of_the_report_say_what_would_have_happened(shadow: App) -> None:
    path = shadow.settings.path
    shown = inside(path, "show", str(shadow.withdrawals.event_of("k1"))).stdout
    said = {fmt: inside(path, "report", "--format", fmt).stdout for fmt in ("text", "html", "csv", "json")}

    for text in (shown, said["text"], said["csv"]):
        assert f"these calls would have been made: {ERASE}" in text
        assert "it would have been held: the key may not look into or purge the archive" in text
    assert "what would have happened" in said["html"] and "would have been made" in said["html"]
    for text in (shown, *said.values()):
        assert not DONE.search(text), DONE.search(text)
        assert "lovelace" not in text
    for text in (said["text"], said["html"]):
        assert "Nothing is carried out at Mailchimp: it is on trial, in shadow mode." in text
        assert "needs a person" in text.lower()
    [row] = [row for row in csv.DictReader(io.StringIO(said["csv"])) if row["recipient"] == "newsletter"]
    assert (row["state"], row["code"], row["date_of_response"]) == ("pending", "shadowed", "")
    by_name = {item["destination"]: item for item in json.loads(said["json"])["events"][0]["deliveries"]}
    assert by_name["newsletter"]["would"] == [ERASE]
    assert by_name["crm"]["would_be_held_for"] == "archived_not_purged"


def test_the_dossier_tells_the_person_that_nothing_was_done(shadow: App) -> None:
    page = inside(shadow.settings.path, "dossier", stdin=f"{PERSON}\n").stdout

    assert "is on trial: it is only looked at, and nothing is carried out there." in page
    assert "your data would have been erased." in page
    assert "a person would have had to decide." in page
    assert "has not been fully carried out yet" in page
    assert not DONE.search(page)


def test_status_begins_with_it_and_has_it_for_scripts(shadow: App) -> None:
    shown = inside(shadow.settings.path, "status")
    there = inside_json(shadow.settings.path, "status")["destinations"]

    first, second, *_ = shown.stdout.splitlines()
    assert first.startswith("SHADOW MODE at newsletter since ") and "nothing is carried out there" in first
    assert second.startswith("SHADOW MODE at crm since ") and "1 previewed, the first is due" in second
    assert {(item["mode"], item["previewed"], item["forgotten"]) for item in there.values()} == {("shadow", 1, False)}
    assert all(item["shadow_since"] and item["previewed_due_on"] for item in there.values())


def test_a_forgotten_trial_needs_a_person_seven_days_before_something_is_due(shadow: App, clock: Clock) -> None:
    due_on = rows(shadow, shadow.tables.event)[0].due_on
    today = clock().astimezone(shadow.rule.zone).date()

    clock.advance(days=(due_on - today).days - 8)
    assert not any(lane.forgotten for lane in shadow.status.lanes().values())
    clock.advance(days=1)

    view = shadow.status.read()
    assert all(lane.forgotten for lane in view.destinations.values())
    assert not view.events.overdue and not view.events.held and needs_attention(view)


def test_a_row_that_holds_no_day_does_not_hide_a_forgotten_trial(shadow: App) -> None:
    with shadow.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE syncer_delivery SET due_on = '!never' WHERE destination = 'crm'")

    lanes = shadow.status.lanes()

    assert (lanes["crm"].forgotten, lanes["newsletter"].forgotten) == (True, False)


@pytest.mark.slow
def test_the_dossier_of_a_trial_is_proven_whole_by_both_verifiers(shadow: App, tmp_path: Path) -> None:
    page, key = tmp_path / "proofs.json", inside(shadow.settings.path, "audit", "key").stdout.strip()
    inside(shadow.settings.path, "dossier", "--json", "--out", str(page), stdin=f"{PERSON}\n")
    (tmp_path / "key").write_text(key, encoding="utf-8")

    ours = inside(shadow.settings.path, "audit", "check-proof", str(page), "--key", str(tmp_path / "key"))
    theirs = subprocess.run(
        [sys.executable, str(VERIFIER), "--key", key, str(page)], capture_output=True, encoding="utf-8", check=False
    )

    assert ours.returncode == theirs.returncode == 0, ours.stderr + theirs.stderr
    assert "events.deliveries.would" in ours.stdout and "events.deliveries.would" in theirs.stdout


def test_a_metric_says_so_for_each_destination(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    half = reopened(app, {"newsletter": SHADOW})
    drain(half)

    said = metrics(half)

    assert 'syncer_shadow{destination="newsletter"} 1.0' in said
    assert 'syncer_shadow{destination="crm"} 0.0' in said
    assert 'syncer_shadow_previewed{destination="newsletter"} 1.0' in said


def test_check_names_what_is_on_trial_and_tries_nothing_there(app: App, mailchimp: MailchimpSandbox) -> None:
    table = "[destinations.newsletter]"
    text = app.settings.path.read_text(encoding="utf-8").replace(table, f'{table}\nmode = "shadow"')
    app.settings.path.write_text(text, encoding="utf-8")

    found = inside(app.settings.path, "check")
    tried = inside(app.settings.path, "check", "--try", "newsletter", "--domain", "my-site.org", "--in", AUDIENCES[0])

    assert "warn newsletter: shadow mode: on trial" in found.stdout
    assert "crm: shadow mode" not in found.stdout
    assert tried.returncode == 2 and "newsletter is in shadow mode" in tried.stderr
    assert mailchimp.members() == []


def test_the_watch_leaves_it_alone(shadow: App) -> None:
    done = inside(shadow.settings.path, "watch")

    assert done.returncode == 0
    assert "newsletter: in shadow mode, in which nobody is looked for" in done.stdout


def test_wordpress_is_told_that_it_is_a_trial(shadow: App) -> None:
    due_on = rows(shadow, shadow.tables.event)[0].due_on
    lines = [
        SimpleNamespace(
            id="e",
            state="open",
            due_on=due_on,
            withdrawn=False,
            destination=name,
            delivery=state,
            code=code,
            confirmed_at=None,
            settles_on=None,
            lapses_on=None,
        )  # fmt: skip
        for name, (state, _, code) in states(shadow).items()
    ]

    told = summary("1:7", lines, {})

    assert told.state == "open"
    assert {line["state"] for line in json.loads(told.destinations)} == {"trial"}


def test_both_verifiers_of_a_stranger_accept_the_log_of_a_trial_that_went_live(
    shadow: App, app: App, clock: Clock, activecampaign: ActiveCampaignSandbox, tmp_path: Path
) -> None:
    path = shadow.settings.path
    drain(reopened(app, {}))
    assert {state for state, _, _ in states(app).values()} == {"confirmed", "held"}
    inside(path, "preview", "--event", str(shadow.withdrawals.event_of("k1")))  # also what is confirmed by now
    activecampaign.admin = True
    assert inside(path, "resync", "--held", "--reason", "the key has the right now", "--yes").returncode == 0
    clock.advance(hours=1)
    drain(reopened(app, {}))
    assert {state for state, _, _ in states(app).values()} == {"confirmed"}
    note = inside_json(path, "audit", "checkpoint")["note"]
    (tmp_path / "note").write_text(note, encoding="utf-8")
    (tmp_path / "log.jsonl").write_text(inside(path, "audit", "export").stdout, encoding="utf-8")
    key = inside(path, "audit", "key").stdout.strip()

    by_script = subprocess.run(
        [sys.executable, str(VERIFIER), "--key", key, str(tmp_path / "log.jsonl"), str(tmp_path / "note")],
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert by_script.stdout.startswith("PROVEN"), by_script.stderr
    whole = inside(path, "audit", "verify", "--full")
    assert whole.returncode == 0, whole.stdout + whole.stderr
