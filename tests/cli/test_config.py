"""`syncer config`: what is in force, where each value came from, and nothing that is secret."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.support.processes import inside, inside_json

TEXT = """
[database]
url = "postgresql://syncer@db.test/syncer"
password_file = "database.password"

[deadlines]
timezone = "Europe/Berlin"

[anchors.dpo]
kind = "email"
to = "officer@dpo.test"
sender = "syncer@site.test"

[anchors.store]
kind = "object"
url = "https://store.test/bucket"
access_key = "AKIA-THE-KEY"
secret_env = "STORE_SECRET"

[destinations.crm]
adapter = "activecampaign"
api_key_env = "NOWHERE_SET"
base_url = "https://account.api-us1.com"
erasure = "delete"
objection = "unsubscribe"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def test_each_value_says_whether_file_environment_or_nobody_gave_it(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_SCHEDULE__LANE_SECONDS", "2")
    monkeypatch.setenv("SYNCER_DESTINATIONS__CRM__REQUESTS_PER_SECOND", "3")

    shown = inside_json(settings, "config")

    found = {
        (item["table"], item["key"]): (item["value"], item["source"], item["origin"]) for item in shown["settings"]
    }
    assert found["deadlines", "timezone"] == ("Europe/Berlin", "file", str(settings))
    assert found["deadlines", "answer_within_days"] == (30, "default", None)
    assert found["schedule", "lane_seconds"] == (2, "environment", "SYNCER_SCHEDULE__LANE_SECONDS")
    assert found["destinations.crm", "requests_per_second"] == (
        3, "environment", "SYNCER_DESTINATIONS__CRM__REQUESTS_PER_SECOND",
    )  # fmt: skip
    assert found["destinations.crm", "ecommerce"] == (None, "default", None)
    assert found["anchors.store", "region"] == ("us-east-1", "default", None)


def test_every_file_is_shown_by_its_whole_path(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(settings.parent)

    shown = inside_json(Path("settings.toml"), "config")

    files = {item["key"]: item["value"] for item in shown["settings"] if item["key"] in ("key_file", "folder")}
    assert shown["file"] == str(settings)
    assert files == {"key_file": f"{settings.parent}/syncer.key", "folder": f"{settings.parent}/checkpoints"}
    assert [(item["place"], item["found"]) for item in shown["looked_for"]][:3] == [
        ("--settings", "used"), ("SYNCER_SETTINGS", "not named"), ("current folder", "not needed"),
    ]  # fmt: skip


def test_nothing_secret_and_nobodys_address_is_shown(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOWHERE_SET", "the-providers-key")
    monkeypatch.setenv("SYNCER_DATABASE__URL", "mysql://syncer:the-password@h/db?password=the-other")

    for words in (["config"], ["config", "--json"]):
        done = inside(settings, *words)
        assert done.returncode == 0
        for secret in ("the-password", "the-other", "AKIA", "the-providers-key", "officer@", "syncer@site"):
            assert secret not in done.stdout + done.stderr
        assert "mysql://syncer:***@h/db?password=***" in done.stdout


def test_a_password_that_gave_way_to_a_whole_url_is_not_shown_as_in_force(
    settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_DATABASE__URL", "sqlite:////somewhere/else.db")

    shown = inside_json(settings, "config")

    found = {item["key"]: (item["value"], item["source"]) for item in shown["settings"] if item["table"] == "database"}
    assert found["password_file"] == (None, "default")
    assert found["url"] == ("sqlite:////somewhere/else.db", "environment")


def test_it_needs_neither_database_nor_key_file_nor_secrets_and_makes_nothing(settings: Path) -> None:
    assert inside(settings, "config").returncode == 0
    assert sorted(settings.parent.iterdir()) == [settings]


def test_what_it_prints_for_people_reads_like_the_file(settings: Path) -> None:
    done = inside(settings, "config")

    assert done.stdout.startswith(f"# settings file: {settings}\n")
    said = tomllib.loads(done.stdout)
    assert said["deadlines"] == {
        "timezone": "Europe/Berlin", "answer_within_days": 30, "objection_target_hours": 48,
    }  # fmt: skip
    assert said["destinations"]["crm"]["base_url"] == "https://account.api-us1.com"


def test_a_mistake_is_told_as_everywhere(settings: Path) -> None:
    settings.write_text(TEXT.replace("Europe/Berlin", "Mars/Olympus"), encoding="utf-8")

    done = inside(settings, "config")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f'{settings}: [deadlines] timezone: "Mars/Olympus" is not a time zone')
