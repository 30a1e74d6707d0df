"""What a report shows of deliveries that nobody could read back: how they were passed on, and by whose word. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from adapters.contract import Action, Evidence
from syncer.audit.ledger import Stamp
from syncer.domain.codes import meaning
from syncer.domain.model import State
from syncer.reports.evidence import Attestation, ReportedDelivery
from syncer.reports.propagation import PropagationLog
from syncer.reports.views import EventView
from syncer.reports.wording.deliveries import answered_on
from syncer.reports.wording.sureness import Kind, closed_at, kind_of, shows
from syncer.reports.wording.words import action_word, step_line


@dataclass(frozen=True, slots=True)
class Order:
    """One way in which orders were passed on; many share it. `number` is how rows refer to it."""

    number: int
    recipient: str
    action: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passed:
    """How a delivery was passed on: when, in which entry, by which order, under the recipient's own request numbers.

    `order` is None where no calls are kept.
    """

    at: Stamp
    seq: int
    order: int | None
    requests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """A delivery that a person settled: what the recipient answered, on which day, and what the log says of that."""

    event: str
    destination: str
    action: str
    answer: str
    answered_on: date | None
    said: Attestation | None


@dataclass(frozen=True, slots=True)
class Sure:
    """How sure anybody can be of a recipient: the most that it can show, and how its deliveries were closed so far."""

    name: str
    destination: str
    evidence: Evidence | None
    shows: str
    closed: str


#: what orders are told apart by: recipient, action and calls
_OrderKey = tuple[str, Action | None, tuple[str, ...]]


class ClosedUnseen:
    """Gathers what nobody could read back from the deliveries of a report; `called` is what recipients are called."""

    def __init__(self, called: Mapping[str, str]) -> None:
        self._called = called
        self.settled: list[Settled] = []
        #: what closed deliveries there are: the legend explains no sign that stands nowhere
        self.kinds: set[Kind] = set()
        self._orders: dict[_OrderKey, Order] = {}
        self._passed: Counter[int] = Counter()

    def add(self, event: EventView, delivery: ReportedDelivery) -> None:
        """Look at a delivery."""
        if kind := kind_of(delivery):
            self.kinds.add(kind)
        if delivery.state is State.ATTESTED:
            word, answer = action_word(delivery.action) or "-", meaning(delivery.code)
            said = delivery.evidence.attestation
            self.settled.append(Settled(event.id, delivery.destination, word, answer, answered_on(said), said))

    def passed(self, delivery: ReportedDelivery) -> Passed | None:
        """Return how a delivery was passed on; None for any that was not closed by that."""
        said = delivery.evidence.acceptance
        if said is None or delivery.state is not State.ACCEPTED:
            return None
        requests = dict.fromkeys(step.request_id for step in delivery.evidence.order if step.request_id)
        return Passed(said.accepted_at, said.accepted_seq, self._order(delivery), tuple(requests))

    def _order(self, delivery: ReportedDelivery) -> int | None:
        # the recipient's own number of each order stands in its cell: by it the recipient can be asked about it
        steps = tuple(dict.fromkeys(step_line(step, brief=True, arrow="→") for step in delivery.evidence.order))
        if not steps:
            return None
        key = (delivery.destination, delivery.action, steps)
        if key not in self._orders:
            number, name = len(self._orders) + 1, self._called[delivery.destination]
            self._orders[key] = Order(number, name, action_word(delivery.action) or "-", steps)
        number = self._orders[key].number
        self._passed[number] += 1
        return number

    def orders(self) -> list[tuple[Order, int]]:
        """Return every way of passing on with how many deliveries it stands for."""
        return [(order, self._passed[order.number]) for order in self._orders.values()]


def how_sure(log: PropagationLog, called: Mapping[str, str]) -> Iterator[Sure]:
    """Yield of each recipient how sure anybody can be of it; what was closed counts over all time."""
    for name, lane in log.destinations.items():
        evidence = log.recipients[name].evidence
        yield Sure(called[name], name, evidence, shows(evidence), closed_at(lane))
