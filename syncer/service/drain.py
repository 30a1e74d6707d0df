"""`syncer drain`: work until nothing is due now, beside a running daemon or alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from syncer.app import App, require_secrets
from syncer.database.connections import reading
from syncer.delivery.leases import is_in_shadow
from syncer.domain.model import ANSWERED, CLOSED, WORKABLE, State
from syncer.errors import UntrustedLog
from syncer.log import get_logger
from syncer.service.far_waits import FarWaits
from syncer.service.interruption import deferred
from syncer.service.soundness import Stopped, require_sound, verify_in_full

if TYPE_CHECKING:
    from syncer.delivery.lane import Lane
    from syncer.delivery.shadow.modes import ModeChange

#: seconds between two looks at a lane that somebody else works on
POLL = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a drain is: how many deliveries need no more work, and how many are still due or under way."""

    through: int
    open: int


@dataclass(frozen=True, slots=True)
class DrainResult:
    """What a drain did, in numbers of rows taken and of deliveries.

    `passed_on` were accepted where nobody can read back, `not_applicable` could not be asked about.
    `still_due` counts deliveries that could go on now but did not, since time was up or their lane waits or is paused;
    `waiting` counts the rows that time did not suffice to take. `modes` are the destinations that went into shadow mode
    or live by it.
    """

    taken: int
    confirmed: int
    held: int
    retrying: int
    still_due: int
    waiting: int
    waited_for_owner: bool
    modes: tuple[ModeChange, ...] = ()
    passed_on: int = 0
    not_applicable: int = 0


def drain(
    app: App, max_seconds: float | None = None, on_progress: Callable[[Progress], None] | None = None
) -> DrainResult:
    """Work until nothing is due now, or for `max_seconds`.

    Raises SettingsProblem for a missing secret, UntrustedLog where the log is not the one that was signed.
    """
    require_secrets(app.settings)
    deadline = None if max_seconds is None else time.monotonic() + max_seconds
    result = carry_out(app, deadline, on_progress)
    _verify_if_due(app, deadline)
    if app.wordpress is not None:
        app.wordpress.publish()
    return result


def carry_out(
    app: App, deadline: float | None = None, on_progress: Callable[[Progress], None] | None = None
) -> DrainResult:
    """Work as `drain` does, and leave the daily verification to somebody else; `deadline` is on the monotonic clock.

    Raises UntrustedLog where the log is not the one that was signed. Ctrl-C lets the calls in hand come back, and then
    raises KeyboardInterrupt.
    """
    try:
        with deferred(app.stop):
            return _Drain(app, deadline, on_progress).run()
    finally:
        app.stop.clear()


def _verify_if_due(app: App, deadline: float | None) -> None:
    """Verify the whole log once a day, unless a daemon is there to do it: it may be that only drains ever run."""

    def pause(_worked: float) -> None:
        if deadline is not None and time.monotonic() >= deadline:
            raise Stopped

    if app.verified.due() and not app.presence.running():
        with suppress(Stopped):
            verify_in_full(app, pause)


def prepare(app: App, over: Callable[[], bool] = lambda: False) -> int:
    """Do what comes before the lanes: take from the queue, seal anew, bring back what waits too long, start rechecks.

    Return how many queue rows were taken. `over` ends what may take long: the taking and the rechecks.
    """
    taken = app.intake.take_all(over)
    app.resealing.run()
    app.store.hold_removed(app.settings.destinations)
    waits = FarWaits(app)
    waits.bring_back()
    waits.find_lost()
    while app.store.start_rechecks() and not over():
        pass
    return taken


class _Drain:
    """One drain; `deadline` is on the monotonic clock."""

    def __init__(self, app: App, deadline: float | None, on_progress: Callable[[Progress], None] | None) -> None:
        self._app = app
        self._deadline = deadline
        # half of the time: what was taken is to be carried out as well, however much waits
        self._take_until = deadline and (time.monotonic() + deadline) / 2
        self._on_progress = on_progress
        self._waited = False
        self._cut_short = False
        self._failed: BaseException | None = None
        self._log = get_logger("syncer.drain")

    def run(self) -> DrainResult:
        """Work and return what was done."""
        app = self._app
        require_sound(app, lambda _worked: None)
        modes = tuple(app.modes.settle())
        before = self._counts()
        taken = prepare(app, self._taking_is_over)
        lanes = app.lanes()
        threads = [threading.Thread(target=self._work, args=(lane,), daemon=True) for lane in lanes]
        try:
            for thread in threads:
                thread.start()
            self._wait(threads)
        finally:
            app.stop.set()
            for thread in threads:
                if thread.ident is not None:  # a second Ctrl-C may have come before it was started
                    thread.join(timeout=30)
            with ExitStack() as ending:  # the other lanes too where one cannot be given back
                for lane in lanes:
                    ending.callback(lane.abandon if isinstance(self._failed, UntrustedLog) else lane.release)
        if self._failed is not None:
            raise self._failed
        after = self._counts()
        still_due = sum(app.store.due_now(name) for name in app.settings.destinations)
        more = {state: max(after.get(state, 0) - before.get(state, 0), 0) for state in ANSWERED}
        return DrainResult(
            taken=taken,
            confirmed=more[State.CONFIRMED],
            held=after.get(State.HELD, 0),
            retrying=after.get(State.RETRYING, 0),
            still_due=still_due,
            waiting=app.queue.count() if self._cut_short else 0,
            waited_for_owner=self._waited,
            modes=modes,
            passed_on=more[State.ACCEPTED],
            not_applicable=more[State.NOT_APPLICABLE],
        )

    def _work(self, lane: Lane) -> None:
        try:
            while not self._over():
                if lane.turn():
                    continue
                if lane.owned or self._is_in_another_mode(lane) or not self._app.store.due_now(lane.name):
                    return
                # another daemon owns the lane and does the work: wait for it
                self._waited = True
                time.sleep(POLL)
        except BaseException as error:  # noqa: BLE001 — handed to the main thread, which raises it
            if not isinstance(self._failed, UntrustedLog):
                self._failed = error
            if isinstance(error, UntrustedLog):  # nor may another lane make a call or write
                self._app.trust.lost(error)
                self._app.stop.set()

    def _is_in_another_mode(self, lane: Lane) -> bool:
        """Say whether somebody put the lane into shadow mode, or live, since this began: it is theirs then."""
        row = self._app.leases.get(lane.name)
        return row is not None and is_in_shadow(row) is not lane.shadow

    def _taking_is_over(self) -> bool:
        late = self._take_until is not None and time.monotonic() >= self._take_until
        self._cut_short = late or self._app.stop.is_set()
        return self._cut_short

    def _over(self) -> bool:
        return self._app.stop.is_set() or (self._deadline is not None and time.monotonic() >= self._deadline)

    def _wait(self, threads: list[threading.Thread]) -> None:
        while any(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(timeout=0.1)
            if self._over():
                self._app.stop.set()
            self._report()
        self._report()

    def _report(self) -> None:
        if self._on_progress is None:
            return
        counts = self._counts()
        closed = sum(counts.get(state, 0) for state in CLOSED | {State.HELD})
        waiting = sum(counts.get(state, 0) for state in WORKABLE)
        self._on_progress(Progress(through=closed, open=waiting))

    def _counts(self) -> dict[str, int]:
        d = self._app.tables.delivery.c
        with reading(self._app.engine) as connection:
            rows = connection.execute(sa.select(d.state, sa.func.count()).group_by(d.state)).all()
        return {row[0]: int(row[1]) for row in rows}
