"""What is written for somebody is for their eyes only, takes its place in one step, and follows nobody's link."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.app import App
from syncer.privacy.files import written
from syncer.service.drain import drain
from tests.support.processes import command
from tests.support.processes import inside as run
from tests.support.walk import PERSON, put


@pytest.fixture(autouse=True)
def loose_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def eventful(app: App) -> App:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    return app


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [("report",), ("report", "--format", "html"), ("audit", "export"), ("dossier", "--format", "json"),
     ("audit", "prove", "1")],
)  # fmt: skip
def test_finding_12_what_is_written_for_somebody_is_closed_to_others(
    eventful: App, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = tmp_path / "out"

    done = run(eventful.settings.path, *words, "--out", str(out), stdin=PERSON)

    assert (done.returncode, _mode(out)) == (0, 0o600), done.stderr
    assert out.stat().st_size > 0
    assert [path.name for path in tmp_path.glob(".*.new")] == []


@pytest.mark.slow
@pytest.mark.parametrize(("before", "after"), [(0o644, 0o640), (0o600, 0o600), (0o660, 0o660)])
def test_finding_12_a_file_that_is_there_keeps_its_group_and_is_closed_to_others(
    eventful: App, tmp_path: Path, before: int, after: int
) -> None:
    out = tmp_path / "out"
    out.write_text("of last month", encoding="utf-8")
    out.chmod(before)

    assert run(eventful.settings.path, "report", "--out", str(out)).returncode == 0

    assert (_mode(out), "of last month" in out.read_text(encoding="utf-8")) == (after, False)


def test_finding_12_the_figures_for_node_exporter_stay_readable(eventful: App, tmp_path: Path) -> None:
    out = tmp_path / "syncer.prom"

    assert run(eventful.settings.path, "metrics", "--textfile", str(out)).returncode == 0

    assert (_mode(out), "syncer_up 1.0" in out.read_text(encoding="utf-8")) == (0o644, True)


@pytest.mark.slow
@pytest.mark.parametrize("words", [("report", "--out"), ("metrics", "--out")])
def test_finding_18_a_planted_link_is_refused_and_its_target_stays(
    eventful: App, tmp_path: Path, words: tuple[str, ...]
) -> None:
    target, out = tmp_path / "target", tmp_path / "out"
    target.write_text("precious", encoding="utf-8")
    out.symlink_to(target)

    done = run(eventful.settings.path, *words, str(out))

    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert f"{out}: cannot be written (it is a link); choose another {words[-1]}" in done.stderr
    assert target.read_text(encoding="utf-8") == "precious"


def test_finding_18_a_file_that_cannot_be_finished_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("whole", encoding="utf-8")

    with pytest.raises(RuntimeError), written(out) as file:
        file.write(b"half")
        raise RuntimeError

    assert (out.read_text(encoding="utf-8"), os.listdir(tmp_path)) == ("whole", ["out"])


@pytest.mark.slow
def test_what_the_process_has_open_is_written_to_as_it_is(eventful: App, tmp_path: Path) -> None:
    words = command(eventful.settings.path, "report", "--format", "json", "--out", "/dev/stdout")
    through_a_pipe = subprocess.run(words, capture_output=True, encoding="utf-8", check=True)
    with (tmp_path / "redirected").open("wb") as file:
        subprocess.run(words, stdout=file, stderr=subprocess.DEVNULL, check=True)

    assert through_a_pipe.stdout.startswith("{")
    assert (tmp_path / "redirected").read_text(encoding="utf-8").startswith("{")
    assert Path("/dev/stdout").is_symlink()
