"""Adapters of recipients that nobody can read: they remember what they were asked, as far as they were told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, ClassVar

from adapters.contract import (
    Action,
    Adapter,
    Check,
    Evidence,
    Inapplicable,
    Limits,
    Outcome,
    Preview,
    Receipt,
    Remaining,
    Seen,
    SettingsError,
    Stays,
    Step,
    Subject,
    nameless,
)
from adapters.errors import Transient

#: the day by which they say to be through, and the one by which their data is gone by itself
THROUGH, LAPSES = date(2027, 1, 20), date(2027, 12, 28)
TOOK = Step("property", "POST /orders", 200, "taken", 3)
ASKED = Step("property", "GET /orders/{order}", 200, "processed", 3)
CHANGED = "a listing that nobody may ask for"


@dataclass
class Machine:
    """The recipient's own side: whose orders it took, and whether it is through with them."""

    orders: list[str] = field(default_factory=list)
    through: bool = True
    #: the verbs that were called, in order
    calls: list[str] = field(default_factory=list)
    #: whether it is known by what it could find a person
    knows_how: bool = False
    outcome: Outcome = Outcome.DONE


class Unread(Adapter):
    """Takes orders, and says no more."""

    name: ClassVar[str] = "taking"
    title: ClassVar[str] = "Unread Analytics"
    actions: ClassVar[frozenset[Action]] = frozenset({Action.DELETE, Action.UNSUBSCRIBE})
    evidence: ClassVar[Evidence] = Evidence.ACCEPTED
    options: ClassVar[Mapping[str, str]] = {"base_url": "where it is"}
    remains: ClassVar[Mapping[Action, tuple[Remaining, ...]]] = {
        action: (Remaining("Nobody can see what it keeps.", Stays.OUT_OF_REACH),) for action in actions
    }
    #: base_url -> what is there
    machines: ClassVar[dict[str, Machine]] = {}

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Adapter:
        if options.get("base_url") not in cls.machines:
            raise SettingsError("base_url", "there is nothing")
        return cls(cls.machines[options["base_url"]])

    @property
    def limits(self) -> Limits:
        return Limits(1)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        self.machine.calls.append("apply")
        return self._apply(subject.ref)

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        self.machine.calls.append("confirm")
        return self._confirm(subject.ref)

    def _apply(self, ref: str) -> Receipt:
        self.machine.orders.append(ref)
        return Receipt(Outcome.ACCEPTED, (TOOK,), settles_on=THROUGH)

    def _confirm(self, ref: str) -> Receipt:
        raise Transient("not_yet", "nobody can look", steps=(ASKED,))

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        return Preview((), ("POST /orders",))

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        self.machine.calls.append("changed")
        raise AssertionError(CHANGED)

    def opted_in(self, subject: Subject) -> datetime | None:
        return None

    def ping(self) -> None:
        pass

    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        return []

    def close(self) -> None:
        pass


class Processing(Unread):
    """Takes orders, and says later that it processed them."""

    name: ClassVar[str] = "processing"
    evidence: ClassVar[Evidence] = Evidence.PROCESSED

    def _apply(self, ref: str) -> Receipt:
        if ref not in self.machine.orders:
            self.machine.orders.append(ref)
        return Receipt(Outcome.DONE, (TOOK,))

    def _confirm(self, ref: str) -> Receipt:
        if not self.machine.through or ref not in self.machine.orders:
            raise Transient("not_yet", "the order is in its queue", steps=(ASKED,))
        return Receipt(Outcome.ACCEPTED, (ASKED,), settles_on=THROUGH)


class Unasked(Unread):
    """Can be asked only where it is known by what it would find the person."""

    name: ClassVar[str] = "unasked"

    def _apply(self, ref: str) -> Receipt:
        if self.machine.knows_how:
            return super()._apply(ref)
        return Receipt(Outcome.NOT_APPLICABLE, (), reason=Inapplicable.NO_IDENTIFIER, lapses_on=LAPSES)


class Lying(Unread):
    """Claims at once what it cannot have seen."""

    name: ClassVar[str] = "lying"

    def _apply(self, ref: str) -> Receipt:
        self.machine.orders.append(ref)
        return Receipt(self.machine.outcome, (TOOK,))


class LyingLater(Processing):
    """Claims so when it is asked what became of an order."""

    name: ClassVar[str] = "lying_later"

    def _confirm(self, ref: str) -> Receipt:
        reason = Inapplicable.NO_IDENTIFIER if self.machine.outcome is Outcome.NOT_APPLICABLE else None
        return Receipt(self.machine.outcome, (ASKED,), reason=reason)


KINDS: tuple[type[Unread], ...] = (Unread, Processing, Unasked, Lying, LyingLater)
