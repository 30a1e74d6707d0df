"""Faults look on the wire as they say, over real HTTP, with nothing of ours in between."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
import requests

from adapters.sandbox import FAULTS, Fault, MailchimpSandbox
from tests.adapters.sandbox.mailchimp.calls import AUDIENCE, PERSON, call, member


@pytest.fixture
def mc() -> Iterator[MailchimpSandbox]:
    with MailchimpSandbox(audiences=(AUDIENCE,)) as server:
        yield server


@pytest.mark.parametrize("name", ["reset_before", "close", "cut", "reset_after", "close_after", "cut_after"])
def test_a_broken_connection_is_really_broken_and_after_means_obeyed(mc: MailchimpSandbox, name: str) -> None:
    mc.add(PERSON, AUDIENCE)
    mc.fault(FAULTS[name]())

    with pytest.raises(requests.RequestException) as broken:
        member("PATCH", mc, json={"status": "unsubscribed"})

    held = mc.member(PERSON, AUDIENCE)
    assert held is not None
    assert held["status"] == ("unsubscribed" if name.endswith("after") else "subscribed")
    assert name.startswith("reset") == ("reset by peer" in str(broken.value).lower())


def test_a_drip_drips_and_a_stale_read_is_stale(mc: MailchimpSandbox) -> None:
    mc.add(PERSON, AUDIENCE)
    mc.fault(Fault(kind="drip", delay=0.01, path="ping"))
    began = time.monotonic()
    assert call(mc, "GET", "ping").json()["health_status"]
    assert time.monotonic() - began > 0.2
    member("POST", mc, "/actions/delete-permanent")
    mc.fault(FAULTS["stale_read"]())

    assert member("GET", mc).status_code == 200
    assert member("GET", mc).status_code == 404


@pytest.mark.parametrize("name", sorted(set(FAULTS) - {"reset_before", "close", "endless"}))
def test_a_fault_strikes_as_often_as_it_says_and_only_where_it_says(mc: MailchimpSandbox, name: str) -> None:
    fault = FAULTS[name]()
    fault.path, fault.times = "lists", 0
    mc.fault(fault)

    assert call(mc, "GET", "lists").status_code == 200
    assert call(mc, "GET", "ping").status_code == 200


@pytest.mark.parametrize(("count", "status"), [("11", 500), ("10", 200), ("", 400), ("many", 400), (None, 200)])
def test_a_fault_above_a_bound_strikes_only_there(mc: MailchimpSandbox, count: str | None, status: int) -> None:
    mc.fault(Fault(status=500, above={"count": 10}, times=None))

    params = {} if count is None else {"count": count, "offset": "0"}
    answer = call(mc, "GET", "lists", params=params)

    assert answer.status_code == status


def test_it_runs_on_its_own_and_ends_on_a_signal() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "adapters.sandbox", "--people", "5"], stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        served = json.loads(process.stdout.readline())
        with requests.Session() as session:
            answer = session.get(
                served["mailchimp"]["url"] + "/3.0/ping", auth=("any", served["mailchimp"]["api_key"]), timeout=5
            )
        process.send_signal(signal.SIGTERM)

        assert answer.status_code == 200
        assert process.wait(timeout=10) == 0
