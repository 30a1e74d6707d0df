"""A figure with its target, and how large a run is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.servers import Server


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured ratio or count. `target` reads like `<= 1.5` or `>= 0.85`; `note` says what is odd about it.

    An empty target is of a figure that is shown beside others and has none.

    `excuse` says why the target cannot be met at all: such a miss is shown, and does not fail the run. `bound` is
    what holds instead, and fails it.
    """

    name: str
    value: float
    target: str
    note: str = ""
    excuse: str = ""
    bound: str = ""

    @property
    def passed(self) -> bool:
        """Whether the value meets its target."""
        return self._meets(self.target)

    @property
    def failed(self) -> bool:
        """Whether the value misses what it could meet."""
        return not self.passed and not (self.excuse and self._meets(self.bound))

    def _meets(self, wanted: str) -> bool:
        if not wanted:
            return True
        kind, _, bound = wanted.partition(" ")
        return self.value <= float(bound) if kind == "<=" else self.value >= float(bound)

    def as_json(self) -> dict[str, Any]:
        """Return the figure as it stands in bench.json."""
        return {
            "name": self.name,
            "value": self.value,
            "target": self.target,
            "passed": self.passed,
            "note": self.note,
            "excuse": self.excuse,
        }


@dataclass(frozen=True, slots=True)
class Run:
    """How large a run is, and on which engines.

    `seconds` is how long the paced figures take, 60 in full; every count shrinks with it. An engine is a function
    that gives the URL of a new, empty database; `servers` are those of them that are one. `events` is how many the
    larger of two installations holds.
    """

    seconds: float
    engines: Mapping[str, Callable[[], str]]
    servers: Mapping[str, Server] = field(default_factory=dict)
    events: int = 50_000

    def count(self, full: int, least: int) -> int:
        """Return a number of things for this run, `full` at 60 seconds."""
        return max(int(full * min(self.seconds / 60, 1.0)), least)
