"""Every page keeps the rules: headers, roles, sessions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Blueprint, Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console import site as sites
from syncer.console.access import public
from syncer.console.forms import Form, sent
from syncer.console.guardrails import HEADERS
from syncer.domain.permissions import Role
from tests.conftest import Clock


def test_whoever_is_not_signed_in_is_sent_to_the_sign_in_and_back_afterwards(site: Flask) -> None:
    answer = site.test_client().get("/")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=%2F")


def test_a_reader_sees_the_overview(signed_in: Callable[..., FlaskClient]) -> None:
    answer = signed_in(Role.READER).get("/")

    assert answer.status_code == 200
    assert "What needs me?" in answer.text


def test_every_answer_carries_the_rules_that_browsers_obey(site: Flask) -> None:
    for path in ("/", "/sign-in", "/nowhere", "/healthz"):
        answer = site.test_client().get(path)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS, path
        assert answer.headers["Cache-Control"] == "no-store"


def test_every_view_names_who_may_open_it(site: Flask) -> None:
    marks = ("permission", "public", "for_all")
    unmarked = [name for name, view in site.view_functions.items() if not any(hasattr(view, mark) for mark in marks)]

    assert unmarked == []


def test_a_form_that_its_view_does_not_show_again_is_refused_and_no_failure_of_ours(
    filled: tuple[App, Clock], monkeypatch: pytest.MonkeyPatch
) -> None:
    views = Blueprint("forgetful", __name__)

    class NumberForm(Form):
        number: int

    @views.post("/forgetful")
    @public
    def take() -> str:
        return str(sent(NumberForm).number)

    monkeypatch.setattr(sites, "ALL", (*sites.ALL, views))
    client = sites.make_site(filled[0]).test_client()
    answer = client.post("/forgetful", data={"number": "none"}, headers={"Sec-Fetch-Site": "same-origin"})

    assert answer.status_code == 422
    assert "This form cannot be taken" in answer.text
    assert {name: answer.headers[name] for name in HEADERS} == HEADERS


def test_a_database_that_is_away_before_anybody_is_known_is_told_in_their_browsers_language(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    reader, engine = signed_in(Role.READER), filled[0].engine
    engine.dispose()
    Path(engine.url.database or "").rename(f"{engine.url.database}.away")
    Path(engine.url.database or "").mkdir()

    answer = reader.get("/", headers={"Accept-Language": "fr"})

    assert (answer.status_code, '<html lang="fr">' in answer.text) == (503, True)
