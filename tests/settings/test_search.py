"""Which settings file counts: never one that nobody chose, and never the sample before settings that are in use."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from syncer.errors import SettingsProblem
from syncer.settings.search import SAMPLES, Fate, Lookup, digest, find, is_sample, look
from tests.support.paths import ROOT
from tests.support.processes import inside

SAMPLE = ROOT / "settings.toml"


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's settings file, which is not there yet; the current folder is another, empty one."""
    here, system = tmp_path / "here", tmp_path / "etc" / "settings.toml"
    here.mkdir()
    system.parent.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.delenv("SYNCER_SETTINGS", raising=False)
    monkeypatch.setattr("syncer.settings.search.SYSTEM_WIDE", system)
    return system


def fates(path: Path | None = None, **environ: str) -> dict[Lookup, Fate]:
    return {item.place: item.found for item in look(path, environ)}


def test_a_file_that_was_named_comes_before_those_that_lie_about(system: Path, tmp_path: Path) -> None:
    named, chosen, here = tmp_path / "named.toml", tmp_path / "chosen.toml", Path("settings.toml")
    for path in (named, chosen, here, system):
        path.write_text("[log]\n", encoding="utf-8")

    assert find(chosen, {"SYNCER_SETTINGS": str(named)}) == chosen
    assert find(None, {"SYNCER_SETTINGS": str(named)}) == named


def test_the_file_here_or_the_systems_is_found_where_it_is_the_only_one(system: Path) -> None:
    here = Path("settings.toml")
    here.touch()

    assert find(None, {}) == here.absolute()
    here.unlink()
    system.touch()
    assert find(None, {}) == system


def test_every_path_is_absolute(system: Path, tmp_path: Path) -> None:
    Path("settings.toml").touch()

    assert find(None, {}) == tmp_path / "here" / "settings.toml"
    assert find(Path("settings.toml"), {}) == tmp_path / "here" / "settings.toml"
    assert find(None, {"SYNCER_SETTINGS": "settings.toml"}) == tmp_path / "here" / "settings.toml"


def test_a_missing_file_is_named_by_its_whole_path_with_the_remedy(system: Path, tmp_path: Path) -> None:
    here = tmp_path / "here"
    with pytest.raises(SettingsProblem, match=f"^{here}/settings.toml: no such settings file, nor {system}; give its"):
        find(None, {})
    with pytest.raises(SettingsProblem, match=f"^{here}/x.toml: no such settings file; give its path with --settings$"):
        find(Path("x.toml"), {})
    with pytest.raises(SettingsProblem, match=f"^{here}/x.toml: no such .*; correct SYNCER_SETTINGS or unset it$"):
        find(None, {"SYNCER_SETTINGS": "x.toml"})


def test_the_sample_of_the_source_gives_way_to_the_systems_settings(system: Path) -> None:
    shutil.copy(SAMPLE, "settings.toml")
    system.write_text("[log]\n", encoding="utf-8")

    assert find(None, {}) == system
    assert fates()[Lookup.HERE] is Fate.SAMPLE
    assert find(Path("settings.toml"), {}).parent == Path.cwd()  # where somebody names it, it counts


def test_other_comments_line_ends_and_a_byte_order_mark_do_not_make_the_sample_anybodys_settings(system: Path) -> None:
    text = SAMPLE.read_text(encoding="utf-8").replace("\n", "\r\n")
    Path("settings.toml").write_text(f"\ufeff# noted by somebody\r\n{text}", encoding="utf-8", newline="")
    system.touch()

    assert find(None, {}) == system


