"""`syncer check` looks at who can sign in to the web console, by each way that the settings open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.contract import Check
from syncer.app import App
from syncer.settings.console.doors import OidcDoor, ProxyDoor, WordPressDoor
from syncer.settings.console.table import ConsoleSettings
from syncer.setup.web.people_check import run
from tests.support.looking.requests import damage

Look = Callable[..., dict[str, Check]]
OIDC = OidcDoor(issuer="https://id.example.org", client_id="syncer", secret_file=Path("oidc"))
#: what somebody has who signs in with it
PASSWORD = {"password": "$argon2id$…"}
APP = {**PASSWORD, "totp_sealed": "t1.…"}
BOUND = {"oidc_issuer": "https://id.example.org", "oidc_subject": "1"}


@pytest.fixture
def look(app: App) -> Look:
    """What looks at an installation's people, with settings of [console] by name."""

    def looked(**wanted: Any) -> dict[str, Check]:
        settings = ConsoleSettings(**{"url": "https://privacy.example.org/"} | wanted)
        return {found.name.removeprefix("console: "): found for found in run(app, settings)}

    return looked


def account(app: App, name: str, roles: str = "ops", *, passkey: bool = False, **has: Any) -> None:
    key = {"id": name, "user_name": name, "label": "key", "credential": "a", "public_key": "b", "sign_count": 0}
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.user.insert().values(name=name, roles=roles, created_at=tx.now, **has))
        if passkey:
            tx.connection.execute(app.tables.passkey.insert().values(**key, created_at=tx.now))


def test_whoever_may_decide_needs_a_second_factor(app: App, look: Look) -> None:
    account(app, "ben", "reader", **PASSWORD)
    account(app, "cleo", **APP)
    account(app, "dora", "admin ops")
    account(app, "emil", "compliance", **BOUND)
    account(app, "fay", "nonsense", **PASSWORD)
    account(app, "gil", passkey=True)

    found = look(oidc=OIDC, second_factor="actions")

    assert found["second factor"].detail == "may decide, and have no second factor: emil"
    assert found["people"].detail == "5 can sign in"
    assert "second factor" not in look(oidc=OIDC, second_factor="actions", actions=False)


def test_a_password_alone_lets_nobody_in_where_a_second_factor_is_required(app: App, look: Look) -> None:
    account(app, "anna", **PASSWORD)
    account(app, "ben", "reader", **PASSWORD)

    found = look()

    assert found["people"].detail == "nobody can sign in yet"
    assert found["second factor"].detail.endswith("lets nobody in: anna, ben")
    assert "`syncer user reset NAME`" in found["second factor"].remedy
    assert look(second_factor="actions")["people"].detail == "1 can sign in"


def test_whoever_is_bound_to_a_provider_cannot_sign_in_without_that_door(app: App, look: Look) -> None:
    account(app, "emil", "reader", **BOUND)

    assert look()["people"].warn
    assert look(oidc=OIDC)["people"].detail == "1 can sign in"


def test_passkeys_are_of_no_use_at_an_address_of_numbers(app: App, look: Look) -> None:
    account(app, "gil", passkey=True)

    assert look(url="http://127.0.0.1:8484/")["people"].warn
    assert not look(url="http://localhost:8484/")["people"].warn


def test_whom_a_proxy_signs_in_needs_no_factor_but_for_deciding(app: App, look: Look) -> None:
    account(app, "anna", "reader")
    account(app, "dora")

    found = look(listen="unix:/nowhere/http.sock", proxy=ProxyDoor(user_header="X-Remote-User"))

    assert found["people"].detail == "2 can sign in"
    assert found["second factor"].detail == "may decide, and have no second factor: dora"


def test_who_comes_over_from_wordpress_is_counted_apart(look: Look) -> None:
    door = WordPressDoor(issuer="https://example.org", secret_file=Path("ticket"))

    assert look(wordpress=door)["people"].detail == "0 can sign in, and whoever comes over from WordPress"


def test_whose_row_is_damaged_is_not_counted_and_stops_no_check(app: App, look: Look) -> None:
    account(app, "anna", **APP)
    account(app, "ben", **APP)
    damage(app, "UPDATE syncer_user SET created_at = 'soon', last_seen_at = 5, roles = x'ff' WHERE name = 'ben'")

    assert look()["people"].detail == "1 can sign in"
