"""An installation with channels, under a settable clock, and its alarms."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.database import sqlite_files
from syncer.privacy.keyring import Keyring
from syncer.service.alerts.alarms import Alarms
from syncer.setup.install import initialise
from tests.conftest import Clock

Make = Callable[..., App]


@pytest.fixture
def with_channels(settings_file: Callable[..., Path], clock: Clock, empty_database: Path) -> Iterator[Make]:
    """Open an installation whose settings end in these lines; `again` opens the one that is there."""
    opened: list[App] = []

    def make(lines: str, *, again: bool = False) -> App:
        path = settings_file()
        path.write_text(path.read_text(encoding="utf-8") + lines, encoding="utf-8")
        settings = load_settings(path)
        file = sqlite_files.file_of(sa.make_url(settings.database.url))
        if not again:
            if file is not None:
                Keyring.create(settings.identity.key_file)
                shutil.copy(empty_database, file)
            initialise(settings)
        opened.append(open_app(settings, clock=clock))
        return opened[-1]

    yield make
    for app in opened:
        app.close()


@pytest.fixture
def make_second() -> Callable[[App, str], Alarms]:
    """The job of a daemon on another machine."""

    def make(app: App, owner: str) -> Alarms:
        app.leases.owner = owner
        return Alarms(app, look_seconds=0)

    return make
