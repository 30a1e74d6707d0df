"""syncer(1): every command with its options, in macros that a roff reads without a complaint."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from syncer import __version__
from syncer.cli.help.man import main, page
from syncer.cli.help.usage import USAGE
from tests.support.processes import commands


def test_the_page_has_every_command_with_its_options_and_examples() -> None:
    made = page()
    chapters = dict(re.findall(r'^\.SS "([^"]*)"\n(.*?)(?=^\.S|\Z)', made, re.MULTILINE | re.DOTALL))
    missing = [
        name
        for name, _ in commands()
        if not any(title.replace("\\-", "-").startswith(f"{name} ") or title == name for title in chapters)
    ]

    assert missing == []
    examples = [example for usage in USAGE.values() for example in usage.examples]
    assert [
        example for example in examples if example.replace("-", "\\-").split('"')[0].split("'")[0] not in made
    ] == []
    assert "\\fB\\-\\-ground" in made
    assert f'"syncer {__version__}"' in made


def test_what_all_commands_have_stands_once() -> None:
    assert page().count("\\fB\\-\\-debug\\fR") == 1
    assert page().count("\\fB\\-\\-settings") == 1


def test_no_text_is_read_as_a_macro_and_no_character_is_lost() -> None:
    for line in page().splitlines():
        assert not line.startswith(".") or re.match(r"\.(TH|SH|SS|PP|TP|RS|RE|nf|fi|B|BR)( |$)", line), line
        assert not line.startswith("'"), line


def test_man_reads_it_without_a_complaint(tmp_path: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is missing")
    main(tmp_path / "syncer.1")

    done = subprocess.run(
        ["man", "--warnings=w", "--local-file", tmp_path / "syncer.1"],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "MANROFFOPT": "", "MANWIDTH": "100"},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    assert "syncer status --json | jq .events.held" in done.stdout
