"""Forms as a browser sends them, after it was shown them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from syncer.app import App
from tests.conftest import Clock

_FORM = re.compile(r"<form method=\"post\"(?: action=\"([^\"]*)\")?>(.*?)</form>", re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


def filled_form(shown: TestResponse, path: str, number: int = 0, **typed: Any) -> tuple[str, dict[str, Any]]:
    """Return where a form of a page goes and what it sends; those of the frame do not count."""
    forms = [each for each in _FORM.findall(shown.text) if not each[0].endswith("/sign-out")]
    action, inside = forms[number]
    return unescape(action) or path, {name: unescape(value) for name, value in _HIDDEN.findall(inside)} | typed


@pytest.fixture
def send() -> Callable[..., TestResponse]:
    """What opens a page, fills in one of its forms and sends it."""

    def sending(client: FlaskClient, path: str, number: int = 0, **typed: Any) -> TestResponse:
        shown = client.get(path)
        assert shown.status_code == 200, shown.text
        where, form = filled_form(shown, path, number, **typed)
        return client.post(where, data=form)

    return sending


@pytest.fixture
def asking(filled: tuple[App, Clock]) -> Callable[..., None]:
    """What lets the settings ask for a second person."""

    def ask(*kinds: str, **more: Any) -> None:
        app = filled[0]
        assert app.settings.console is not None
        app.settings = replace(app.settings, console=replace(app.settings.console, four_eyes=kinds, **more))

    return ask
