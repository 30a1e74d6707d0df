"""The pace of calls: even, slower after a refusal, and back again."""

from __future__ import annotations

import threading
import time

import pytest

from adapters.http.pacer import Pacer


def test_the_pacer_spaces_calls_without_bursts() -> None:
    pacer = Pacer(100)
    passed: list[float] = []

    def sender() -> None:
        for _ in range(5):
            pacer.wait()
            passed.append(time.monotonic())

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    passed.sort()

    assert passed[-1] - passed[0] >= 19 * 0.01035 - 0.005


def test_the_pacer_slows_on_refusal_and_creeps_back() -> None:
    pacer = Pacer(10)

    pacer.refused()
    assert pacer.spacing == pytest.approx(0.1035 * 1.05)
    for _ in range(500):
        pacer.passed()
    assert pacer.spacing == pytest.approx(0.1035, rel=0.001)
    for _ in range(100):
        pacer.refused()
    assert pacer.spacing == pytest.approx(0.207)
