"""The filled installation of the console's tests, made once and copied for each test, and how a download is taken."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from syncer.app import App, load_settings, open_app
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.console.conftest import ORIGIN
from tests.support import eventful

Filled = tuple[App, Clock]
SignedIn = Callable[..., FlaskClient]


@dataclass(frozen=True)
class Download:
    """What became of a POST that asks for something to take out; it was read to its end and closed."""

    status: int
    data: bytes
    headers: dict[str, str]

    @property
    def text(self) -> str:
        return self.data.decode("utf-8-sig")

    @property
    def sha256(self) -> str:
        return sha256(self.data).hexdigest()


def take(client: FlaskClient, path: str, **form: str) -> Download:
    """Ask for a download, read it to its end and close it, as a server does."""
    with client.post(path, data=form) as answer:
        return Download(answer.status_code, answer.data, dict(answer.headers))


@pytest.fixture(scope="session")
def _template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, datetime]:
    folder = tmp_path_factory.mktemp("filled")
    with eventful.installation(folder) as (app, clock, _):
        app.checkpoints.make("test")
        return folder, clock.now


@pytest.fixture
def filled(_template: tuple[Path, datetime], tmp_path: Path) -> Iterator[Filled]:
    """An installation in which everything happened, whose log is signed, with a console."""
    folder, now = _template
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    clock = Clock(now)
    settings = replace(load_settings(tmp_path / "settings.toml"), console=ConsoleSettings(url=f"{ORIGIN}/"))
    with open_app(settings, clock=clock) as app:
        yield app, clock
