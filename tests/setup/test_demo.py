"""The demo, in the barest of locales: it keeps what there is to look at, and no key."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.processes import until

#: a container without a locale
PLAIN = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "PYTHONPATH": str(ROOT)}
DEMO = [sys.executable, "-m", "syncer", "demo"]


def around(folder: Path) -> dict[str, str]:
    """The environment of a demo that has a folder of its own for what is temporary."""
    (folder / "temporary").mkdir()
    return os.environ | PLAIN | {"TMPDIR": str(folder / "temporary")}


@pytest.mark.slow
def test_the_demo_runs_in_a_locale_that_is_not_utf_8_and_keeps_no_key(tmp_path: Path) -> None:
    done = subprocess.run(DEMO, capture_output=True, check=False, timeout=280, cwd=tmp_path, env=around(tmp_path))

    said = done.stdout.decode()  # a signed note is UTF-8 everywhere
    assert (done.returncode, done.stderr.decode("ascii").count("Traceback")) == (0, 0)
    assert "erased at Mailchimp and the CRM: 8 of 8" in said
    assert "docs/verify_log.py says PROVEN" in " ".join(said.split())
    kept = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "syncer-demo").iterdir()}
    assert sorted(kept) == ["audit.jsonl", "checkpoint.note", "dossier.html", "propagation-log.html"]
    assert all(str(tmp_path / "syncer-demo" / name) in said for name in kept)
    assert not any("syncer-key-v" in text for text in kept.values())
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_demo_that_is_ended_half_way_takes_its_key_along(tmp_path: Path) -> None:
    with subprocess.Popen(
        DEMO, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=tmp_path, env=around(tmp_path)
    ) as demo:
        until(lambda: list((tmp_path / "temporary").glob("*/syncer.key")), 60)

        demo.send_signal(signal.SIGTERM)

        demo.communicate(timeout=60)
    assert demo.returncode == 128 + signal.SIGTERM
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_folder_where_nothing_can_be_kept_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "syncer-demo").write_text("a file in the way", encoding="utf-8")

    done = subprocess.run(DEMO, capture_output=True, check=False, timeout=60, cwd=tmp_path, env=around(tmp_path))

    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode("ascii") == (
        f"demo: the folder {tmp_path / 'syncer-demo'} cannot be made (File exists); change to a folder of your own\n"
    )
