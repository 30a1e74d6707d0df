"""Who asks: invented people, and what they ask for, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

FIRST = (
    "lena",
    "jonas",
    "mia",
    "paul",
    "aylin",
    "emre",
    "sofie",
    "noah",
    "ines",
    "luca",
    "hanna",
    "felix",
    "zoe",
    "ada",
)
LAST = (
    "fischer",
    "weber",
    "yilmaz",
    "rossi",
    "dubois",
    "novak",
    "jansen",
    "keller",
    "lange",
    "silva",
    "moreau",
    "berg",
)
#: names that nobody can own (RFC 2606)
DOMAINS = ("mail.test", "post.test", "letters.test", "xn--bcher-kva.test")
#: source -> how often
SOURCES = {"wordpress": 6, "form": 3, "phone": 1}


@dataclass(frozen=True, slots=True)
class InventedRequest:
    """A request as its producer writes it; times UTC."""

    address: str
    right: str
    source: str
    ref: str
    received_at: datetime

    @property
    def row(self) -> dict[str, Any]:
        """The row of the queue."""
        times = {"received_at": self.received_at, "created_at": self.received_at}
        asked = {"event_key": f"{self.source} {self.ref}", "kind": self.right, "email": self.address}
        return asked | {"source": self.source, "source_ref": self.ref, **times}


class Crowd:
    """People who ask one after another."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self._number = 3400

    def ask(self, at: datetime, right: str | None = None, source: str | None = None) -> InventedRequest:
        """Return a request that comes a little before `at`, of somebody who did not ask before."""
        self._number += self.dice.randint(1, 3)
        chosen = source or self.dice.choices(list(SOURCES), list(SOURCES.values()))[0]
        wanted = right or self.dice.choices(("erasure", "objection"), (4, 1))[0]
        received = at - timedelta(minutes=self.dice.choice((1, 2, 3, 5, 8, 20, 45, 160)))
        ref = f"1:{self._number}" if chosen == "wordpress" else str(self._number)
        return InventedRequest(self.address(), wanted, chosen, ref, received)

    def today(self, at: datetime, most: int) -> Iterator[InventedRequest]:
        """Yield what a day brings: less at its weekend."""
        busy = most if at.weekday() < 5 else most // 2
        for _ in range(self.dice.randint(busy // 2, busy)):
            yield self.ask(at)

    def address(self) -> str:
        """Return an address that nobody had before."""
        name = f"{self.dice.choice(FIRST)}.{self.dice.choice(LAST)}{self._number}"
        return f"{name}@{self.dice.choice(DOMAINS)}"
