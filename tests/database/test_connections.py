"""Who of one process may write to an SQLite file next: whoever waits longest."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from syncer.app import App
from syncer.database import connections
from syncer.database.connections import WritersTurn, writing
from tests.support.processes import until
from tests.support.servers import ENGINES


def in_a_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_turn_goes_to_who_waits_longest_and_not_to_who_had_it_before() -> None:
    turn, order = WritersTurn(), []

    def take(name: str) -> None:
        assert turn.take(30)
        order.append(name)
        turn.hand_on()

    assert turn.take(30)
    threads = []
    for name in ("first", "second"):
        threads.append(in_a_thread(lambda name=name: take(name)))  # type: ignore[misc]
        until(lambda: len(turn._waiting) == len(threads), 30, every=0.01)
    turn.hand_on()
    take("again")
    for thread in threads:
        thread.join()

    assert order == ["first", "second", "again"]


def test_who_waited_too_long_goes_without_it_and_holds_up_nobody() -> None:
    turn = WritersTurn()
    assert turn.take(0)

    assert not turn.take(0.01)

    turn.hand_on()
    assert turn.take(0)


def test_one_who_writes_without_a_pause_lets_another_thread_write_in_between(app: App) -> None:
    order = []

    def write(name: str) -> None:
        with writing(app.engine) as connection:
            connection.exec_driver_sql("UPDATE syncer_lane SET strikes = 0")
            order.append(name)

    write("before")
    turn = connections._turns[app.engine]
    with writing(app.engine):
        other = in_a_thread(lambda: write("other"))
        until(lambda: turn._waiting, 30, every=0.01)
    write("again")
    other.join()

    assert order == ["before", "other", "again"]


@pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
def test_on_a_server_nobody_waits_for_another_thread(app: App) -> None:
    with writing(app.engine):
        pass

    assert app.engine not in connections._turns
