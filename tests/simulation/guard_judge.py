"""The judge of the guard: how many deletions begin within a day, and whether a person released the others."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.simulation.history import Case, Entry
from tests.simulation.invariants import Invariant
from tests.simulation.scenario import FLOOD

if TYPE_CHECKING:
    from tests.simulation.run import Run

#: a day, less what the clocks of two hosts differ by here
DAY = timedelta(hours=22)


class NeverMoreThanTheGuardAllows(Invariant):
    """I13: within a day no more deletions begin at a destination than the limit, and what a person released."""

    name = "I13"

    def __init__(self, run: Run) -> None:
        super().__init__(run)
        self._counted: dict[str, dict[str, datetime]] = defaultdict(dict)  # destination -> event -> when it began
        self._released: set[str] = set()
        self._begun: set[tuple[str, str]] = set()

    def on_entry(self, entry: Entry) -> None:
        """Count what begins, and hear what is released and what starts over."""
        case, where = entry.case, entry.destination or ""
        if not self.run.scenario.guard or case is None:
            return
        if entry.what == "guard:released":
            self._released.add(case.id)
            for begun in self._counted.values():
                begun.pop(case.id, None)
        elif entry.what == "delivery:reappeared":
            self._released.discard(case.id)
            self._begun.discard((case.id, where))
            self._counted[where].pop(case.id, None)
        elif entry.what == "delivery:reopened" and entry.facts["to"] == "pending":
            self._begun.discard((case.id, where))
        elif entry.what == "delivery:attempted" and entry.facts["action"] == "delete":
            self._begins(case, where, counted=bool(entry.facts.get("first")))

    def _begins(self, case: Case, where: str, *, counted: bool) -> None:
        if case.key.startswith(FLOOD):
            self.broken(f"{case.key} began, which is of a flood")
        if counted:
            now = self.run.timeline.now
            self._counted[where][case.id] = now
            recent = sum(when > now - DAY for when in self._counted[where].values())
            if recent > self.run.scenario.guard:
                self.broken(f"{recent} deletions began at {where} within a day")
        elif (case.id, where) not in self._begun and case.id not in self._released:
            self.broken(f"{case.key} began at {where} uncounted, and nobody released it")
        self._begun.add((case.id, where))
