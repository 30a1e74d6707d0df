"""The door of the demo: a link opens one session for the person of its role, and stands in no other site."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.doors.demo import DemoDoor
from syncer.console.sign_in.demo_people import DEMO_PEOPLE, add_demo_people
from syncer.domain.permissions import Role
from tests.conftest import Clock

OURS = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def door(site: Flask, filled: tuple[App, Clock]) -> DemoDoor:
    """The door, in that site."""
    add_demo_people(filled[0])
    door = DemoDoor()
    door.install(site)
    return door


def browser(site: Flask) -> FlaskClient:
    """A browser that knows nobody yet."""
    client = site.test_client()
    client.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin"}
    return client


@pytest.mark.slow
@pytest.mark.parametrize("role", Role)
def test_a_link_opens_a_session_for_the_person_of_its_role(site: Flask, door: DemoDoor, role: Role) -> None:
    answer = browser(site).post(door.link(role))

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-syncer=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    client = browser(site)
    client.set_cookie("__Host-syncer", cookie.split("=", 1)[1].split(";")[0], domain="localhost", secure=False)
    assert DEMO_PEOPLE[role] in client.get("/").text


def test_looking_at_a_link_does_not_use_it_up(site: Flask, door: DemoDoor) -> None:
    link = door.link(Role.READER)

    assert "Go in" in browser(site).get(link).text
    assert browser(site).get(link).status_code == 200
    assert browser(site).post(link).status_code == 303


def test_a_link_works_once(site: Flask, door: DemoDoor) -> None:
    link = door.link(Role.READER)
    browser(site).post(link)

    assert browser(site).get(link).status_code == 404
    assert browser(site).post(link).status_code == 404


def test_an_invented_link_opens_nothing(site: Flask, door: DemoDoor) -> None:
    door.link(Role.ADMIN)

    assert browser(site).post("/demo/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").status_code == 404


def test_another_site_cannot_use_a_link(site: Flask, door: DemoDoor) -> None:
    link = door.link(Role.ADMIN)

    assert site.test_client().post(link, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert browser(site).get(link).status_code == 200


def test_the_site_of_an_installation_has_no_such_door(site: Flask) -> None:
    assert browser(site).get("/demo/x").status_code == 404
    assert not any(rule.rule.startswith("/demo") for rule in site.url_map.iter_rules())
