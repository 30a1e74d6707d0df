"""The runbook itself: what its tables send to, and that no section goes untried."""

from __future__ import annotations

import re
from pathlib import Path

from syncer.alerting.catalog import KINDS
from tests.support.documents.pages import anchors, sections
from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "runbook.md"
#: an event of the log, as a table shows it
EVENT = re.compile(r"`([a-z]+\.[a-z_]+)`")
#: most sentences that say what a section means, before its first command
MOST = 3


def rows() -> list[str]:
    return [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ") and "](#" in line]


def test_the_tables_lead_to_every_section() -> None:
    led = {found for row in rows() for found in re.findall(r"\]\(#([a-z-]+)\)", row)}

    assert led == anchors(PAGE) - {"runbook"}


def test_every_section_ends_in_commands_that_a_test_carries_out() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    untried = [name for name in sections(PAGE) if name != "runbook" and f'page["{name}"]' not in tests]

    assert untried == []
    assert [name for name, blocks in sections(PAGE).items() if name != "runbook" and not blocks] == []


def test_what_a_section_means_is_said_in_few_sentences() -> None:
    for section in PAGE.read_text(encoding="utf-8").split("\n## ")[1:]:
        name, _, rest = section.partition("\n")
        said = rest.partition("```")[0].strip()
        assert said.count(". ") + said.count(".\n") + said.endswith(".") <= MOST, name


def test_the_words_of_the_journal_are_those_that_syncer_writes() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "syncer").rglob("*.py"))
    said = {event for row in rows() for event in EVENT.findall(row)}

    assert said
    assert [event for event in said if f'"{event}"' not in code and f"}}.{event.partition('.')[2]}" not in code] == []


def test_every_alert_of_ours_has_its_row() -> None:
    named = {name for row in rows() for part in row.split("; alert ")[1:] for name in re.findall(r"`(\w+)`", part)}

    operating = {name for name, kind in KINDS.items() if kind.topic != "security"}
    assert operating - named == set()


def test_the_alerts_that_the_tables_name_are_rules() -> None:
    rules = set(re.findall(r"alert: (\w+)", (ROOT / "docs" / "prometheus-alerts.yml").read_text(encoding="utf-8")))

    assert {name for row in rows() for name in re.findall(r"`(Syncer\w+)`", row)} <= rules
