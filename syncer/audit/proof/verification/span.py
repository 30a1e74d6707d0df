"""The entries of a span of time: that none of them is missing or altered, and which requests they received."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from syncer.audit.chain import ZERO, Verdict, digest, verify
from syncer.audit.ledger import Ledger
from syncer.audit.proof.verification.passage import SLICE, BadChain
from syncer.clock import stamp

#: from when to when (UTC), open where a side is None; the second is not in it
Span = tuple[datetime | None, datetime | None]
#: clocks are set back, and a request is taken after it was received
BEFORE, BEHIND = timedelta(days=1), timedelta(days=7)
RECEIVED = "event:received"


def received(ledger: Ledger, connection: sa.Connection, span: Span, last: int) -> Iterator[str]:
    """Yield the ids of the events that the log received in a span, of its first `last` entries.

    Raises BadChain where one of the entries written then is missing or was altered.
    """
    since, until = span
    first = 1 if since is None else _first_at(ledger, connection, stamp(since - BEFORE), last)
    end = last if until is None else _first_at(ledger, connection, stamp(until + BEHIND), last) - 1
    reached = first - 1, _mac_of(ledger, connection, first - 1)
    while reached[0] < end:
        part = ledger.part(connection, reached[0], SLICE, end)
        verdict = verify(part, ledger.key_of, None, reached)
        if not verdict.ok or not part:
            raise BadChain(verdict if part else _missing(reached[0] + 1))
        yield from (row[3] for row in part if row[2] == RECEIVED and isinstance(row[3], str))
        reached = verdict.entries, verdict.mac


def _first_at(ledger: Ledger, connection: sa.Connection, at: str, last: int) -> int:
    """Return the number of the first entry written at a time or later; one more than `last` for none."""
    low, high = 1, last + 1
    while low < high:
        middle = (low + high) // 2
        row = _entry(ledger, connection, middle)
        low, high = (middle + 1, high) if str(row[1]) < at else (low, middle)
    return low


def _entry(ledger: Ledger, connection: sa.Connection, seq: int) -> Any:
    """Return an entry, once it is held against its mac: its time decides where the span begins."""
    row = next(iter(ledger.part(connection, seq - 1, 1, seq)), None)
    if row is None:
        raise BadChain(_missing(seq))
    verdict = verify([row], ledger.key_of, None, (seq - 1, _mac_of(ledger, connection, seq - 1)))
    if not verdict.ok:
        raise BadChain(verdict)
    return row


def _mac_of(ledger: Ledger, connection: sa.Connection, seq: int) -> bytes:
    if seq == 0:
        return ZERO
    row = next(iter(ledger.part(connection, seq - 1, 1, seq)), None)
    mac = None if row is None else digest(row[7])
    if mac is None:
        raise BadChain(_missing(seq))
    return mac


def _missing(seq: int) -> Verdict:
    return Verdict(False, seq - 1, seq, f"entry {seq} is missing")
