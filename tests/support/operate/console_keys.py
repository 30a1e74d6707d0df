"""An installation as the web console opens it: with its own key file, and on a server with its own account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.privacy import console_key
from syncer.privacy.keyring import Keyring

TABLE = '\n[console]\nurl = "http://localhost:8484/"\n'


def with_console(app: App) -> Path:
    """Give an installation the table [console] and its key file, unless it has them; return the key file."""
    path = app.settings.path
    key = path.parent / "console.key"
    if not key.exists():
        path.write_text(path.read_text(encoding="utf-8") + TABLE, encoding="utf-8")
        console_key.create(key, Keyring.load(app.settings.identity.key_file).versions)
    return key


@contextmanager
def console_of(app: App, url: str | None = None) -> Iterator[App]:
    """Open an installation as its console does; `url` is the address of the database for the console's account."""
    with_console(app)
    with pytest.MonkeyPatch.context() as environment:
        if url is not None:
            environment.setenv("SYNCER_DATABASE__URL", url)
        settings = load_settings(app.settings.path)
    with open_app(settings, actor="console", console=True, clock=app.clock) as console:
        yield console
