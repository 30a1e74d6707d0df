"""A small installation with a console, under the settable clock."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from syncer.app import App
from syncer.console.site import make_site
from syncer.settings.console.table import ConsoleSettings


@pytest.fixture
def console(app: App) -> ConsoleSettings:
    """The settings of the console; a test may replace them."""
    return ConsoleSettings(url="http://localhost:8484/")


@pytest.fixture
def site(app: App, console: ConsoleSettings) -> Flask:
    """The pages of a new installation."""
    app.settings = replace(app.settings, console=console)
    return make_site(app)
