"""Opens the addresses of deliveries that are about to begin; where one does not open, nobody is called."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime

from adapters.errors import Permanent
from syncer.delivery.senders import Work
from syncer.domain.model import Delivery, State
from syncer.domain.policy import Phase, judge
from syncer.errors import SealError
from syncer.events.mapping import Finished
from syncer.events.seals import Seals


def opened(seals: Seals, deliveries: Iterable[Delivery], now: datetime) -> tuple[list[Work], list[Finished]]:
    """Return what can begin, and what is held instead: before an attempt is on record. `now` is UTC.

    Otherwise the log would say for good that somebody attempted what a changed row asked for.
    """
    works: list[Work] = []
    held: list[Finished] = []
    for delivery in deliveries:
        phase = Phase.CONFIRM if delivery.state is State.APPLIED else Phase.APPLY
        try:
            works.append(Work(delivery, phase, _address(seals, delivery)))
        except Permanent as error:
            held.append(Finished(delivery, phase, error, judge(delivery, phase, error, now, random.uniform)))
    return works, held


def _address(seals: Seals, delivery: Delivery) -> str:
    if delivery.email_sealed is None:
        raise Permanent("address_shredded", "the address is gone; bring it again with resync --file")
    try:
        return seals.open(delivery)
    except SealError as error:
        raise Permanent("unsealable", str(error)) from None
