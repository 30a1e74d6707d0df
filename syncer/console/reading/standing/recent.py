"""What was read a moment ago: several people who look at the same page cost the database one look."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")
#: seconds for which what was read counts as the present
COUNTS = 5.0
#: seconds for figures about weeks
FIGURES_COUNT = 60.0


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    read_at: float


class Recent:
    """Keeps values by name for a few seconds, and makes each by one thread at a time."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._changing = threading.Lock()
        self._forgotten = 0

    def get(self, name: str, make: Callable[[], T], seconds: float = COUNTS) -> T:
        """Return what was made under a name within so many seconds, or make it anew. Raises what `make` raises."""
        with self._changing:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:
            kept = self._kept.get(name)
            if kept is None or self._monotonic() - kept.read_at >= seconds:
                began, forgotten = self._monotonic(), self._forgotten
                kept = _Kept(make(), began)
                with self._changing:
                    if self._forgotten == forgotten:  # else it may be from before the change that somebody made
                        self._kept[name] = kept
            return cast(T, kept.value)

    def forget(self) -> None:
        """Read everything anew: somebody changed something here, and wants to see it."""
        with self._changing:
            self._forgotten += 1
            self._kept.clear()
