"""The sample of the settings with the places of a server, as the package and docs/install.md lay it out."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from typing import Any

import pytest

from tests.support.paths import ROOT


def test_every_place_of_the_sample_becomes_one_of_the_server_and_nothing_else_changes() -> None:
    if shutil.which("sed") is None:
        pytest.skip("sed is missing")
    sample = (ROOT / "settings.toml").read_text(encoding="utf-8")
    words = ["sed", "-f", str(ROOT / "packaging/settings.sed"), str(ROOT / "settings.toml")]
    made = subprocess.run(words, stdout=subprocess.PIPE, encoding="utf-8", check=True).stdout

    before, after = tomllib.loads(sample), tomllib.loads(made)

    assert _differing(before, after) == {
        "database.url": "sqlite:////var/lib/syncer/syncer.db",
        "identity.key_file": "/etc/syncer/keys/syncer.key",
        "destinations.newsletter.api_key_env": None,
        "destinations.newsletter.api_key_file": "/etc/syncer/keys/mailchimp",
        "destinations.crm.api_key_env": None,
        "destinations.crm.api_key_file": "/etc/syncer/keys/activecampaign",
    }
    # one line each, so that what somebody reads beside a key is about that key
    assert "# api_key_file" not in made


def test_the_folder_of_packages_does_not_hide_the_library_of_its_name() -> None:
    assert not (ROOT / "packaging/__init__.py").exists()


def test_what_builds_the_packages_names_no_host() -> None:
    for path in (ROOT / "packaging").rglob("*"):
        if path.is_file() and path.name != "copyright":
            assert re.search(r"(https?|ftp|git)://", path.read_text(encoding="utf-8")) is None, path


def _differing(before: dict[str, Any], after: dict[str, Any], at: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key in before.keys() | after.keys():
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            found |= _differing(old, new, f"{at}{key}.")
        elif old != new:
            found[f"{at}{key}"] = new
    return found
