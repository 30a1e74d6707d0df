"""The rig of the fault cases; servers and certificates are those of the transport's tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import load_settings, open_app
from syncer.setup.install import initialise
from tests.adapters.conftest import certificates, connect, serve
from tests.conftest import Clock
from tests.faults.net import Rig

__all__ = ["certificates", "connect", "serve"]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a fresh key file and database: migrating a new one takes longer than most cases."""
    folder = tmp_path_factory.mktemp("installed")
    path = folder / "settings.toml"
    path.write_text(
        '[database]\nurl = "sqlite:///syncer.db"\n[deadlines]\ntimezone = "Europe/Berlin"\n', encoding="utf-8"
    )
    initialise(load_settings(path))
    path.unlink()
    return folder


@pytest.fixture
def make_rig(
    installed: Path,
    settings_file: Callable[..., Path],
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    clock: Clock,
) -> Iterator[Callable[..., Rig]]:
    """Make an installation between relays, with the settings that `settings_file` knows."""
    made: list[Rig] = []

    def make(**options: Any) -> Rig:
        path = settings_file(**options)
        shutil.copytree(installed, path.parent, dirs_exist_ok=True)
        app = open_app(load_settings(path), clock=clock)
        made.append(Rig(app, mailchimp, activecampaign, clock))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def rig(make_rig: Callable[..., Rig]) -> Rig:
    return make_rig()
