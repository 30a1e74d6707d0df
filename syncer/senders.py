"""The senders of a lane: threads that only call the adapter and always bring something back."""

from __future__ import annotations

import math
import queue as queues
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import tenacity

from adapters.contract import Adapter, Outcome, Receipt, Step, Subject
from adapters.errors import AdapterError, Permanent, Transient
from syncer.errors import SealError, SyncerError
from syncer.identity import Keyring, subject
from syncer.log import get_logger
from syncer.model import Delivery
from syncer.policy import NotCalled, Phase, Result

#: calls of one verb within one attempt, and the longest wait between them in seconds
BURST_CALLS = 3
BURST_WAIT = 2.0


@dataclass(frozen=True, slots=True)
class Work:
    """One call for a sender: which verb, on what, and the receipt of the apply just before a confirm."""

    delivery: Delivery
    phase: Phase
    applied: Receipt | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What a sender brings back."""

    work: Work
    result: Result


def awake_or_asleep() -> float:
    """Return seconds since boot, those of a suspended machine and of a stopped process included."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Senders:
    """As many threads as the destination allows calls at one time."""

    def __init__(
        self,
        name: str,
        adapter: Adapter,
        keyring: Keyring,
        stop: threading.Event,
        burst_wait: float,
        monotonic: Callable[[], float] = awake_or_asleep,
    ) -> None:
        self.count = adapter.limits.senders
        #: open while calls may be made; what was begun and finds it closed comes back as not called
        self.gate = threading.Event()
        #: by `monotonic`, in seconds: no call is made later, for the lane may have another owner by then
        self.good_until = math.inf
        self._adapter = adapter
        self._monotonic = monotonic
        self._keyring = keyring
        self._stop = stop
        self._burst_wait = burst_wait
        self._log = get_logger("syncer.senders").bind(lane=name)
        self._pool = ThreadPoolExecutor(self.count, thread_name_prefix=f"lane-{name}")
        self._results: queues.SimpleQueue[Done] = queues.SimpleQueue()
        self._futures: set[Future[None]] = set()

    def submit(self, work: Work) -> None:
        """Let the next free sender make the calls."""
        future = self._pool.submit(self._send, work, self._results)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)

    def collect(self, most: int, *, wait: float) -> list[Done]:
        """Return what came back, at most `most`; wait up to `wait` seconds for the first."""
        found: list[Done] = []
        try:
            if wait:
                found.append(self._results.get(timeout=wait))
            while len(found) < most:
                found.append(self._results.get_nowait())
        except queues.Empty:
            pass
        return found

    @property
    def busy(self) -> bool:
        """Whether a call of an earlier turn is still under way."""
        return bool(self._futures)

    def forget(self) -> None:
        """Close the gate and let what is still under way come back to nobody."""
        self.gate.clear()
        self._results = queues.SimpleQueue()

    def close(self) -> None:
        """End the threads once their calls are done."""
        self.gate.clear()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, work: Work, results: queues.SimpleQueue[Done]) -> None:
        """Make the calls of one delivery. Whatever happens, something is brought back."""
        result: Result
        if not self.gate.is_set() or self._monotonic() > self.good_until:
            result = NotCalled()
        else:
            try:
                result = self._call(work)
            except AdapterError as error:
                result = error
            except Exception as error:  # noqa: BLE001 — a bug in an adapter must not end the lane
                self._log.exception("adapter.crashed", error=type(error).__name__)
                result = Transient("crashed", type(error).__name__)
        results.put(Done(work, result))

    def _call(self, work: Work) -> Receipt:
        delivery = work.delivery
        if delivery.action is None:
            raise Permanent("malformed", "the event names no right, so there is nothing to ask of a destination")
        person = self._person(delivery)
        before: list[Step] = []
        try:
            for attempt in self._burst():
                with attempt:
                    try:
                        if work.phase is Phase.APPLY:
                            receipt = self._adapter.apply(delivery.action, person, delivery.received_at)
                        else:
                            receipt = self._adapter.confirm(delivery.action, person, work.applied)
                        return _after(before, receipt)
                    except AdapterError as error:
                        before.extend(error.steps)
                        raise
        except AdapterError as error:
            error.steps = tuple(before)
            raise
        raise AssertionError("unreachable: the burst re-raises its last error")

    def _person(self, delivery: Delivery) -> Subject:
        if delivery.email_sealed is None:
            raise Permanent("address_shredded", "the address is gone; bring it again with resync --file")
        try:
            return subject(self._keyring, self._keyring.open(delivery.email_sealed, delivery.event_id))
        except SealError:
            raise Permanent("unsealable", "the sealed address does not belong to this event") from None
        except SyncerError:
            raise Permanent("malformed", "the address cannot be used") from None

    def _burst(self) -> tenacity.Retrying:
        """A few quick calls within one attempt; everything longer waits in the database."""
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(_worth_repeating),
            stop=tenacity.stop_after_attempt(BURST_CALLS) | tenacity.stop_when_event_set(self._stop),
            wait=tenacity.wait_random_exponential(multiplier=self._burst_wait / 8, max=self._burst_wait),
            sleep=tenacity.sleep_using_event(self._stop),
            reraise=True,
        )


def _after(before: list[Step], receipt: Receipt) -> Receipt:
    """Put the steps of failed calls of the burst before those of the one that came through."""
    if not before:
        return receipt
    outcome = receipt.outcome
    if outcome is Outcome.ABSENT and any(not step.call.startswith("GET ") for step in before):
        outcome = Outcome.DONE  # the call whose answer was lost had done it
    return replace(receipt, outcome=outcome, steps=(*before, *receipt.steps))


def _worth_repeating(error: BaseException) -> bool:
    return isinstance(error, Transient) and error.retry_after is None and not error.cools_lane
