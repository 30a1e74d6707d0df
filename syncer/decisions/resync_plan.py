"""What a resync will do, as a person sees it first, and which deliveries it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from syncer.domain.model import State
from syncer.errors import UserError
from syncer.language.texts import Sentence


@dataclass(frozen=True, slots=True)
class PlannedDelivery:
    """What a resync will do to one delivery; `deletes` says that a deletion starts over."""

    event: str
    destination: str
    from_: State
    to: State
    deletes: bool = False


@dataclass(frozen=True, slots=True)
class ResyncPlan:
    """What a resync will do. `digest` stands for exactly these deliveries and persons.

    `addresses` are brought again, by event id; `skipped` are lines for a person to read. `deletions` is how many of the
    deliveries are deletions that start over; where the guard would stop these, `to_release` names their events: then
    it counts all that their release lets begin, `elsewhere` those that are none of the deliveries, a person says that
    number, and applying the plan lets them pass.
    """

    digest: str
    deliveries: tuple[PlannedDelivery, ...]
    skipped: tuple[str, ...]
    addresses: Mapping[str, str] = field(repr=False)
    deletions: int = 0
    to_release: frozenset[str] = frozenset()
    elsewhere: int = 0

    @property
    def erased(self) -> int:
        """How many deletions start over or begin: the number that a person is to type who sees the plan as a page."""
        return self.elsewhere + sum(each.deletes for each in self.deliveries)

    def require_deletions(self, typed: int | None) -> None:
        """Raise UserError unless a person typed how many deletions start over, where that is asked for."""
        if not self.to_release and typed is None:
            return
        if typed is None:
            raise UserError(
                Sentence(
                    "{number} deletions would begin, more than the guard lets begin today; if that is meant, say so"
                    " with --deletions {number}",
                    "resync: ",
                    number=self.deletions,
                )
            )
        if typed != self.deletions:
            before = f"resync: --deletions {typed}: "
            raise UserError(Sentence("the plan has {number}; look at it again", before, number=self.deletions))


@dataclass(frozen=True, slots=True)
class Selection:
    """Which deliveries a resync is about: those that meet every condition given.

    `confirmed_since` is UTC. `addresses` are (event id or None, address) as a file brings them; None is matched by
    the pseudonym. `as_written`: a person vouches that addresses which look damaged are right. Never printed: it holds
    addresses.
    """

    events: tuple[str, ...] = ()
    destination: str | None = None
    held: bool = False
    confirmed_since: datetime | None = None
    addresses: tuple[tuple[str | None, str], ...] = field(default=(), repr=False)
    as_written: bool = False


class ResyncPlanChanged(UserError):
    """Raised when what a resync would do is not any more what a person saw."""
