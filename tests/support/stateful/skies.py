"""How each account answers: as somebody said last, until somebody says otherwise."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime

from adapters.contract import Action, Preview, Subject
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from tests.simulation.adapter import SimulatedAdapter, Visit
from tests.simulation.weather import DAY, Trouble, Weather
from tests.simulation.world import REACHED

FAIR = "fair"
#: what every step meets
AT_EVERY_STEP: dict[str, Callable[[], Exception]] = {
    "down": lambda: Transient("unavailable", "HTTP 502"),
    "unreachable": lambda: Transient("unreachable", "connection refused"),
    "throttled": lambda: Transient("rate_limited", "HTTP 429", retry_after=600.0, cools_lane=True),
    "revoked": lambda: Misconfigured("unauthorized", "the key is not accepted"),
    "forbidden": lambda: Permanent("forbidden", "HTTP 403"),
    "unreadable": lambda: Transient("unreadable", "HTTP 200 with half a body"),
    "bug": lambda: RuntimeError("a bug in an adapter"),
}
#: what a step meets that would change something: whether it was obeyed, and what is answered
AT_A_CHANGE: dict[str, tuple[bool, Callable[[], Exception] | None]] = {
    "cut_after": (True, lambda: Transient("cut_off", "connection cut")),
    "lied": (False, None),
    "late": (False, None),
    "blocked": (False, lambda: Transient("delete_blocked", "HTTP 403; mail is stopped", retry_after=DAY)),
}
#: what only a read-back meets
BLIND = "blind"
#: what an attempt meets after which it is made again
FAILING = ("down", "unreadable", "bug", "cut_after", "lied")
KINDS = (FAIR, *AT_EVERY_STEP, *AT_A_CHANGE, BLIND)


class Skies(Weather):
    """The weather at each account."""

    def __init__(self) -> None:
        super().__init__(random.Random(0), 0.0)
        self.at: dict[str, str] = {}

    def clear_up(self) -> None:
        """No trouble from now on."""
        self.at.clear()

    def latency(self, account: str, now: datetime) -> float:
        """Answer at once: time passes between two steps alone."""
        return 0.0

    def strike(self, account: str, verb: str, effect: str, now: datetime) -> Trouble | None:
        """Say what goes wrong with a step, if anything does."""
        kind = self.at.get(account, FAIR)
        if kind in AT_EVERY_STEP:
            return Trouble(kind, False, AT_EVERY_STEP[kind])
        if kind in AT_A_CHANGE and effect:
            return Trouble(kind, *AT_A_CHANGE[kind])
        if kind == BLIND and verb == "confirm":
            return Trouble(kind, False, AT_EVERY_STEP["down"])
        return None


class Provider(SimulatedAdapter):
    """A destination of the simulated world that can be on trial, too."""

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        """Find the person, and say what an apply would do."""
        visit = Visit(self, action, "preview", subject)
        try:
            found = [record for scope in self.account.scopes for record in self._find(visit, scope)]
        except AdapterError as error:
            error.steps = tuple(visit.steps)
            raise
        newer = any(each.status in REACHED and each.opt_in and each.opt_in > received_at for each in found)
        return Preview(
            tuple(f"{each.scope}: {each.status}" for each in found), (), "newer_consent" if newer else None,
            tuple(visit.steps),
        )  # fmt: skip
