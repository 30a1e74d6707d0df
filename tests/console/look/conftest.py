"""An empty installation with a console, whose requests a test writes straight into its tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.site import make_site
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.console.conftest import ORIGIN, place


@pytest.fixture
def empty(make_app: Callable[..., App]) -> App:
    """An installation in which nothing ever happened, with a console."""
    app = make_app()
    app.settings = replace(app.settings, console=ConsoleSettings(url=f"{ORIGIN}/"))
    return app


@pytest.fixture
def looking(empty: App) -> Callable[..., FlaskClient]:
    """What signs somebody in there, a reader where no role is named; each at a site that has read nothing yet."""
    return lambda *roles, **how: place(make_site(empty), empty, *(roles or (Role.READER,)), **how)
