"""One of the files that a report of many requests is cut into."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of how many a file is, how many requests it has, and when (UTC) the first and last were received."""

    number: int
    of: int
    requests: int
    first_received_at: datetime
    last_received_at: datetime
