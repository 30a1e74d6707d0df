"""The requests of a report, gone through as often as somebody asks and never all at once in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

from syncer.reports.views import EventView

E_co = TypeVar("E_co", bound=EventView, covariant=True)


class Register(Iterable[E_co], Protocol[E_co]):
    """Requests by id. Each way through them begins anew; their places are counted from 0."""

    def __len__(self) -> int:
        """Return how many there are."""

    def views(self, places: Iterable[int] | None = None) -> Iterator[EventView]:
        """Yield them, or those at these places, without what only the log knows of deliveries: that costs the most."""
