"""Whether an answer that seems to be about a whole account is about one person alone: the account is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from adapters.contract import Adapter
from adapters.errors import AdapterError, Misconfigured, Transient

#: what an answer about one person is called; after a day of it a person must look
ALONE = "unreadable"
#: seconds for which one answer of the account serves all that doubt beside each other
_SERVES = 2.0


class Doubt:
    """Asks one account whether it answers at all. Thread-safe; `monotonic` counts seconds.

    A firewall judges by the address that stands in a URL, a broken record makes a proxy answer for it. Were a lane to
    pause or cool for that each time, one person would stop everybody, for ever.
    """

    def __init__(self, adapter: Adapter, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._adapter = adapter
        self._monotonic = monotonic
        self._lock = threading.Lock()
        #: codes of Misconfigured that turned out to be about one person
        self._disproved: set[str] = set()
        self._answers = False
        self._asked_at: float | None = None

    def about(self, error: AdapterError, before: str | None) -> AdapterError:
        """Return a failure as this person's own if they alone meet it, else as it came.

        `before` is the code of their last failure: the first time any answer is believed. Only where the lane came
        back since, and the same person meets the same again, the account itself is asked.
        """
        concerns_all = isinstance(error, Misconfigured) or (isinstance(error, Transient) and error.cools_lane)
        believed = before not in (error.code, ALONE) and error.code not in self._disproved
        if not concerns_all or believed or not self._account_answers():
            return error
        if isinstance(error, Misconfigured):
            self._disproved.add(error.code)
        return Transient(
            ALONE,
            f"{error.detail or error.code}: the account itself answers, so only calls about this person are met so",
            steps=error.steps,
            retry_after=error.retry_after if isinstance(error, Transient) else None,
            unseen=error.unseen,
        )

    def _account_answers(self) -> bool:
        with self._lock:
            if self._asked_at is None or self._monotonic() - self._asked_at > _SERVES:
                self._answers = self._ping()
                self._asked_at = self._monotonic()
            return self._answers

    def _ping(self) -> bool:
        try:
            self._adapter.ping()
        except Exception:  # noqa: BLE001 — whatever keeps the account from answering, what came first stands
            return False
        return True
