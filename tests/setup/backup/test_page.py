"""docs/backup.md is what is tried here, command by command, so that page and test cannot differ."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import drain
from tests.conftest import AUDIENCES
from tests.support.paths import ROOT
from tests.support.processes import as_json
from tests.support.walk import OTHER, PERSON, put

PAGE = (ROOT / "docs/backup.md").read_text(encoding="utf-8")
#: the file that the page speaks of
NAMED = "syncer-20261124T031500Z"


def commands() -> list[str]:
    """Every line of every fenced block of the page, in order."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```$", PAGE, re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines()]


def _host(folder: Path) -> Path:
    folder.mkdir()
    for name, line in {"syncer": f'exec {sys.executable} -m syncer "$@"', "systemctl": "exit 0"}.items():
        (folder / name).write_text(f"#!/bin/sh\n{line}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.mark.slow
def test_the_page_can_be_followed_from_top_to_bottom(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    kept = tmp_path / "kept"
    env = {
        **os.environ,
        "PATH": f"{_host(tmp_path / 'bin')}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SYNCER_SETTINGS": str(app.settings.path),
    }
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    put(app, "erasure", OTHER, "k2")
    app.intake.take_all()
    ended: dict[str, int] = {}
    for line in commands():
        if line == "syncer wordpress sweep":
            continue  # there is none here
        here = line.replace("/var/backups/syncer", str(kept)).replace("/var/lib/syncer", str(tmp_path))
        if NAMED in here:
            here = here.replace(NAMED, next(kept.glob("*.db")).stem)
        done = subprocess.run(["sh", "-c", here], env=env, capture_output=True, encoding="utf-8", check=False)
        ended[line] = done.returncode
        assert line == "syncer check" or done.returncode == 0, (line, done.stderr)
        if line.startswith("syncer backup /"):  # what comes after the backup is lost, and carried out
            drain(app)
            app.notary.make()
            app.close()
            for person in (PERSON, OTHER):
                mailchimp.add(person, AUDIENCES[0])
                activecampaign.add(person)
        if line == "syncer check":
            assert "were anchored" in done.stdout

    assert len(ended) > 8
    assert ended["syncer check"] == 1
    subprocess.run(["syncer", "drain"], env=env, check=True, capture_output=True)
    assert (mailchimp.members(), activecampaign.contacts()) == ([], [])
    assert [event["state"] for event in as_json(app.settings.path, "events")] == ["fulfilled", "fulfilled"]


@pytest.mark.parametrize("page", ["backup", "upgrade", "runbook"])
def test_where_another_database_is_put_in_place_the_console_is_stopped_as_well(page: str) -> None:
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    stops = [line.split() for line in text.splitlines() if line.strip().startswith("systemctl stop")]

    assert stops
    assert all(any(word.startswith("syncer-console") for word in words) for words in stops)
