"""GET and HEAD change nothing but when a session was last used."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from flask import Flask

from syncer.app import App
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support.console.signing_in import browser, enrolled, sign_in


def everything(app: App) -> dict[str, list[tuple]]:
    """Every row of every table, without when sessions were last used."""
    with app.engine.connect() as connection:
        found = {
            table.name: sorted(map(tuple, connection.execute(table.select())), key=str)
            for table in app.tables.own
            if table.name != app.tables.session.name
        }
        s = app.tables.session.c
        query = sa.select(s.hash, s.user_name, s.created_at, s.stepped_up_at)
        found["session"] = sorted(map(tuple, connection.execute(query)), key=str)
    return found


@pytest.mark.slow
def test_no_page_about_accounts_changes_a_row_when_it_is_read(site: Flask, app: App, clock: Clock) -> None:
    client = browser(site)
    sign_in(client, enrolled(app, "anna", Role.ADMIN), clock.now)
    clock.advance(minutes=5)
    before = everything(app)

    for path in ("/", "/sign-in", "/sign-out", "/step-up", "/enrol", "/enrol/choose", "/me", "/me/app", "/users/",
                 "/me/sessions/end", "/me/language", "/users/disable", "/users/reset?name=anna"):  # fmt: skip
        for ask in (client.get, client.head):
            assert ask(path).status_code in (200, 405), path

    assert everything(app) == before
