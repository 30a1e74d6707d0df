"""Opens the addresses of deliveries that are about to begin; where one does not open, nobody is called."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime

from adapters.errors import Permanent
from syncer.domain.model import Delivery, State
from syncer.domain.policy import Phase, judge
from syncer.errors import SealError
from syncer.events.mapping import Finished
from syncer.events.seals import Seals


def opened(
    seals: Seals, deliveries: Iterable[Delivery], now: datetime
) -> tuple[list[tuple[Delivery, str]], list[Finished]]:
    """Return what can begin, each with its address, and what is held instead: before an attempt is on record.

    Otherwise the log would say for good that somebody attempted what a changed row asked for. `now` is UTC.
    """
    begin: list[tuple[Delivery, str]] = []
    held: list[Finished] = []
    for delivery in deliveries:
        try:
            begin.append((delivery, _address(seals, delivery)))
        except Permanent as error:
            phase = Phase.CONFIRM if delivery.state is State.APPLIED else Phase.APPLY
            held.append(Finished(delivery, phase, error, judge(delivery, phase, error, now, random.uniform)))
    return begin, held


def _address(seals: Seals, delivery: Delivery) -> str:
    if delivery.email_sealed is None:
        raise Permanent("address_shredded", "the address is gone; bring it again with resync --file")
    try:
        return seals.open(delivery)
    except SealError as error:
        raise Permanent("unsealable", str(error)) from None
