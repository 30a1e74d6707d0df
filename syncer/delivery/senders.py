"""The senders of a lane: threads that only call the adapter and always bring something back."""

from __future__ import annotations

import math
import queue as queues
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, repeat

import tenacity

from adapters.contract import Adapter, Evidence, Outcome, Preview, Receipt, Step, Subject
from adapters.errors import AdapterError, Permanent, Transient
from syncer.clock import elapsed
from syncer.delivery.doubt import Doubt
from syncer.domain.model import Delivery
from syncer.domain.policy import NotCalled, Phase, Result
from syncer.errors import AddressError
from syncer.log import get_logger
from syncer.privacy.keyring import Keyring, subject

#: what a verb of an adapter answers
Answered = Receipt | Preview

#: calls of one verb within one attempt, and the longest wait between them in seconds
BURST_CALLS = 3
BURST_WAIT = 2.0
#: seconds that a result waits at most for others to share its commit
WINDOW = 0.1


@dataclass(frozen=True, slots=True)
class Work:
    """What a sender is to do: the delivery, and the verb to begin with. What it applied it also reads back.

    `now` (UTC) is when it was given out.
    """

    delivery: Delivery
    phase: Phase
    address: str = field(repr=False)
    now: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """What one verb brought back; `last` says that the sender is done with this work."""

    work: Work
    phase: Phase
    result: Result
    last: bool = True


class Results:
    """What came back and was not yet collected."""

    def __init__(self) -> None:
        self._done: list[Done] = []
        self._changed = threading.Condition()
        self._last = 0  # works among them that are finished
        self._enough = 1

    def put(self, done: Done) -> None:
        """Add one result; wake the collector only once it has what it waits for."""
        with self._changed:
            self._done.append(done)
            self._last += done.last
            if self._last >= self._enough:
                self._changed.notify()

    def collect(self, enough: int, wait: float) -> list[Done]:
        """Return all there is: wait up to `wait` seconds for the first, then up to WINDOW for `enough` ended works."""
        with self._changed:
            # wait for all before looking for the first: where answers come quickly each look costs a change of threads
            self._wait(enough, min(wait, WINDOW))
            if not self._done and wait > WINDOW:
                self._wait(1, wait - WINDOW)
                self._wait(enough, WINDOW)
            collected, self._done, self._last = self._done, [], 0
            return collected

    def _wait(self, enough: int, seconds: float) -> None:
        self._enough = enough
        if seconds > 0:
            self._changed.wait_for(lambda: self._last >= enough, seconds)


