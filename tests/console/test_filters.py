"""No page passes over what its address asks for: whoever reads a list would take it for the one that was wanted."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.console.pages import NAVIGATION
from syncer.domain.permissions import Role

#: a form, which begins empty whatever its address says
FORMS = ("submit.submit",)
PAGES = [name for name in NAVIGATION if name not in FORMS]


@pytest.mark.slow
@pytest.mark.parametrize("asked", ["stat=held", "said=a&said=b", "follow=abc", "follow=10&follow=10"])
@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_does_not_know_is_named(
    site: Flask, signed_in: Callable[..., FlaskClient], page: str, asked: str
) -> None:
    with site.test_request_context():
        path = site.url_map.bind("localhost").build(page)
    answer = signed_in(*Role).get(f"{path}?{asked}")

    assert answer.status_code == 400
    assert "<table" not in answer.text
