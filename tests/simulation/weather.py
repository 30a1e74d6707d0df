"""How an account behaves at a moment: its bad days by the calendar, and its bad luck by the dice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from adapters.errors import AdapterError, Misconfigured, Permanent, Transient

DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Window:
    """A bad time of one account. Times UTC."""

    kind: str  # outage, revoked, slow, allowance
    account: str
    start: datetime
    end: datetime

    def covers(self, account: str, now: datetime) -> bool:
        """Say whether it is that time there."""
        return self.account == account and self.start <= now < self.end


@dataclass(frozen=True, slots=True)
class Trouble:
    """What goes wrong with one step: whether the provider obeyed all the same, and what is answered."""

    name: str
    obeyed: bool
    error: Callable[[], Exception] | None
    seconds: float = 0.0


@dataclass(slots=True)
class Weather:
    """The bad days and the bad luck of all accounts; `level` is the chance that a step fails."""

    dice: random.Random
    level: float
    windows: tuple[Window, ...] = ()
    struck: Counter[str] = field(default_factory=Counter)
    #: account -> until when it refuses (UTC) and since when, as its last Retry-After said
    throttled: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)

    def clear_up(self) -> None:
        """No trouble from now on."""
        self.level, self.windows = 0.0, ()

    def latency(self, account: str, now: datetime) -> float:
        """Return the seconds a step takes."""
        if any(window.kind == "slow" and window.covers(account, now) for window in self.windows):
            return self.dice.uniform(4.0, 25.0)
        return self.dice.uniform(0.05, 0.4)

    def strike(self, account: str, verb: str, effect: str, now: datetime) -> Trouble | None:
        """Say what goes wrong with a step, if anything does. `effect` is what it would change, or ""."""
        trouble = self._by_calendar(account, verb, effect, now)
        if trouble is None and self.dice.random() < self.level:
            trouble = self._by_luck(verb, effect)
        if trouble is not None:
            self.struck[trouble.name] += 1
        return trouble

    def _by_calendar(self, account: str, verb: str, effect: str, now: datetime) -> Trouble | None:
        for window in self.windows:
            if not window.covers(account, now):
                continue
            if window.kind == "revoked":
                return Trouble("revoked", False, lambda: Misconfigured("unauthorized", "the key is not accepted"))
            if window.kind == "outage":
                return self._outage()
            if window.kind == "allowance" and effect == "deleted":
                return Trouble(
                    "allowance",
                    False,
                    lambda: Transient("delete_blocked", "HTTP 403; mail is stopped", retry_after=DAY),
                )
        return None

    def _outage(self) -> Trouble:
        wait = self.dice.choice((None, 600.0, 3600.0, 6 * 3600.0))
        how = self.dice.randrange(3)
        if how == 0:
            return Trouble("unreachable", False, lambda: Transient("unreachable", "connection refused"))
        if how == 1:
            return Trouble("error_502", False, lambda: Transient("unavailable", "HTTP 502", retry_after=wait))
        return Trouble(
            "maintenance", False, lambda: Transient("unavailable", "HTTP 503", retry_after=wait, cools_lane=True)
        )

    def _by_luck(self, verb: str, effect: str) -> Trouble:
        troubles: list[tuple[str, int, bool, Callable[[], Exception] | None, float]] = [
            ("refused", 6, False, lambda: Transient("unreachable", "connection refused"), 0.0),
            ("cut_before", 6, False, lambda: Transient("cut_off", "connection cut"), 1.0),
            ("cut_after", 10, True, lambda: Transient("cut_off", "connection cut"), 1.0),
            ("timed_out", 6, True, lambda: Transient("timed_out", "no answer within the deadline"), 30.0),
            ("unreadable", 5, True, lambda: Transient("unreadable", "HTTP 200 with half a body"), 0.0),
            ("error_500", 6, False, lambda: Transient("unavailable", "HTTP 500"), 0.0),
            ("conflict", 3, False, lambda: Transient("conflict", "HTTP 409"), 0.0),
            ("throttled", 5, False, self._throttle(), 0.0),
            ("bug", 2, self.dice.random() < 0.5, lambda: RuntimeError("a bug in an adapter"), 0.0),
        ]
        if verb == "ping":
            pass
        elif effect:
            troubles += [
                ("rejected", 1, False, lambda: Permanent("rejected", "HTTP 400"), 0.0),
                ("lied", 8, False, None, 0.0),
                ("late", 6, False, None, 0.0),
            ]
        else:
            troubles.append(("filter_ignored", 1, False, lambda: Permanent("filter_ignored", "other people"), 0.0))
        (name, _, obeyed, error, seconds) = self.dice.choices(troubles, [trouble[1] for trouble in troubles])[0]
        return Trouble(name, obeyed, error, seconds)

    def _throttle(self) -> Callable[[], AdapterError]:
        wait = self.dice.choice((None, 1.0, 30.0, 600.0, 7200.0))
        return lambda: Transient("rate_limited", "HTTP 429", retry_after=wait, cools_lane=True)
