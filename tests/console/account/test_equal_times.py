"""A stranger does not learn from the time of an answer whether a name has an account."""

from __future__ import annotations

import statistics
import time

import pytest
from flask import Flask

from syncer.app import App
from tests.conftest import Clock
from tests.support.console.signing_in import SECRET, Somebody, browser, enrolled, sign_in

pytestmark = pytest.mark.slow

TRIES = 200


def test_a_wrong_password_of_a_known_name_takes_as_long_as_an_unknown_name(site: Flask, app: App, clock: Clock) -> None:
    enrolled(app)
    times: dict[str, list[float]] = {"anna": [], "bert": []}
    for number in range(TRIES):
        for name, taken in times.items():
            clock.advance(minutes=1)
            who, client = Somebody(name, SECRET, f"not this one {number}"), browser(site, f"10.0.{number}.1")
            begun = time.perf_counter()
            assert sign_in(client, who, clock.now).status_code == 422
            taken.append(time.perf_counter() - begun)

    known, unknown = map(statistics.median, times.values())
    assert abs(known - unknown) / unknown < 0.10, f"known {known:.4f} s, unknown {unknown:.4f} s"
