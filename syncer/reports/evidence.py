"""What the log says of each delivery: tries, steps, read-back, decisions; read once for a report or a person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from syncer.audit.ledger import Facts, LogEntry, Stamp
from syncer.reports.views import DeliveryView, EventView, delivery_values, event_values

#: an attempt says nothing that its place and time do not say, nor does somebody's return
ATTEMPTED, REAPPEARED = "delivery:attempted", "delivery:reappeared"
#: what is read with its body
TOLD = (
    "delivery:applied", "delivery:confirmed", "delivery:held", "delivery:exempt", "delivery:previewed",
    "delivery:accepted", "delivery:attested", "delivery:not_applicable",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class StepView:
    """One call to a provider, as the log keeps it; see `adapters.contract.Step`."""

    call: str
    ms: int
    request_id: str | None = field(metadata={"unset": ""})
    scope: str
    state: str = field(metadata={"unset": ""})
    status: int | None


# -- what the log says, each in one kind of entry; moments are the log's own words ---------------------------


@dataclass(frozen=True, slots=True)
class Attempts:
    """When it was tried first and last."""

    first_attempt_at: Stamp
    last_attempt_at: Stamp


@dataclass(frozen=True, slots=True)
class CarriedOut:
    """The calls of the last time that it was carried out."""

    carried_out: tuple[StepView, ...]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """When it was first confirmed, and how and in which entry the last time."""

    first_confirmed_at: Stamp
    read_back: tuple[StepView, ...]
    notes: tuple[str, ...]
    confirmed_seq: int


@dataclass(frozen=True, slots=True)
class Hold:
    """When it was held the last time, with the provider's own reason."""

    held_at: Stamp
    detail: str | None


@dataclass(frozen=True, slots=True)
class Exemption:
    """Who exempted it by decision, when and why."""

    reason: str | None
    decided_by: str | None
    decided_at: Stamp


@dataclass(frozen=True, slots=True)
class Acceptance:
    """When the recipient took the order the last time, by which calls, and which entry says so."""

    accepted_at: Stamp
    order: tuple[StepView, ...]
    accepted_seq: int


@dataclass(frozen=True, slots=True)
class Attestation:
    """What a person says the recipient answered, and when; `evidence_sha256` is of a file that was not kept here."""

    attested_at: Stamp
    attested_by: str | None
    answered_on: str | None
    attested_reason: str | None
    evidence_sha256: str | None


@dataclass(frozen=True, slots=True)
class NotAsked:
    """When it was found that the recipient cannot be asked."""

    not_applicable_at: Stamp


@dataclass(frozen=True, slots=True)
class Returns:
    """How often the person was found again."""

    reappeared: int


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What would have happened, as it was seen the last time: nothing of it was done. See `adapters.contract.Preview`.

    `would_be_held_for` is the code for which it would have been held, None where it would have gone through.
    """

    previewed_at: Stamp
    found: tuple[str, ...]
    would: tuple[str, ...]
    would_be_held_for: str | None


Said = (
    Attempts | CarriedOut | Confirmation | Hold | Exemption | Returns | Foreseen | Acceptance | Attestation | NotAsked
)
_S = TypeVar(
    "_S", Attempts, CarriedOut, Confirmation, Hold, Exemption, Returns, Foreseen, Acceptance, Attestation, NotAsked
)


@dataclass(frozen=True, slots=True)
class DeliveryEvidence:
    """What the log says of a delivery, in the order in which it first said it; `audit_seq` are all its entries."""

    audit_seq: tuple[int, ...] = ()
    said: tuple[Said, ...] = field(default=(), metadata={"flat": True})

    @property
    def attempts(self) -> Attempts | None:
        """When it was tried; None for never."""
        return self._said(Attempts)

    @property
    def carried_out(self) -> tuple[StepView, ...]:
        """The calls that carried it out."""
        said = self._said(CarriedOut)
        return said.carried_out if said else ()

    @property
    def confirmation(self) -> Confirmation | None:
        """How it was read back; None for never."""
        return self._said(Confirmation)

    @property
    def read_back(self) -> tuple[StepView, ...]:
        """The calls that read it back."""
        said = self._said(Confirmation)
        return said.read_back if said else ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the adapter noted when it read it back."""
        said = self._said(Confirmation)
        return said.notes if said else ()

    @property
    def exemption(self) -> Exemption | None:
        """By whom and why it was exempted; None where it was not."""
        return self._said(Exemption)

    @property
    def acceptance(self) -> Acceptance | None:
        """When and how the recipient took the order; None for never."""
        return self._said(Acceptance)

    @property
    def order(self) -> tuple[StepView, ...]:
        """The calls by which it was passed on to a recipient that lets nobody look, and by which it was asked after.

        Where the recipient says later that it is through, the order itself is what carried it out, as far as is known.
        """
        said = self._said(Acceptance)
        if said is None:
            return ()
        return said.order if self.confirmation else (*self.carried_out, *said.order)

    @property
    def attestation(self) -> Attestation | None:
        """What a person says of it; None where nobody did."""
        return self._said(Attestation)

    @property
    def not_asked(self) -> NotAsked | None:
        """When it was found that the recipient cannot be asked; None where it can."""
        return self._said(NotAsked)

    @property
    def foreseen(self) -> Foreseen | None:
        """What would have happened; None where nobody looked."""
        return self._said(Foreseen)

    def _said(self, kind: type[_S]) -> _S | None:
        for item in self.said:
            if type(item) is kind:
                return item
        return None


