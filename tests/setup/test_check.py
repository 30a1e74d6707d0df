"""`syncer check` names a cause once, with the remedy that fits it, and says apart what only wants a look."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json

#: on loopback, nobody listens at the port of the discard service
NOBODY = "http://127.0.0.1:9"


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


def of(settings: Path, destination: str) -> dict[str, dict[str, Any]]:
    found = as_json(settings, "check")["checks"]
    return {item["name"]: item for item in found if item["name"].startswith(f"{destination}: ")}


def test_the_placeholder_of_the_sample_is_one_failure_that_names_it(
    settings: Path, activecampaign: ActiveCampaignSandbox
) -> None:
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace(activecampaign.url, "https://ACCOUNT.api-us1.com"), encoding="utf-8")

    found = of(settings, "crm")
    done = run(settings, "drain")

    assert {name: item["level"] for name, item in found.items()} == {"crm: settings": "fail"}
    assert found["crm: settings"]["detail"].endswith("base_url: ACCOUNT is the sample's placeholder")
    assert found["crm: settings"]["remedy"] == "put your account's name there, as in Settings > Developer"
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "[destinations.crm] base_url: ACCOUNT is the sample's placeholder" in done.stderr


@pytest.mark.parametrize(("name", "variable"), [("newsletter", "MAILCHIMP"), ("crm", "ACTIVECAMPAIGN")])
def test_a_wrong_key_is_one_failure(settings: Path, name: str, variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"TEST_{variable}_KEY", "nobodys-us1")

    found = of(settings, name)

    assert {name: item["level"] for name, item in found.items()} == {f"{name}: key": "fail"}
    assert found[f"{name}: key"]["detail"].startswith("unauthorized")
    assert "API key" in found[f"{name}: key"]["remedy"]


def test_a_key_that_is_not_set_is_one_failure(settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TEST_ACTIVECAMPAIGN_KEY")

    found = of(settings, "crm")

    assert {name: item["level"] for name, item in found.items()} == {"crm: key": "fail"}


@pytest.mark.parametrize("name", ["newsletter", "crm"])
def test_who_cannot_be_reached_is_one_failure_whose_remedy_speaks_of_the_way_there(
    settings: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, name: str
) -> None:
    url = {"newsletter": mailchimp.url, "crm": activecampaign.url}[name]
    settings.write_text(settings.read_text(encoding="utf-8").replace(url, NOBODY), encoding="utf-8")

    found = of(settings, name)

    assert {name: item["level"] for name, item in found.items()} == {f"{name}: key": "fail"}
    assert found[f"{name}: key"]["detail"].startswith("unreachable")
    for word in ("host", "DNS", "proxies in the environment (HTTPS_PROXY) are ignored on purpose"):
        assert word in found[f"{name}: key"]["remedy"]


def test_a_right_that_is_missing_is_named_once_and_what_works_before_it_is_shown(
    settings: Path, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.admin = False

    found = of(settings, "crm")

    assert {name: item["level"] for name, item in found.items()} == {"crm: key": "warn", "crm: admin": "fail"}


def test_an_outage_is_no_missing_right(settings: Path, mailchimp: MailchimpSandbox) -> None:
    mailchimp.fault(Fault(status=503, body="", times=None))

    (found,) = of(settings, "newsletter").values()

    assert found["detail"].startswith("unavailable")
    assert "outage" in found["remedy"]


def test_what_wants_a_look_is_no_failure(settings: Path) -> None:
    found, shown = as_json(settings, "check"), run(settings, "check")

    warned = {item["name"]: item for item in found["checks"] if item["level"] == "warn"}
    of_destinations = {"crm: key", "crm: lists", "crm: trial", "newsletter: trial"}
    assert {"checkpoints", "last backup", "key and database", *of_destinations} == set(warned)
    assert all(item["ok"] and item["remedy"] for item in warned.values())
    assert {item["level"] for item in found["checks"]} == {"ok", "warn"}
    assert (found["ok"], shown.returncode) == (True, 0)
    for name, item in warned.items():
        assert f"warn {name}: {item['detail']}\n     remedy: {item['remedy']}\n" in shown.stdout
    assert "warning:" not in shown.stdout
    assert "?" not in shown.stdout
