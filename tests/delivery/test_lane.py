"""A lane whose turn failed: what it still has under way stays its own, and a broken probe does not become a storm."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from adapters.contract import Action, Limits, Outcome, Receipt, Step, Subject
from adapters.mailchimp.adapter import Mailchimp
from syncer.app import App
from syncer.delivery import lane as lanes
from syncer.delivery.in_flight import AHEAD
from syncer.delivery.lane import BATCH, Lane
from syncer.delivery.leases import LEASE_SECONDS
from syncer.delivery.senders import Senders
from syncer.service.drain import prepare
from tests.conftest import Clock
from tests.support.walk import put


class Slow(Mailchimp):
    """A destination that answers only when it is let."""

    def __init__(self) -> None:
        self.answer = threading.Event()
        self.called = threading.Event()
        self.pings = 0

    @property
    def limits(self) -> Limits:
        return Limits(1)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        self.called.set()
        self.answer.wait(20)
        return Receipt(Outcome.ABSENT, (Step("all", "GET /", 200, None, 1),))

    def ping(self) -> None:
        self.pings += 1
        raise RuntimeError("a bug in an adapter")

    def close(self) -> None:
        self.answer.set()


class Forgetful(Slow):
    """A destination that deletes and does not show yet where the deleted is kept."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[int] = []

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        return Receipt(Outcome.DONE, (Step("all", "DELETE /", 200, None, 1),), unseen=2)

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        self.told.append(subject.unseen)
        return Receipt(Outcome.DONE, (Step("all", "GET /", 200, None, 1),))


class DatabaseGone(Senders):
    """Senders in front of which the turn breaks off once a call is under way."""

    def collect(self, most: int, *, wait: float) -> Any:
        if self.busy:
            assert isinstance(self._adapter, Slow)
            assert self._adapter.called.wait(10)
            raise ConnectionError("the database went away")
        return super().collect(most, wait=wait)


def lane(app: App, adapter: Slow, **more: Any) -> Lane:
    app.leases.ensure(list(app.settings.destinations))
    return Lane("newsletter", adapter, app.transactions, app.store, app.leases, app.seals, app.stop, **more)


def test_a_lane_keeps_its_lease_while_calls_of_a_failed_turn_are_under_way(app: App) -> None:
    put(app, "erasure", "ada@lovelace.test", "k1")
    prepare(app)
    seconds = [1000.0]
    adapter = Slow()
    worker = lane(app, adapter, senders=DatabaseGone, monotonic=lambda: seconds[0])
    try:
        with pytest.raises(ConnectionError):
            worker.turn()
        assert adapter.called.wait(10)
        before = app.leases.read()["newsletter"].lease_until
        assert before is not None
        time.sleep(0.01)  # the lease is counted by the database's clock, in milliseconds
        seconds[0] += LEASE_SECONDS / 3

        assert worker.turn() == 0

        after = app.leases.read()["newsletter"].lease_until
        assert after is not None
        assert after > before
    finally:
        adapter.answer.set()
        worker.release()


def test_a_probe_that_crashes_is_tried_again_as_late_as_one_that_is_refused(app: App, clock: Clock) -> None:
    adapter = Slow()
    worker = lane(app, adapter)
    try:
        with app.transactions.write() as tx:
            app.leases.pause(tx, "newsletter", "syncer", "unauthorized", clock())

        assert [worker.turn() for _ in range(3)] == [0, 0, 0]

        assert adapter.pings == 1
    finally:
        worker.release()


def test_the_read_back_is_told_what_the_apply_left_unseen(app: App) -> None:
    put(app, "erasure", "ada@lovelace.test", "k1")
    prepare(app)
    adapter = Forgetful()
    worker = lane(app, adapter)
    try:
        worker.turn()
    finally:
        worker.release()

    assert adapter.told == [2]


class Ringing(Slow):
    """A destination at whose first call somebody objects."""

    def __init__(self, objects: Callable[[], None]) -> None:
        super().__init__()
        self._objects = objects
        self.asked: list[Action] = []

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        if not self.called.is_set():
            self.called.set()
            self._objects()
        self.asked.append(action)
        return Receipt(Outcome.ABSENT, (Step("all", "GET /", 200, None, 1),))


def test_a_lane_at_work_that_is_rung_begins_with_what_is_more_urgent_before_what_it_had_claimed(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "CLAIM_AGAIN", 0.0)
    for number in range(BATCH):
        put(app, "erasure", f"person{number}@list.test", f"k{number}")
    prepare(app)

    def objects() -> None:
        put(app, "objection", "ada@lovelace.test", "hers")
        app.intake.take_all()
        worker.bell.ring()

    adapter = Ringing(objects)
    worker = lane(app, adapter)
    try:
        worker.turn()
    finally:
        worker.release()

    assert len(adapter.asked) == BATCH + 1
    assert adapter.asked.index(Action.UNSUBSCRIBE) <= 2 * (1 + AHEAD)
