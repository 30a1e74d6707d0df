"""An initialised installation in a folder: settings, key and an empty database, made once and copied."""

from __future__ import annotations

import base64
import tempfile
from functools import cache
from pathlib import Path

from syncer.app import load_settings
from syncer.settings.checked import Settings
from syncer.setup.install import initialise
from tests.simulation.scenario import ARCHIVES, Scenario

SETTINGS = """
[database]
url = "sqlite:///syncer.db"
[deadlines]
timezone = "Europe/Berlin"
"""
GUARD = """
[guard]
deletions_per_day = {most}
always_allowed = {most}
"""
DESTINATION = """
[destinations.{name}]
adapter = "{adapter}"
api_key_env = "SIMULATION_KEY"
erasure = "delete"
objection = "{objection}"
"""


def install(folder: Path, scenario: Scenario) -> tuple[Settings, Settings]:
    """Put an initialised database into the folder; return the settings, and those without one destination."""
    (folder / "syncer.db").write_bytes(_empty_database())
    _write_key(folder)
    loaded = []
    for file, names in (("settings.toml", scenario.scopes), ("without.toml", Scenario(0, shop=False).scopes)):
        text = (
            SETTINGS
            + GUARD.format(most=scenario.guard or 1_000_000)
            + "".join(
                DESTINATION.format(
                    name=name,
                    adapter="activecampaign" if name in ARCHIVES else "mailchimp",
                    objection="suppress" if scenario.suppress and name == "newsletter" else "unsubscribe",
                )
                for name in names
            )
        )
        (folder / file).write_text(text, encoding="utf-8")
        loaded.append(load_settings(folder / file))
    return loaded[0], loaded[1]


def _write_key(folder: Path) -> None:
    key = folder / "syncer.key"
    key.write_text("syncer-key-v1:" + base64.b64encode(bytes(range(32))).decode() + "\n", encoding="ascii")
    key.chmod(0o600)


@cache
def _empty_database() -> bytes:
    with tempfile.TemporaryDirectory(prefix="syncer-simulation-") as name:
        folder = Path(name)
        (folder / "settings.toml").write_text(SETTINGS, encoding="utf-8")
        _write_key(folder)
        initialise(load_settings(folder / "settings.toml"))
        return (folder / "syncer.db").read_bytes()
