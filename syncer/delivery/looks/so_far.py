"""What one look for people who are back has found so far, and how far it came."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from adapters.contract import Seen
from adapters.errors import AdapterError, Transient
from syncer.delivery.looks.unfinished import Unfinished

#: contacts between two times that the place of a look is kept, so that one that broke off goes on from there
KEPT_EVERY = 10_000
#: people in a row who could not be read back before a look is given up: the destination itself is in trouble then
MOST_UNREAD = 20


@dataclass(slots=True)
class LookSoFar:
    """What a look has found so far; `code` is that of the first person who could not be read back.

    `after` is where the listing went on, None from its start.
    """

    began: datetime
    since: datetime
    whole: bool = False
    seen: int = 0
    incidents: list[tuple[str, bool]] = field(default_factory=list)
    code: str | None = None
    passed_over: int = 0
    after: str | None = None
    #: how far the look came, where that is not kept yet
    place: Unfinished | None = None
    _kept_at: int = 0

    def compared(self, batch: list[Seen]) -> None:
        """Note contacts that are through, and the last place among them: none behind who is to be read again."""
        for contact in batch:
            self.seen += 1
            if contact.after is not None and self.code is None:
                self.place = Unfinished(self.began, self.since, self.whole, self.seen, contact.after)

    @property
    def came_far(self) -> bool:
        """Say whether so many contacts are through that the place is worth keeping."""
        return self.place is not None and self.seen - self._kept_at >= KEPT_EVERY

    def kept(self) -> None:
        """Note that the place is kept."""
        self.place, self._kept_at = None, self.seen

    def read(self) -> None:
        """Note a person who was read back: the destination is not in trouble."""
        self.passed_over = 0

    def unread(self, error: AdapterError) -> None:
        """Note a person who could not be read back. Raises the error where others would meet it too."""
        self.code = self.code or error.code
        self.passed_over += 1
        if not isinstance(error, Transient) or error.cools_lane or self.passed_over >= MOST_UNREAD:
            raise error
