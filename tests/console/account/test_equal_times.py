"""A stranger does not learn from the time of an answer whether a name has an account."""

from __future__ import annotations

import statistics
import time
from datetime import datetime

import pytest
from flask import Flask

from syncer.app import App
from tests.conftest import Clock
from tests.support.console.signing_in import SECRET, Somebody, browser, enrolled, sign_in

pytestmark = pytest.mark.slow

TRIES = 200
#: whatever else the machine does falls on one of two tries in some round; a difference that is ours shows in each
ROUNDS = 3
KNOWN, UNKNOWN = "anna", "bert"


def seconds(site: Flask, name: str, address: str, now: datetime) -> float:
    """Return how long the answer to a wrong password takes."""
    client, who = browser(site, address), Somebody(name, SECRET, "not this one, by far")
    begun = time.perf_counter()
    assert sign_in(client, who, now).status_code == 422
    return time.perf_counter() - begun


def ratio(site: Flask, clock: Clock, part: int) -> float:
    """Return how much longer a known name takes than an unknown one: the median of pairs, each first in every other."""
    found = []
    for number in range(TRIES):
        took = {}
        for name in (KNOWN, UNKNOWN) if number % 2 else (UNKNOWN, KNOWN):
            clock.advance(minutes=1)
            took[name] = seconds(site, name, f"10.{part}.{number}.1", clock.now)
        found.append(took[KNOWN] / took[UNKNOWN])
    return statistics.median(found)


def test_a_wrong_password_of_a_known_name_takes_as_long_as_an_unknown_name(site: Flask, app: App, clock: Clock) -> None:
    enrolled(app)
    found: list[float] = []
    for part in range(ROUNDS):
        found.append(ratio(site, clock, part))
        if abs(found[-1] - 1) < 0.10:
            return

    pytest.fail(f"a known name takes {', '.join(f'{each:.2f}' for each in found)} times as long")
