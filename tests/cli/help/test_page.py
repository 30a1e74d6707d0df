"""docs/commands.md says what the help says."""

from __future__ import annotations

from pathlib import Path

from syncer.cli.help.page import main
from tests.support.paths import ROOT
from tests.support.processes import commands


def test_the_page_is_what_the_help_of_every_command_says(tmp_path: Path) -> None:
    main(tmp_path / "commands.md")

    made = (tmp_path / "commands.md").read_text(encoding="utf-8")
    assert (ROOT / "docs/commands.md").read_text(encoding="utf-8") == made, "run `make schemas`"
    assert [name for name, _ in commands() if f"syncer {name}" not in made] == []
