"""Deadlines of calls: their thread ends when it is told to, whoever still calls meanwhile, and when nobody calls."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from adapters.http.deadline import CallDeadlines
from tests.support.processes import until


@contextmanager
def callers(deadlines: CallDeadlines, number: int) -> Iterator[None]:
    """Let so many threads make calls, one after the other, for the block."""
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            deadlines.start().finish()

    threads = [threading.Thread(target=call) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


def watching() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "deadlines"]


def test_closing_ends_while_senders_that_were_left_behind_still_call() -> None:
    deadlines, ended = CallDeadlines(30), threading.Event()

    def close_often() -> None:
        for _ in range(500):
            deadlines.close()
        ended.set()

    with callers(deadlines, 4):
        threading.Thread(target=close_often, daemon=True).start()

        assert ended.wait(30)
    deadlines.close()


def test_nothing_is_left_running_after_a_call_that_came_behind_the_end() -> None:
    before, deadlines = set(watching()), CallDeadlines(0.2)
    deadlines.start().finish()
    deadlines.close()

    deadlines.start().finish()

    assert len(set(watching()) - before) == 1
    until(lambda: not set(watching()) - before, 10)


def test_a_call_after_a_long_pause_has_its_deadline_again() -> None:
    before, deadlines = set(watching()), CallDeadlines(0.2)
    deadlines.start().finish()
    until(lambda: not set(watching()) - before, 10)

    late = deadlines.start()

    until(lambda: late.cut, 10)
    deadlines.close()
