"""The times of a log: how one is read, where they run backwards, and where a running daemon fell silent. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

#: clocks of several hosts may differ by so much before a time that runs backwards is worth a warning
TOLERANCE = timedelta(minutes=5)
#: no schedule signs the log less often
MOST_MINUTES = 24 * 60
_MOMENT = re.compile(
    r"[12]\d{3}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z", re.ASCII
)


def moment(text: Any) -> datetime | None:
    """Return the time (UTC) that a text of the log's own form spells; None for everything else."""
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # the 31st of a shorter month
        return None


@dataclass(frozen=True, slots=True)
class SavedTimes:
    """The times of a log so far: what was odd, its last entry's time and the last checkpoint's with its interval.

    Times are UTC. `running` are host and process of each daemon that was started and did not stop.
    """

    remarks: tuple[str, ...]
    before: datetime | None
    beat: tuple[datetime, timedelta] | None
    running: frozenset[tuple[str, int]]


class Times:
    """Follows the times of a log. What is odd about them is only worth a remark: clocks do err."""

    def __init__(self) -> None:
        #: what was odd, a sentence each
        self.remarks: list[str] = []
        self._before: datetime | None = None
        self._beat: tuple[datetime, timedelta] | None = None  # of the last checkpoint
        self._running: set[tuple[str, int]] = set()  # host and process of each daemon

    def take(self, seq: int, now: datetime) -> None:
        """Note when an entry was written."""
        if self._before is not None and now < self._before - TOLERANCE:
            self.remarks.append(
                f"the time runs backwards at entry {seq}: a clock was wrong, or somebody wrote it later"
            )
        self._before = now

    def daemon(self, what: str, actor: Mapping[str, Any]) -> None:
        """Note that a daemon was started or stopped."""
        host, pid = actor.get("host"), actor.get("pid")
        if isinstance(host, str) and type(pid) is int:
            (self._running.add if what == "daemon:started" else self._running.discard)((host, pid))

    def beat(self, seq: int, now: datetime, facts: Mapping[str, Any]) -> None:
        """Note a checkpoint: a running daemon makes one in every interval, come what may."""
        every = facts.get("every_minutes")
        if self._beat is not None and self._running and now - self._beat[0] > 2 * self._beat[1]:
            self.remarks.append(f"no checkpoint from {self._beat[0]:%Y-%m-%d %H:%M} to {now:%Y-%m-%d %H:%M}Z"
                                f" (entry {seq}) although a daemon was started and did not stop")  # fmt: skip
        self._beat = now, timedelta(minutes=every if type(every) is int and 0 < every <= MOST_MINUTES else 60)

    def saved(self) -> SavedTimes:
        """Return what a later examination needs to go on with, as `restore` takes it."""
        return SavedTimes(tuple(self.remarks), self._before, self._beat, frozenset(self._running))

    def restore(self, saved: SavedTimes) -> None:
        """Go on where another one stopped: `saved` is what it returned then."""
        self.remarks = list(saved.remarks)
        self._before, self._beat = saved.before, saved.beat
        self._running = set(saved.running)
