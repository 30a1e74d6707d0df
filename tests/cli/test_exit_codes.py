"""Exit codes that scripts can use: what was not there is not a success, and JSON stays JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

PERSON, NOBODY = "ada@lovelace.test", "nobody@nowhere.test"


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    """An installation in which one person was erased, and nothing waits."""
    path = settings_file()
    assert run(path, "init").returncode == 0
    run(path, "submit", "erasure", stdin=PERSON)
    assert run(path, "drain").returncode == 0
    return path


@pytest.mark.slow
def test_find_without_a_match_is_1_with_its_line_or_an_empty_list(settings: Path) -> None:
    found, missed, listed = (
        run(settings, "find", *words, stdin=address)
        for words, address in (((), PERSON), ((), NOBODY), (("--json",), NOBODY))
    )

    assert found.returncode == 0
    assert (missed.returncode, missed.stdout, missed.stderr) == (1, "no event for this address\n", "")
    assert (listed.returncode, json.loads(listed.stdout), listed.stderr) == (1, [], "")


def test_a_dossier_without_anybody_is_1_and_no_file(settings: Path, tmp_path: Path) -> None:
    page, proofs = tmp_path / "page.html", tmp_path / "proofs.json"

    missed = run(settings, "dossier", "--out", str(page), stdin=NOBODY)
    empty = run(settings, "dossier", "--json", "--out", str(proofs), stdin=NOBODY)
    made = run(settings, "dossier", "--out", str(page), stdin=PERSON)

    assert (missed.returncode, missed.stdout) == (1, "")
    assert missed.stderr == "no event for this address; no dossier was written\n"
    assert empty.returncode == 1
    assert json.loads(proofs.read_text(encoding="utf-8"))["events"] == []
    assert made.returncode == 0
    assert "<html" in page.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["report", "events"])
@pytest.mark.parametrize(
    ("since", "until"),
    [("2027-01-01", "2026-01-01"), ("2026-01-01", "2026-01-01"), ("2026-01-01T10:00+02:00", "2026-01-01T08:00Z")],
)
def test_a_span_in_which_nothing_can_be_is_2_and_leaves_no_trace(
    settings: Path, command: str, since: str, until: str
) -> None:
    before = as_json(settings, "status")["audit"]["entries"]

    done = run(settings, command, "--since", since, "--until", until)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("--until must be later than --since")
    assert as_json(settings, "status")["audit"]["entries"] == before


def test_a_report_of_days_on_which_nobody_asked_is_a_report(settings: Path) -> None:
    done = run(settings, "report", "--since", "2999-01-01", "--json")

    assert (done.returncode, json.loads(done.stdout)["events"]) == (0, [])


@pytest.mark.slow
@pytest.mark.parametrize("words", [("report",), ("dossier",), ("audit", "export")], ids=" ".join)
def test_json_is_one_option_everywhere_and_short_for_a_format(settings: Path, words: tuple[str, ...]) -> None:
    short, long, both = (
        run(settings, *words, *more, stdin=PERSON)
        for more in (("--json",), ("--format", "json"), ("--json", "--format", "json"))
    )

    assert {short.returncode, long.returncode, both.returncode} == {0}
    assert json.loads(short.stdout).__class__ is json.loads(long.stdout).__class__ is json.loads(both.stdout).__class__
    other = run(settings, *words, "--json", "--format", "csv" if words != ("dossier",) else "html", stdin=PERSON)
    assert (other.returncode, other.stdout) == (2, "")
    assert "are two things; give one of them" in other.stderr


def test_an_export_as_one_array_holds_what_its_lines_hold_and_is_counted_alike(settings: Path) -> None:
    lines = [json.loads(line) for line in run(settings, "audit", "export").stdout.splitlines()]
    array = json.loads(run(settings, "audit", "export", "--json").stdout)
    exports = [json.loads(row["body"])["facts"] for row in as_json(settings, "audit", "export")][-2:]

    assert array[: len(lines)] == lines
    assert [(item["format"], item["rows"]) for item in exports] == [("jsonl", len(lines)), ("json", len(array))]


@pytest.mark.slow
def test_a_proof_takes_json_as_all_reading_commands_do(settings: Path) -> None:
    run(settings, "audit", "checkpoint")

    assert json.loads(run(settings, "audit", "prove", "1", "--json").stdout) == json.loads(
        run(settings, "audit", "prove", "1").stdout
    )