class Senders:
    """As many threads as the destination allows calls at one time."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        keyring: Keyring,
        stop: threading.Event,
        burst_wait: float,
        monotonic: Callable[[], float] = elapsed,
    ) -> None:
        self.count = adapter.limits.senders
        self._name = name
        #: open while calls may be made; what was begun and finds it closed comes back as not called
        self.gate = threading.Event()
        self._good_until = math.inf
        self._adapter = adapter
        self._monotonic = monotonic
        self._doubt = Doubt(adapter, monotonic)
        self._keyring = keyring
        self._burst = _burst(stop, burst_wait)
        self._log = get_logger("syncer.senders").bind(lane=name)
        self._results = Results()
        self._works: queues.SimpleQueue[tuple[Work, Results] | None] = queues.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._left = 0  # works that were submitted and did not come back yet
        self._counting = threading.Lock()

    def call_until(self, moment: float) -> None:
        """Make no call after that moment (by `monotonic`, in seconds): the lane may have another owner by then."""
        self._good_until = moment

    def submit(self, work: Work) -> None:
        """Let the next free sender make the calls."""
        if not self._threads:
            self._start()
        with self._counting:
            self._left += 1
        self._works.put((work, self._results))

    def collect(self, enough: int, *, wait: float) -> list[Done]:
        """Return all that came back: wait up to `wait` seconds for the first, then up to WINDOW for `enough` works."""
        return self._results.collect(enough, wait)

    @property
    def busy(self) -> bool:
        """Say whether a call of an earlier turn is still under way."""
        return self._left > 0

    def forget(self) -> None:
        """Close the gate and let what is still under way come back to nobody."""
        self.gate.clear()
        self._results = Results()

    def close(self) -> None:
        """End the threads once their calls are done."""
        self.gate.clear()
        for _ in self._threads:
            self._works.put(None)
        self._threads.clear()

    def _start(self) -> None:
        for number in range(self.count):
            # a daemon thread: a call that outlives its grace must not keep the process alive
            thread = threading.Thread(target=self._serve, name=f"lane-{self._name}-{number}", daemon=True)
            thread.start()
            self._threads.append(thread)

    def _serve(self) -> None:
        while (task := self._works.get()) is not None:
            self._send(*task)
            with self._counting:
                self._left -= 1

    def _send(self, work: Work, results: Results) -> None:
        """Make the calls of one delivery. Whatever happens, something is brought back.

        What was applied is read back at once, without waiting for its commit: where answers come quickly both share
        one, where they come slowly the first is on record meanwhile.
        """
        result, person = self._attempt(work, work.phase)
        if work.phase is Phase.CONFIRM or not isinstance(result, Receipt) or result.outcome is not Outcome.DONE:
            results.put(Done(work, work.phase, result))
            return
        results.put(Done(work, Phase.APPLY, result, last=False))
        person = replace(person, unseen=result.unseen) if person else None
        # without handles everything is read again
        read_back, _ = self._attempt(work, Phase.CONFIRM, person, result if result.handles else None)
        results.put(Done(work, Phase.CONFIRM, read_back))

    def _attempt(
        self, work: Work, phase: Phase, person: Subject | None = None, applied: Receipt | None = None
    ) -> tuple[Result, Subject | None]:
        """Make the calls of one verb, unless the lane may not call any more; return also who it was about."""
        if not self.gate.is_set() or self._monotonic() > self._good_until:
            return NotCalled(), person
        try:
            person = person or self._person(work)
            return self._call(work.delivery, phase, person, applied), person
        except AdapterError as error:
            return self._doubt.about(error, work.delivery.code), person
        except Exception as error:  # noqa: BLE001 — a bug in an adapter must not end the lane
            self._log.exception("adapter.crashed", error=type(error).__name__)
            return Transient("crashed", type(error).__name__), person

    def _call(self, delivery: Delivery, phase: Phase, person: Subject, applied: Receipt | None) -> Answered:
        action = delivery.action
        if action is None:
            raise Permanent("malformed", "the event names no right, so there is nothing to ask of a destination")
        if phase is Phase.CONFIRM and delivery.rechecking and self._adapter.evidence is not Evidence.READ_BACK:
            # what it knows of an order says nothing of a person whom another adapter had read back
            raise Permanent("unsupported_action", "the adapter that the settings name now cannot read back")
        before: list[Step] = []
        known = person

        def verb() -> Answered:
            nonlocal known
            try:
                if phase is Phase.PREVIEW:
                    preview = self._adapter.preview(action, known, delivery.asked_at)
                    return replace(preview, steps=(*before, *preview.steps))
                if phase is Phase.APPLY:
                    receipt = self._adapter.apply(action, known, delivery.asked_at)
                else:
                    receipt = self._adapter.confirm(action, known, applied)
                return _after(before, _believed(receipt, phase, self._adapter.evidence))
            except AdapterError as error:
                before.extend(error.steps)
                if error.unseen is not None:  # the next call of the burst must know what this one deleted
                    known = replace(known, unseen=error.unseen)
                raise

        try:
            return _with_burst(self._burst, verb)
        except AdapterError as error:
            error.steps = tuple(before)
            raise

    def _person(self, work: Work) -> Subject:
        try:
            return replace(subject(self._keyring, work.address), unseen=work.delivery.unseen, now=work.now)
        except AddressError:
            raise Permanent("malformed", "the address cannot be used") from None


def _burst(stop: threading.Event, longest: float) -> tenacity.Retrying:
    """Return what repeats a call quickly within one attempt, for all threads; longer waits stand in the database."""
    return tenacity.Retrying(
        retry=tenacity.retry_if_exception(_worth_repeating),
        stop=tenacity.stop_after_attempt(BURST_CALLS) | tenacity.stop_when_event_set(stop),
        wait=tenacity.wait_random_exponential(multiplier=longest / 8, max=longest),
        sleep=tenacity.sleep_using_event(stop),
        reraise=True,
    )


def _with_burst(burst: tenacity.Retrying, verb: Callable[[], Answered]) -> Answered:
    """Call, and call again as the burst allows; it is asked only after a failure, since it takes 30 µs each time."""
    try:
        return verb()
    except Transient as error:
        first = error

    def failed() -> Answered:
        raise first

    def following() -> Answered:
        return next(calls)()

    calls = chain([failed], repeat(verb))  # the call that failed is the burst's first
    return burst(following)


def _after(before: list[Step], receipt: Receipt) -> Receipt:
    """Put the steps of failed calls of the burst before those of the one that came through."""
    if not before:
        return receipt
    outcome = receipt.outcome
    if outcome is Outcome.ABSENT and any(not step.call.startswith("GET ") for step in before):
        outcome = Outcome.DONE  # the call whose answer was lost had done it
    return replace(receipt, outcome=outcome, steps=(*before, *receipt.steps))


def _believed(receipt: Receipt, phase: Phase, evidence: Evidence) -> Receipt:
    """Return a receipt that claims no more than its adapter can know; raise Permanent `unproven` for any other."""
    read_back = receipt.outcome is Outcome.ABSENT or (phase is Phase.CONFIRM and receipt.outcome is Outcome.DONE)
    if read_back and evidence is not Evidence.READ_BACK:
        raise Permanent("unproven", "the adapter says what it cannot have read", steps=receipt.steps)
    return receipt


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, Transient) and error.retry_after is None and not error.cools_lane
