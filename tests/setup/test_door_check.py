"""`syncer check` looks at the other doors of the console: their secrets, the clocks, the provider."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.contract import Check
from syncer.settings.console.doors import OidcDoor, WordPressDoor
from syncer.settings.console.table import ConsoleSettings
from syncer.setup.web import door_check
from tests.support.web.issuer import Issuer, running

NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("f" * 64 + "\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with running() as found:
        yield found


def found(wordpress: WordPressDoor | None = None, oidc: OidcDoor | None = None, *, late: float = 0) -> dict[str, Check]:
    settings = ConsoleSettings(url="http://localhost:8484/", wordpress=wordpress, oidc=oidc)
    now = datetime.now(UTC) + timedelta(seconds=late)
    return {each.name: each for each in door_check.findings(settings, now)}


def test_without_doors_there_is_nothing_to_say() -> None:
    assert found() == {}


def test_a_good_secret_of_wordpress_is_well(secret: Path) -> None:
    (check,) = found(WordPressDoor(issuer=NOWHERE, secret_file=secret)).values()

    assert (check.name, check.ok, check.warn) == ("console: WordPress", True, False)


@pytest.mark.parametrize(("content", "said"), [("f" * 31, "31 characters"), ("", "0 characters")])
def test_a_short_secret_fails(secret: Path, content: str, said: str) -> None:
    secret.write_text(content, encoding="utf-8")

    check = found(WordPressDoor(issuer=NOWHERE, secret_file=secret))["console: WordPress"]

    assert not check.ok
    assert said in check.detail
    assert "openssl rand" in check.remedy


def test_a_secret_that_is_missing_or_open_to_others_fails(secret: Path) -> None:
    secret.chmod(0o644)
    assert "chmod 600" in found(WordPressDoor(issuer=NOWHERE, secret_file=secret))["console: WordPress"].detail
    secret.unlink()
    assert "is missing" in found(WordPressDoor(issuer=NOWHERE, secret_file=secret))["console: WordPress"].detail


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file away")
def test_a_secret_of_the_console_alone_is_none_of_ours(secret: Path) -> None:
    os.chown(secret, 12345, 12345)

    check = found(WordPressDoor(issuer=NOWHERE, secret_file=secret))["console: WordPress"]

    assert check.ok
    assert "another account" in check.detail


@pytest.mark.parametrize(("late", "warned"), [(0, False), (25, False), (40, True), (-90, True)])
def test_clocks_that_are_apart_are_told(secret: Path, issuer: Issuer, late: float, warned: bool) -> None:
    check = found(WordPressDoor(issuer=issuer.url, secret_file=secret), late=late)["console: clocks"]

    assert (check.ok, check.warn) == (True, warned)


def test_a_provider_that_answers_is_well_and_one_that_does_not_is_told(secret: Path, issuer: Issuer) -> None:
    name, door = "console: sign-in elsewhere", OidcDoor(issuer=issuer.url, client_id="a", secret_file=secret)
    assert (found(oidc=door)[name].ok, found(oidc=door)[name].warn) == (True, False)

    issuer.document = {"issuer": "https://other.example.org"}

    assert found(oidc=door)[name].warn
    assert "another issuer" in found(oidc=door)[name].detail
    away = OidcDoor(issuer=NOWHERE, client_id="a", secret_file=secret)
    assert "cannot be reached" in found(oidc=away)[name].detail