@dataclass(frozen=True, slots=True)
class ReportedDelivery(DeliveryView):
    """A delivery with its evidence."""

    evidence: DeliveryEvidence = field(metadata={"flat": True})


@dataclass(frozen=True, slots=True)
class ReportedEvent(EventView):
    """An event whose deliveries have their evidence."""

    deliveries: tuple[ReportedDelivery, ...]


@dataclass(frozen=True, slots=True)
class Reappearance:
    """A person who was found again; `at` as the log has it."""

    seq: int
    at: Stamp
    event: str | None
    destination: str | None


# -- reading it ---------------------------------------------------------------------------------------------


class LoggedEvidence:
    """The evidence that entries of the log hold; each kind in its own order. What is not evidence is passed over."""

    def __init__(self, entries: Iterable[LogEntry]) -> None:
        self._noted: dict[tuple[str | None, str | None], _Noted] = {}
        for entry in entries:
            if entry.what not in _MAKERS:
                continue
            noted = self._noted.get((entry.event, entry.destination))
            if noted is None:
                noted = self._noted[entry.event, entry.destination] = _Noted()
            noted.add(entry)

    def of_delivery(self, event_id: str, destination: str) -> DeliveryEvidence:
        """Return the evidence of one delivery; empty where the log says nothing of it."""
        noted = self._noted.get((event_id, destination))
        if noted is None:
            return DeliveryEvidence()
        # made only now: of what was said several times, such as by rechecks, most is never shown
        said = tuple(_MAKERS[what](told) for what, told in noted.told.items())
        return DeliveryEvidence(tuple(sorted(noted.seqs)), said)

    def reported(self, event: EventView) -> ReportedEvent:
        """Return an event with the evidence of its deliveries."""
        told = tuple(
            ReportedDelivery(**delivery_values(delivery), evidence=self.of_delivery(event.id, delivery.destination))
            for delivery in event.deliveries
        )
        return ReportedEvent(**event_values(event), deliveries=told)


def steps(facts: Facts | None) -> tuple[StepView, ...]:
    """Return the calls that an entry holds."""
    return tuple(
        StepView(
            step["call"],
            step["ms"],
            step.get("request_id", ""),
            step["scope"],
            step.get("state", ""),
            step.get("status"),
        )
        for step in (facts or {}).get("steps", ())
    )


@dataclass(slots=True)
class _Told:
    """Entries of one kind about a delivery: when the first was written, the last of them, and how many there are."""

    first_at: Stamp
    last: LogEntry
    times: int = 1

    @property
    def facts(self) -> Facts:
        return self.last.facts or {}


@dataclass(slots=True)
class _Noted:
    """What was read of a delivery: by kind of entry, in the order in which each came first."""

    seqs: list[int] = field(default_factory=list)
    told: dict[str, _Told] = field(default_factory=dict)

    def add(self, entry: LogEntry) -> None:
        self.seqs.append(entry.seq)
        told = self.told.get(entry.what)
        if told is None:
            self.told[entry.what] = _Told(entry.at, entry)
        else:
            told.last = entry
            told.times += 1


def _attempts(told: _Told) -> Attempts:
    return Attempts(told.first_at, told.last.at)


def _carried_out(told: _Told) -> CarriedOut:
    return CarriedOut(steps(told.facts))


def _confirmation(told: _Told) -> Confirmation:
    # a recheck confirms again: how long it took is what the first one says
    return Confirmation(told.first_at, steps(told.facts), tuple(told.facts.get("notes", ())), told.last.seq)


def _hold(told: _Told) -> Hold:
    return Hold(told.last.at, told.facts.get("detail"))


def _exemption(told: _Told) -> Exemption:
    return Exemption(told.facts.get("reason"), (told.last.actor or {}).get("user"), told.last.at)


def _acceptance(told: _Told) -> Acceptance:
    return Acceptance(told.last.at, steps(told.facts), told.last.seq)


def _attestation(told: _Told) -> Attestation:
    facts, actor = told.facts, told.last.actor or {}
    return Attestation(
        told.last.at, actor.get("user"), facts.get("on"), facts.get("reason"), facts.get("evidence_sha256")
    )


def _not_asked(told: _Told) -> NotAsked:
    return NotAsked(told.last.at)


def _returns(told: _Told) -> Returns:
    return Returns(told.times)


def _foreseen(told: _Told) -> Foreseen:
    facts = told.facts
    return Foreseen(told.last.at, tuple(facts.get("found", ())), tuple(facts.get("would", ())), facts.get("code"))


_MAKERS: dict[str, Callable[[_Told], Said]] = {
    ATTEMPTED: _attempts,
    "delivery:applied": _carried_out,
    "delivery:confirmed": _confirmation,
    "delivery:held": _hold,
    "delivery:exempt": _exemption,
    REAPPEARED: _returns,
    "delivery:previewed": _foreseen,
    "delivery:accepted": _acceptance,
    "delivery:attested": _attestation,
    "delivery:not_applicable": _not_asked,
}
