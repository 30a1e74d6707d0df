"""One write transaction and the entries that it leaves in the audit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from syncer.audit.ledger import Pending


@dataclass(slots=True)
class Transaction:
    """A write transaction: its connection, its one moment (UTC), and the audit entries it will leave."""

    connection: sa.Connection
    now: datetime
    audit: Pending


Clock = Callable[[], datetime]
