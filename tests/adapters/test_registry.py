"""Adapters of other packages: found by their entry point, never in the way of those that are shipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters import registry
from adapters.contract import SettingsError
from syncer.errors import SettingsProblem
from syncer.settings.load import load
from tests.support.paths import ROOT

#: an adapter that is complete, but for what a test takes out of it
WHOLE = """
from adapters.contract import Action, Adapter, Limits

class Whole(Adapter):
    name = "{name}"
    title = "Whole"
    actions = frozenset({{Action.DELETE, Action.UNSUBSCRIBE}})
    options = {{"base_url": "where it is"}}
    limits = Limits(1)

    @classmethod
    def configured(cls, options, api_key):
        return cls()

    def apply(self, action, subject, received_at): ...
    def preview(self, action, subject, received_at): ...
    def confirm(self, action, subject, applied=None): ...
    def changed(self, since): ...
    def opted_in(self, subject): ...
    def ping(self): ...
    def check(self, label=None): ...
    def close(self): ...
"""
SETTINGS = """
[deadlines]
timezone = "Europe/Berlin"

[destinations.letters]
adapter = "{adapter}"
api_key_env = "TEST_KEY"
base_url = "https://letters.example"
erasure = "delete"
objection = "{objection}"
"""


def offer(folder: Path, name: str, code: str, *, package: str = "", attribute: str = "Whole") -> None:
    """Put an installed package into the folder that offers an adapter of this name."""
    module = (package or f"syncer-{name}").replace("-", "_")
    info = folder / f"{module}-1.0.dist-info"
    info.mkdir()
    (folder / f"{module}.py").write_text(code.format(name=name), encoding="utf-8")
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {package or f'syncer-{name}'}\nVersion: 1.0\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{name} = {module}:{attribute}\n", encoding="utf-8")


def settings_of(folder: Path, adapter: str, objection: str = "unsubscribe") -> Path:
    path = folder / "settings.toml"
    path.write_text(SETTINGS.format(adapter=adapter, objection=objection), encoding="utf-8")
    return path


def syncer(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the real command with the packages of this folder installed."""
    environ = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "TEST_KEY": "a-key"}
    command = [sys.executable, "-m", "syncer", *words]
    return subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, encoding="utf-8", timeout=120, check=False
    )


def test_an_adapter_of_another_package_is_loaded_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(tmp_path, "afar", WHOLE)
    monkeypatch.syspath_prepend(tmp_path)

    assert registry.load("afar").title == "Whole"
    assert registry.names() == ("activecampaign", "afar", "mailchimp")


@pytest.mark.parametrize(
    ("name", "code", "attribute", "said"),
    [
        ("noimport", "import nothing_of_this_name", "Whole", "ModuleNotFoundError on import; `python -c 'import "),
        ("exits", "raise SystemExit(0)", "Whole", "SystemExit on import"),
        ("misnamed", WHOLE.replace("{name}", "other"), "Whole", "by its entry point, name = 'misnamed'"),
        ("absent", WHOLE, "Missing", "syncer_absent has no Missing; correct that package's entry point"),
        ("function", "def whole(): ...", "whole", "it is no class derived from adapters.contract.Adapter"),
        ("partial", WHOLE.replace("def ping", "def pong"), "Whole", "it lacks ping"),
        ("idle", WHOLE.replace("Action.DELETE, Action.UNSUBSCRIBE", ""), "Whole", "its `actions` are no frozenset"),
        ("sure", WHOLE.replace("    options", "    evidence = 1\n    options"), "Whole", "its `evidence` is no"),
        ("optionless", WHOLE.replace("options = ", "choices = "), "Whole", "its `options` are no mapping"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_one_line_that_names_package_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: str, attribute: str, said: str
) -> None:
    offer(tmp_path, name, code, attribute=attribute)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SettingsProblem) as caught:
        load(settings_of(tmp_path, name), {}, adapters=registry.load)

    [line] = caught.value.problems
    place = f"{tmp_path}/settings.toml: [destinations.letters] adapter"
    assert line.startswith(f'{place}: "{name}" of the package syncer-{name} cannot be used: ')
    assert said in line and "\n" not in line


def test_a_name_that_two_packages_offer_is_refused_by_naming_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for package in ("one-package", "two-package"):
        offer(tmp_path, "twice", WHOLE, package=package)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SettingsError, match="offered by one-package and two-package; uninstall all .* but one"):
        registry.load("twice")


def test_nobody_takes_the_name_of_an_adapter_that_is_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(tmp_path, "mailchimp", "raise RuntimeError")
    monkeypatch.syspath_prepend(tmp_path)

    assert registry.load("mailchimp").__module__ == "adapters.mailchimp.adapter"


def test_an_action_that_the_adapter_lacks_is_refused_with_those_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(tmp_path, "fewer", WHOLE)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SettingsProblem, match='objection: fewer cannot "suppress"; use delete, unsubscribe'):
        load(settings_of(tmp_path, "fewer", "suppress"), {}, adapters=registry.load)


@pytest.mark.slow
def test_the_command_refuses_a_broken_package_in_one_line_and_exits_2(tmp_path: Path) -> None:
    offer(tmp_path, "broken", "1 / 0")
    settings_of(tmp_path, "broken")

    ended = syncer(tmp_path, "status")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.count("\n") == 1 and "Traceback" not in ended.stderr
    assert "ZeroDivisionError on import; `python -c 'import syncer_broken'` shows why" in ended.stderr


@pytest.mark.slow
def test_whoever_uses_no_package_neither_loads_one_nor_looks_for_one(tmp_path: Path) -> None:
    offer(tmp_path, "broken", "print('loaded')")
    settings_of(tmp_path, "activecampaign")
    asked = (
        "import sys; from adapters import registry; [registry.load(name) for name in registry.SHIPPED];"
        "print('importlib.metadata' in sys.modules)"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    looked = subprocess.run(
        [sys.executable, "-c", asked], env=environ, capture_output=True, encoding="utf-8", check=True
    )

    ended = syncer(tmp_path, "init")

    assert ended.returncode == 0 and "loaded" not in ended.stdout + ended.stderr
    assert looked.stdout == "False\n", "loading what is shipped looks through no package"
