"""A shell completes commands, destinations and requests; whatever is wrong, it says nothing."""

from __future__ import annotations

import os
import shlex
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.processes import command
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

NOWHERE = Path("no-such-settings.toml")


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    run(path, "submit", "erasure", stdin="ada@lovelace.test\ngrace@hopper.test\n")
    run(path, "drain")
    return path


def offered(settings: Path, typed: str) -> list[str]:
    """What is offered for the last word of a line; nothing else may be said."""
    line = f"syncer --settings {settings} {typed}"
    words = line.split(" ")
    asking = {"_SYNCER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-m", "syncer"],
        env={**os.environ, **asking},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "@" not in done.stdout
    return [item.partition(",")[2] for item in done.stdout.splitlines() if item]


@pytest.mark.slow
@pytest.mark.parametrize(
    "typed",
    ["pause ", "resume ", "exempt 1 --destination ", "resync --destination ", "events --destination ", "check --try "],
)
def test_destinations_of_the_settings_are_offered(settings: Path, typed: str) -> None:
    assert offered(settings, typed) == ["newsletter", "crm"]
    assert offered(settings, f"{typed}n") == ["newsletter"]
    assert offered(settings, f"{typed}x") == []


@pytest.mark.slow  # each is a shell and several processes
@pytest.mark.parametrize("typed", ["show ", "exempt ", "extend ", "dossier ", "resync --event "])
def test_requests_are_offered_by_case_number_and_by_id(settings: Path, typed: str) -> None:
    shown = as_json(settings, "events")
    cases, ids = ([str(event[key]) for event in reversed(shown)] for key in ("case", "id"))

    assert offered(settings, typed) == cases
    assert offered(settings, f"{typed}{cases[0]}") == cases[:1]
    assert offered(settings, f"{typed}0") == ids
    assert offered(settings, f"{typed}{ids[0]}") == ids[:1]
    assert offered(settings, f"{typed}0%") == []


@pytest.mark.slow  # many processes
def test_what_is_wrong_offers_nothing_says_nothing_and_makes_nothing(settings: Path, tmp_path: Path) -> None:
    database = tmp_path / "syncer.db"
    assert offered(NOWHERE, "pause ") == offered(NOWHERE, "show ") == []
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE syncer_queue")
        connection.execute("ALTER TABLE syncer_audit RENAME TO gone")
    assert offered(settings, "show ") == []
    for path in tmp_path.glob("syncer.db*"):
        path.unlink()
    assert offered(settings, "show 0") == []
    assert not database.exists()
    settings.write_text("[destinations.", encoding="utf-8")
    assert offered(settings, "pause ") == offered(settings, "show ") == []


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_waited_for_shortly(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("SYNCER_DATABASE__URL", f"postgresql://nobody@127.0.0.1:{silent.getsockname()[1]}/syncer")

        assert offered(settings, "show ") == []


def test_bash_completes_by_the_line_that_the_help_shows(settings: Path, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "syncer"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {shlex.join(command(settings))} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    script = (
        'eval "$(syncer completion bash)"\n'
        'COMP_WORDS=(syncer pause n); COMP_CWORD=2; _syncer_completion syncer; echo "${COMPREPLY[@]}"\n'
        "complete -p syncer"
    )

    done = subprocess.run(
        ["bash", "-c", script],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert done.stderr == ""
    assert done.stdout.splitlines() == ["newsletter", "complete -o nosort -F _syncer_completion syncer"]


@pytest.mark.parametrize(
    ("shell", "said"), [("zsh", "#compdef syncer"), ("fish", "complete --no-files --command syncer")]
)
def test_zsh_and_fish_have_scripts_of_their_own(shell: str, said: str) -> None:
    done = run(NOWHERE, "completion", shell)

    assert (done.returncode, done.stderr) == (0, "")
    assert said in done.stdout
    assert "_SYNCER_COMPLETE" in done.stdout