@pytest.mark.parametrize("change", [("ACCOUNT", "my-account"), ("every_entries = 1000", "every_entries = 999")])
def test_two_files_with_equal_right_are_refused_in_one_line(system: Path, change: tuple[str, str]) -> None:
    here = Path("settings.toml").absolute()
    here.write_text(SAMPLE.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    shutil.copy(SAMPLE, system)

    with pytest.raises(SettingsProblem) as refused:
        find(None, {})
    assert refused.value.problems == [
        f"{here} and {system}: two settings files, and nobody said which counts;"
        " name one with --settings or SYNCER_SETTINGS, or move the first away"
    ]


@pytest.mark.parametrize("text", ["not TOML", "[log]\nsince = 2026-01-01\n", "\xff"])
def test_a_file_that_cannot_be_understood_is_not_the_sample(system: Path, text: str) -> None:
    Path("settings.toml").write_text(text, encoding="latin-1")
    system.touch()

    with pytest.raises(SettingsProblem, match="two settings files"):
        find(None, {})


def test_the_folder_of_the_systems_settings_has_one_file_and_not_two(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.write_text("[log]\n", encoding="utf-8")
    monkeypatch.chdir(system.parent)

    assert find(None, {}) == system


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_whoever_works_in_a_folder_that_the_account_may_not_look_into_chose_nothing_by_that(system: Path) -> None:
    """As root does in its home, with `sudo -u syncer`: what may lie there stands against nothing."""
    Path("settings.toml").touch()
    system.touch()
    above = system.parent.parent
    for folder in (above, system.parent):
        folder.chmod(0o711)
    Path.cwd().chmod(0o700)
    become = f"from syncer.settings import search; search.SYSTEM_WIDE = search.Path({str(system)!r})"
    done = subprocess.run(
        [sys.executable, "-c", f"{become}; import os; os.seteuid(65534); print(search.find(None, {{}}))"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip

    assert done.stdout.strip() == str(system), done.stderr


def test_the_sample_is_known_to_this_version() -> None:
    says = digest(tomllib.loads(SAMPLE.read_text(encoding="utf-8")))

    assert says in SAMPLES, f"settings.toml says something new: add {says} to SAMPLES in syncer/settings/search.py"
    assert is_sample(SAMPLE)


def test_in_a_folder_with_nothing_but_the_sample_init_makes_an_installation_there(system: Path) -> None:
    settings = Path("settings.toml").absolute()
    shutil.copy(SAMPLE, settings)

    done = inside(settings, "init")

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:2] == [
        f"settings {settings}: read, the sample as it came; edit it",
        f"key file {settings.parent}/syncer.key: made; back it up, apart from the database",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "[database] url: a database does not belong into {etc}; write an absolute path, like"
         ' url = "sqlite:////var/lib/syncer/syncer.db"'),
        ('[database]\nurl = "sqlite:///{tmp}/a.db"\n[queue]\nurl = "sqlite:///q.db"\n',
         "[queue] url: a database does not belong into {etc}; write an absolute path, like"
         ' url = "sqlite:////var/lib/syncer/q.db"'),
        ('[database]\nurl = "sqlite:///{tmp}/a.db"\n[checkpoints]\nfolder = "notes"\n',
         "[checkpoints] folder: notes do not belong into {etc}; write an absolute path, like"
         ' folder = "/var/lib/syncer/notes"'),
    ],
)  # fmt: skip
def test_init_puts_nothing_that_changes_beside_the_systems_settings(
    system: Path, tmp_path: Path, text: str, said: str
) -> None:
    system.write_text(text.format(tmp=tmp_path) + '[deadlines]\ntimezone = "UTC"\n', encoding="utf-8")

    done = inside(system, "init")

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{system}: {said.format(etc=system.parent)}" in done.stderr.splitlines()
    assert sorted(system.parent.iterdir()) == [system]


def test_what_lies_beside_the_systems_settings_since_ever_stays_in_use(
    system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system.write_text('[deadlines]\ntimezone = "UTC"\n', encoding="utf-8")
    with monkeypatch.context() as before:
        before.setattr("syncer.settings.search.SYSTEM_WIDE", system.parent / "elsewhere" / "settings.toml")
        assert inside(system, "init").returncode == 0
    (system.parent / "checkpoints").mkdir(exist_ok=True)

    done = inside(system, "init")

    assert done.returncode == 0, done.stderr
    assert f"key file {system.parent}/syncer.key: already there" in done.stdout
