"""Keys, rights, pace and settings of an ActiveCampaign account."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Action, SettingsError, Subject
from adapters.errors import Misconfigured, Transient
from adapters.sandbox import ActiveCampaignSandbox, Fault
from tests.adapters.activecampaign.scene import ASKED, BASE, refused


def test_an_unclear_403_asks_who_the_key_belongs_to(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.fault(Fault(status=403, body="", path="/contacts$"))
    throttled = refused(adapter)
    sandbox.fault(Fault(status=403, body="", times=None))
    dead = refused(adapter)

    assert isinstance(throttled, Transient) and throttled.cools_lane and throttled.code == "rate_limited"
    assert isinstance(dead, Misconfigured) and dead.code == "unauthorized"
    assert [step.call for step in throttled.steps] == ["GET /contacts", "GET /users/me"]


def test_a_wrong_key_pauses(sandbox: ActiveCampaignSandbox) -> None:
    adapter = ActiveCampaign.configured({"base_url": sandbox.url, "requests_per_second": 2000}, "wrong")
    try:
        with pytest.raises(Misconfigured):
            adapter.ping()
    finally:
        adapter.close()


def test_fault_035_a_login_page_pauses(sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign) -> None:
    sandbox.fault(Fault(kind="login_page"))

    error = refused(adapter)

    assert isinstance(error, Misconfigured) and error.code == "login_page"


@pytest.mark.parametrize(("body", "content_type"), [("<html>", "text/html"), ("", None), ("{}", "application/json")])
def test_fault_043_another_404_is_a_wrong_address_and_no_absence(
    sandbox: ActiveCampaignSandbox, adapter: ActiveCampaign, body: str, content_type: str | None
) -> None:
    sandbox.fault(Fault(status=404, body=body, content_type=content_type))

    error = refused(adapter)

    assert isinstance(error, Misconfigured) and error.code == "wrong_address"


def test_the_pace_holds_for_all_senders(configure: Callable[..., ActiveCampaign]) -> None:
    with ActiveCampaignSandbox(rate=50.0) as sandbox:
        adapter = configure(sandbox, requests_per_second=45)
        people = [Subject(f"ref-{n}", (f"person{n}@mailbox.test",)) for n in range(20)]
        began = time.monotonic()
        with ThreadPoolExecutor(6) as pool:
            list(pool.map(lambda one: adapter.apply(Action.UNSUBSCRIBE, one, ASKED), people))

        assert time.monotonic() - began >= 19 * 1.035 / 45 - 0.01
        assert sandbox.throttled == 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"base_url": None}, "base_url"),
        ({"base_url": "http://account.api-us1.com"}, "base_url"),
        ({"requests_per_second": 0}, "requests_per_second"),
        ({"requests_per_second": -1}, "requests_per_second"),
        ({"requests_per_second": "4"}, "requests_per_second"),
        ({"requests_per_second": True}, "requests_per_second"),
        ({"requests_per_second": float("nan")}, "requests_per_second"),
        ({"requests_per_second": float("inf")}, "requests_per_second"),
        ({"ecommerce": 1}, "ecommerce"),
    ],
)
def test_an_unusable_setting_is_named(options: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ActiveCampaign.configured({"base_url": BASE, **options}, "token")

    assert caught.value.key == named


def test_the_base_url_is_required() -> None:
    with pytest.raises(SettingsError) as caught:
        ActiveCampaign.configured({}, "token")

    assert caught.value.key == "base_url"
