"""docs/commands.md says what the help says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from syncer.cli.help.page import WIDTHS, first_page, main, page
from syncer.domain.codes import ANSWERS, INAPPLICABLE
from syncer.domain.endings import Ending
from syncer.domain.model import CLOSED
from tests.support.paths import ROOT
from tests.support.processes import commands


def test_the_page_is_what_the_help_of_every_command_says(tmp_path: Path) -> None:
    main(tmp_path / "commands.md", tmp_path)

    made = (tmp_path / "commands.md").read_text(encoding="utf-8")
    assert (ROOT / "docs/commands.md").read_text(encoding="utf-8") == made, "run `make schemas`"
    assert [name for name, _ in commands() if f"syncer {name}" not in made] == []


def test_the_page_says_what_each_way_to_be_closed_and_each_ending_means() -> None:
    made = page()
    for word in (*CLOSED, *Ending, *ANSWERS, *INAPPLICABLE):
        assert f"`{word}`" in made, word


@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_page_that_is_kept_is_what_click_would_print(width: int) -> None:
    kept = (ROOT / f"syncer/cli/help/first_page_{width}.txt").read_text(encoding="ascii")

    assert kept == first_page(width), "run `make schemas`"


@pytest.mark.slow
@pytest.mark.parametrize("words", [[], ["-h"], ["--help"]])
@pytest.mark.parametrize("columns", ["", "50", "80", "91", "100", "200", "x", "-1", "0"])
def test_every_terminal_gets_the_page_in_its_width(words: list[str], columns: str) -> None:
    env = dict(os.environ) | {"COLUMNS": columns}
    by_click = "import sys; from syncer.cli.main import main; main(sys.argv[1:])"

    kept = subprocess.run([sys.executable, "-m", "syncer", *words], capture_output=True, env=env, check=True)
    made = subprocess.run([sys.executable, "-c", by_click, *words], capture_output=True, env=env, check=True)

    assert (kept.stdout, kept.stderr) == (made.stdout, b"")


def test_the_first_page_that_nobody_reads_is_told_as_any_output_is() -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "syncer"], stdout=full, stderr=subprocess.PIPE, encoding="utf-8", check=False
        )

    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "standard output cannot be written" in done.stderr
