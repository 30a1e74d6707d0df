"""Finding 15: docs/key-leaked.md is what is tried here, command by command, so that page and test cannot differ."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from syncer.app import App, open_app
from syncer.service.drain import drain
from tests.support.paths import ROOT
from tests.support.walk import OTHER, PERSON, put

PAGE = (ROOT / "docs/key-leaked.md").read_text(encoding="utf-8")


def commands() -> str:
    """Every fenced block of the page, in order."""
    return "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL))


def a_host(folder: Path) -> Path:
    """Programs of a host: syncer and python3 are the real ones, systemctl and scp write down what they were asked."""
    folder.mkdir()
    programs = {
        "syncer": f'exec {sys.executable} -m syncer "$@"',
        "python3": f'exec {sys.executable} "$@"',
        "systemctl": 'echo "systemctl $*" >> "$TOLD"',
        "scp": 'echo "scp $*" >> "$TOLD"',
    }
    for name, line in programs.items():
        path = folder / name
        path.write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        path.chmod(0o755)
    return folder


@pytest.mark.slow
def test_finding_15_the_page_can_be_followed_from_top_to_bottom(app: App, tmp_path: Path) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    put(app, "objection", OTHER, "k2")
    app.intake.take_all()
    evidence, told = tmp_path / "evidence", tmp_path / "told"
    key_file = app.settings.identity.key_file
    here = {
        "PATH": f"{a_host(tmp_path / 'bin')}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SYNCER_SETTINGS": str(app.settings.path),
        "KEY_FILE": str(key_file),
        "AS": "",  # no account of its own here
        "NOTES": str(app.notes_folder),
        "EVIDENCE": str(evidence),
        "OTHER_HOSTS": "host-b host-c",
        "TOLD": str(told),
    }

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands()], cwd=ROOT, env={**os.environ, **here},
        capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert "PROVEN" in done.stdout
    assert "nothing was changed; --yes carries it out" in done.stderr
    assert told.read_text(encoding="utf-8").splitlines() == [
        "systemctl stop syncer",
        f"scp {key_file} host-b:{key_file}",
        f"scp {key_file} host-c:{key_file}",
        "systemctl start syncer",
    ]
    before, after = ((evidence / name).read_text(encoding="utf-8").split() for name in ("keys-before", "keys-after"))
    assert (len(before), len(after), after[0]) == (1, 2, before[0])
    whats = [json.loads(line)["what"] for line in (evidence / "after.jsonl").read_text(encoding="utf-8").splitlines()]
    assert whats.count("key:rotated") == 1
    with open_app(app.settings) as later:
        drain(later)
        assert {event.state for event in later.reader.events()} == {"fulfilled"}
        assert later.verify().ok


def test_finding_15_the_page_names_no_command_that_there_is_not() -> None:
    spoken = set(re.findall(r"`(syncer [a-z]+(?: [a-z]+)?)", PAGE)) | set(
        re.findall(r"^(syncer [a-z]+(?: [a-z]+)?)", commands(), re.MULTILINE)
    )

    assert {"syncer key rotate", "syncer audit verify", "syncer audit key"} <= spoken
    for words in spoken:
        done = subprocess.run([sys.executable, "-m", *words.split(), "--help"], capture_output=True, check=False)
        assert done.returncode == 0, words
