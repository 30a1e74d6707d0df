"""What a lane has begun and not yet recorded, and so what of the claimed deliveries may begin next."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from syncer.domain.model import Delivery

#: deliveries that may be begun and not recorded beyond one for each sender: so a kill repeats at most that many
AHEAD = 20


class InFlight:
    """The deliveries in the hands of one lane's senders."""

    def __init__(self, senders: int) -> None:
        self._senders = senders
        self._subjects: dict[int, str | None] = {}
        self._pace = 0  # how many came back for the last commit

    def __len__(self) -> int:
        return len(self._subjects)

    @property
    def ids(self) -> tuple[int, ...]:
        """The deliveries' ids."""
        return tuple(self._subjects)

    @property
    def most(self) -> int:
        """How many may be under way at one time, and so begin at once."""
        return self._senders + AHEAD

    @property
    def enough(self) -> int:
        """How many results share a commit: nearly all that may be under way; the rest keeps some senders busy."""
        return min(AHEAD + 3 * self._senders // 4, len(self._subjects))

    def can_begin(self, claimed: Iterable[Delivery]) -> bool:
        """Say whether there is room for one more, and a person it may be for."""
        if self._free <= 0:
            return False
        busy = set(self._subjects.values())
        return any(delivery.subject is None or delivery.subject not in busy for delivery in claimed)

    def pick(self, claimed: deque[Delivery]) -> list[Delivery]:
        """Take what can begin now off `claimed`; two deliveries of one person never run side by side."""
        picked: list[Delivery] = []
        skipped: list[Delivery] = []
        busy = {who for who in self._subjects.values() if who}
        free = self._free
        while claimed and len(picked) < free:
            delivery = claimed.popleft()
            if delivery.subject in busy:
                skipped.append(delivery)
                continue
            picked.append(delivery)
            if delivery.subject:
                busy.add(delivery.subject)
        claimed.extendleft(reversed(skipped))
        return picked

    def begin(self, deliveries: Iterable[Delivery]) -> None:
        """Note that calls for them are made from now on."""
        for delivery in deliveries:
            self._subjects[delivery.id] = delivery.subject

    def came_back(self, deliveries: Iterable[Delivery]) -> None:
        """Note what came back for one commit."""
        ids = [delivery.id for delivery in deliveries]
        self._pace = len(ids)
        for number in ids:
            self._subjects.pop(number, None)

    def clear(self) -> None:
        """Forget all: what comes back now has no owner here."""
        self._subjects.clear()

    @property
    def _free(self) -> int:
        # as many more than there are senders as came back at once: so no sender idles during a commit, and nothing is
        # begun long before its call
        return min(2 * self._senders + self._pace, self.most) - len(self._subjects)
