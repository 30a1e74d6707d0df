"""What the plugin's column makes of the status table: one line for each recipient, as sure as anybody can be of it."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import syncer.intake.wordpress as wordpress
from syncer.domain.model import State
from syncer.intake.wordpress.plugin import NAME
from syncer.intake.wordpress.status import TRIAL, WITHDRAWN
from tests.support.session import tools

PLUGIN = Path(wordpress.__file__).parent / NAME
READ_BACK = {"name": "Mailchimp", "state": "confirmed", "at": "2026-11-01T12:00:00.000000Z"}
PASSED_ON = {"name": "Analytics", "state": "accepted", "settles_on": "2027-01-20"}
SETTLED = {"name": "Shop", "state": "attested", "why": "no_data"}
NOT_FOUND = {"name": "Clarity", "state": "not_applicable", "why": "no_identifier", "lapses_on": "2027-12-28"}
NO_MEANING = {"name": "Counter", "state": "not_applicable", "why": "right_not_offered"}
EXEMPT = {"name": "CRM", "state": "exempt"}
UNDER_WAY = ("pending", TRIAL, "retrying", "applied", "held", WITHDRAWN)


def column(
    state: str, *lines: dict[str, str], mail_due: bool = False, zone: str = "Europe/Berlin", plugin: Path = PLUGIN
) -> list[str]:
    """Return the lines of the cell, as they are read."""
    if not (php := shutil.which("php")):
        tools.skip("php", f"PHP {tools.NOT_INSTALLED}")
    row: dict[str, Any] = {"state": state, "destinations": json.dumps(lines), "due_on": "2026-12-01"}
    given = {"row": {**row, "updated_at": "2026-11-01 12:00:05"}, "mail_due": mail_due, "zone": zone}
    words = [php, "-d", "display_errors=stderr", "-d", "error_reporting=-1", str(Path(__file__).parent / "column.php")]
    done = subprocess.run(
        [*words, str(plugin)], input=json.dumps(given), capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    shown = [re.sub(r"<[^>]+>", "", line) for line in done.stdout.split("<br>")]
    return [html.unescape(line) for line in shown if line]


def test_each_recipient_has_a_line_with_its_sign_and_its_own_words() -> None:
    assert column("open", READ_BACK, PASSED_ON, SETTLED, NOT_FOUND, NO_MEANING, EXEMPT) == [
        "✓ Mailchimp: confirmed, read back November 1, 2026",
        "→ Analytics: passed on, cannot be checked; through by January 20, 2027",
        "✎ Shop: settled by a person",
        "∅ Clarity: cannot be found there; its data ends by itself by December 28, 2027",
        "∅ Counter: does not apply",
        "§ CRM: not told, by decision",
        "Answer due by December 1, 2026",
    ]


def test_where_nobody_names_a_day_none_is_shown_and_a_refusal_is_said() -> None:
    lines = (
        {"name": "A", "state": "accepted"},
        {"name": "B", "state": "not_applicable"},
        {**SETTLED, "why": "refused"},
    )

    assert column("open", *lines)[:3] == [
        "→ A: passed on, cannot be checked",
        "∅ B: cannot be found there",
        "✎ Shop: settled by a person: it refused",
    ]


def test_a_request_that_is_closed_and_not_everywhere_read_back_is_counted_apart() -> None:
    twice = {**READ_BACK, "name": "ActiveCampaign"}

    shown = column("answered", READ_BACK, twice, PASSED_ON, SETTLED, NOT_FOUND, NO_MEANING, EXEMPT)

    assert shown[-1] == (
        "Closed, not everywhere read back: 2 read back, 1 passed on, 1 settled by a person, 1 cannot be found there,"
        " 1 does not apply, 1 not told."
    )
    assert column("answered", {**READ_BACK, "state": "applied"}, PASSED_ON)[-1] == (
        "Closed, not everywhere read back: 1 read back, 1 passed on."
    )


def test_a_mail_that_waits_for_the_end_of_such_a_request_is_said_to_be_up_to_a_person() -> None:
    said = "WordPress sends no mail that it was fulfilled: answer the person yourself."

    assert column("answered", READ_BACK, PASSED_ON, mail_due=True)[-1].endswith(said)
    assert said not in column("answered", READ_BACK, PASSED_ON)[-1]


def test_a_request_that_was_read_back_everywhere_is_as_it_was_with_no_line_more() -> None:
    assert column("fulfilled", READ_BACK, EXEMPT) == [
        "✓ Mailchimp: confirmed, read back November 1, 2026",
        "§ CRM: not told, by decision",
    ]


@pytest.mark.parametrize("line", [PASSED_ON, SETTLED, NOT_FOUND, NO_MEANING, EXEMPT])
def test_nothing_is_called_confirmed_or_done_that_was_not_read_back(line: dict[str, str]) -> None:
    shown = " ".join(column("answered", line)).replace("not everywhere read back", "")

    assert not re.search(r"confirmed|done|carried out|erased|read back|✓", shown), shown


@pytest.mark.parametrize("state", UNDER_WAY)
def test_what_is_under_way_has_no_sign_and_is_not_called_carried_out(state: str) -> None:
    shown = column("open", {"name": "A", "state": state})[0]

    assert shown.startswith("A: ")
    assert state == TRIAL or not re.search(r"confirmed|done|carried out|erased", shown), shown


def test_the_plugin_has_words_for_every_state_that_syncer_writes() -> None:
    states = [*(str(state) for state in State), TRIAL, WITHDRAWN]

    shown = column("open", *({"name": "A", "state": state} for state in states))

    assert not any("does not know" in line for line in shown), shown


def test_words_of_a_newer_syncer_are_shown_as_they_are_and_nothing_is_called_closed() -> None:
    assert column("half_way", {"name": "A", "state": "100 %s <b>sure"}) == [
        'A: "100 %s <b>sure", which this version of the plugin does not know',
        "Answer due by December 1, 2026",
    ]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_day_is_the_same_day_in_every_time_zone(zone: str) -> None:
    assert column("open", PASSED_ON, zone=zone) == [
        "→ Analytics: passed on, cannot be checked; through by January 20, 2027",
        "Answer due by December 1, 2026",
    ]
