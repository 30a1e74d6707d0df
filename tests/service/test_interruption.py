"""Ctrl-C while lanes work: what is in hand comes back, the lanes are given back, and only then the command ends."""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.service.drain import drain
from syncer.service.interruption import deferred
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES
from tests.support.processes import inside, started, until
from tests.support.walk import put, rows


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_a_signal_takes_effect_behind_the_block() -> None:
    stop, whole = threading.Event(), False

    with pytest.raises(KeyboardInterrupt), deferred(stop):
        interrupt()
        assert stop.wait(10)
        whole = True

    assert whole


def test_whoever_sends_a_second_one_does_not_wait() -> None:
    stop = threading.Event()

    with pytest.raises(KeyboardInterrupt), deferred(stop):
        interrupt()
        interrupt()
        pytest.fail("it went on")


def test_what_the_block_raises_itself_is_not_lost_behind_a_signal() -> None:
    with pytest.raises(ZeroDivisionError), deferred(threading.Event()):
        interrupt()
        raise ZeroDivisionError


def test_afterwards_every_signal_does_what_it_did_and_what_nobody_heeds_is_left_alone() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    with deferred(threading.Event()):
        within = {number: signal.getsignal(number) for number in before}

    assert {number: signal.getsignal(number) for number in before} == before
    assert [number for number in before if within[number] is not before[number]] == [
        number for number in before if callable(before[number])
    ]


def test_a_drain_in_another_thread_than_the_main_one_is_none_of_its_business() -> None:
    seen = []

    def block() -> None:
        with deferred(threading.Event()):
            seen.append(signal.getsignal(signal.SIGINT))

    other = threading.Thread(target=block)
    other.start()
    other.join()

    assert seen == [signal.getsignal(signal.SIGINT)]


def test_ctrl_c_lets_the_calls_in_hand_come_back_frees_the_lanes_and_leaves_the_rest(
    settings_file: Callable[..., Path], tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    settings = settings_file()
    initialise(load_settings(settings))
    people = [f"person{number}@stop.test" for number in range(30)]
    for person in people:
        mailchimp.add(person, AUDIENCES[0])
    assert inside(settings, "submit", "erasure", stdin="\n".join(people)).returncode == 0
    mailchimp.latency = 0.3
    with started(settings, "drain", log=tmp_path / "log") as command:
        until(lambda: mailchimp.request_count > 0, 30)

        command.send_signal(signal.SIGINT)

        assert command.wait(timeout=60) == 130, (tmp_path / "log").read_text(encoding="utf-8")
    with open_app(load_settings(settings)) as app:
        assert {lane.owner for lane in app.leases.read().values()} == {None}
        log = Counter(row.what for row in rows(app, app.tables.audit) if row.destination == "newsletter")
        assert log["delivery:applied"] > 0
        assert log["delivery:attempted"] == log["delivery:applied"] + log["delivery:retrying"]  # each has its answer
        assert {row.state for row in rows(app, app.tables.delivery)} >= {"pending"}
        mailchimp.latency = 0.0
        assert drain(app).still_due == 0
        assert app.verify().ok


def test_a_drain_after_one_that_was_interrupted_works_again(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add("ada@stop.test", AUDIENCES[0])
    put(app, "erasure", "ada@stop.test", "k1")
    take = app.intake.take_all

    def interrupted(*given: object) -> int:
        interrupt()
        return take(*given)  # type: ignore[arg-type]

    app.intake.take_all = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        drain(app)
    app.intake.take_all = take  # type: ignore[method-assign]

    drain(app)

    assert {row.state for row in rows(app, app.tables.delivery)} == {"confirmed"}
