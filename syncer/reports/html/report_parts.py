"""What a report is made of: pages of its register, cells, proofs, exceptions, and how each recipient stands. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from syncer.audit.ledger import Stamp
from syncer.reports.evidence import Exemption
from syncer.reports.html.unseen import Passed
from syncer.reports.views import LaneView


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the events, received in one month, by their places; `name` is unique in the report and an anchor."""

    name: str
    title: str
    places: Sequence[int]


@dataclass(frozen=True, slots=True)
class Cell:
    """What the log says of a delivery, as far as its cell shows it.

    `proof` and `confirmed_seq` are the numbers of its proof and of the entry that confirmed it. `last_attempt_at` is
    the log's own stamp, `before` what had been done before somebody closed it by decision, `would_have` what would have
    happened where nothing is carried out. `passed` is how it was passed on, `by_word` who says what the recipient
    answered, where that is how it was closed.
    """

    proof: int | None
    confirmed_seq: int | None
    last_attempt_at: Stamp | None
    before: str
    would_have: str
    passed: Passed | None
    by_word: str


@dataclass(frozen=True, slots=True)
class Registered:
    """A request in the register: its place, counted from 0, how a link to it is called, and when it was first tried.

    `tried` is the log's own stamp; where it has none, `untried` is what is said instead. `cells` are those of its
    deliveries, in their order.
    """

    place: int
    id: str
    case: int | None
    received_at: datetime
    tried: Stamp | None
    untried: str
    cells: tuple[Cell, ...]

    @property
    def number(self) -> int:
        """Its number in this report, which anchors are made of."""
        return self.place + 1


@dataclass(frozen=True, slots=True)
class Proof:
    """One way in which deliveries were read back; many share it. `number` is how rows refer to it."""

    number: int
    recipient: str
    action: str
    outcome: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Excepted:
    """A delivery that a person excepted, and what had been done before."""

    event: str
    destination: str
    code: str | None
    decided: Exemption | None
    before: str


@dataclass(frozen=True, slots=True)
class Extended:
    """A request whose period was extended."""

    event: str
    at: datetime
    informed_on: date | None
    due_on: date


@dataclass(frozen=True, slots=True)
class Works:
    """Whether a recipient works: `kind` is how it is marked, `word` says it, `why` what is the matter or ""."""

    kind: str
    word: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How a recipient stands over all time, with what this report shows of it: last confirmation and median wait."""

    name: str
    destination: str
    lane: LaneView
    works: Works
    last: datetime | None
    median: str
