"""The SQL of lanes: who owns one, for how long, and whether it is paused or cooling."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.database.engines import reading, utc_in, utc_now
from syncer.database.failures import repeated
from syncer.database.tables import Tables
from syncer.domain.model import Lease
from syncer.events.mapping import Tx
from syncer.events.store import Store

LEASE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class LaneRow:
    """What the database says of a lane. Times UTC."""

    destination: str
    owner: str | None
    fence: int
    taken_at: datetime | None
    lease_until: datetime | None
    paused: bool
    paused_by: str | None
    reason: str | None
    probe_at: datetime | None
    cool_until: datetime | None
    strikes: int


def boot_id() -> str:
    """Return the kernel's id of this boot, or "" where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def started_ticks(pid: int) -> str | None:
    """Return when a process of this host started (clock ticks since boot), "" when it ended, None when we may not see.

    Where other users' processes are hidden (hidepid, ProtectProc=), a missing entry proves nothing.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None if _exists(pid) else ""
    fields = stat.rpartition(")")[2].split()  # from field 3 on; the name before it may hold blanks
    if fields[0] in ("Z", "X"):
        return ""  # dead, and only not yet waited for by its parent
    return fields[19]


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # it is there, and another user's
    return True


def owner_name() -> str:
    """Return this process as an owner: host, boot id, pid and its start, so that a recycled pid is no one else."""
    pid = os.getpid()
    return f"{socket.gethostname()}|{boot_id()}|{pid}|{started_ticks(pid) or ''}"


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner's name taken apart; what it does not say is ""."""

    host: str
    boot: str
    pid: str
    start: str


def parse_owner(name: str) -> Owner:
    """Take an owner's name apart, whoever wrote it."""
    host, boot, pid, start, *_ = [*name.split("|"), "", "", "", ""]
    return Owner(host, boot, pid, start)


def is_dead(name: str) -> bool:
    """Say whether the owner was a process of this host that is certainly gone."""
    owner = parse_owner(name)
    if owner.host != socket.gethostname() or not owner.boot or not boot_id():
        return False
    if owner.boot != boot_id() or not owner.pid.isdigit():
        return True
    return started_ticks(int(owner.pid)) not in (None, owner.start)


class Leases:
    """The lane rows of one installation; a lease runs `seconds` by the database's clock."""

    def __init__(self, store: Store, tables: Tables, owner: str, seconds: int = LEASE_SECONDS) -> None:
        self._store = store
        self._lane = tables.lane
        self.owner = owner
        self.seconds = seconds
        #: seconds after which an owner prolongs its lease; two of them may be missed
        self.renew_seconds = seconds / 3

    @repeated
    def ensure(self, destinations: Sequence[str]) -> None:
        """Make sure that each destination has its row."""
        with self._store.write() as tx:
            there = set(tx.connection.execute(sa.select(self._lane.c.destination)).scalars())
            for name in destinations:
                if name not in there:
                    tx.connection.execute(
                        self._lane.insert().values(destination=name, fence=0, paused=False, strikes=0)
                    )

    def read(self) -> dict[str, LaneRow]:
        """Return all lanes by destination."""
        with reading(self._store.engine) as connection:
            return {row.destination: _lane_row(row) for row in connection.execute(sa.select(self._lane))}

    def get(self, destination: str) -> LaneRow | None:
        """Return one lane."""
        with reading(self._store.engine) as connection:
            row = connection.execute(sa.select(self._lane).where(self._lane.c.destination == destination)).first()
            return _lane_row(row) if row else None

    @repeated
    def acquire(self, destination: str) -> Lease | None:
        """Take the lane, or return None while somebody else owns it. A dead owner's lane is taken at once."""
        lane = self._lane
        with self._store.write() as tx:
            row = tx.connection.execute(
                sa.select(lane, (lane.c.lease_until > utc_now(tx.connection)).label("running"))
                .where(lane.c.destination == destination)
                .with_for_update()
            ).first()
            if row is None:
                return None
            if row.owner == self.owner and row.running:
                return Lease(destination, self.owner, row.fence)
            if row.owner and row.running and not is_dead(row.owner):
                return None
            fence = row.fence + 1
            tx.connection.execute(
                lane.update()
                .where(lane.c.destination == destination)
                .values(
                    owner=self.owner,
                    fence=fence,
                    taken_at=utc_now(tx.connection),
                    lease_until=self.end(tx.connection),
                )
            )
            facts = {"fence": fence, "after": "release" if not row.owner else "end of lease"}
            tx.audit.add("lane:taken", destination=destination, facts=facts)
            return Lease(destination, self.owner, fence)

    @repeated
    def renew(self, lease: Lease) -> bool:
        """Prolong the lease; False when the lane has another owner by now."""
        lane = self._lane
        with self._store.write() as tx:
            done = tx.connection.execute(
                lane.update()
                .where(lane.c.destination == lease.destination, lane.c.fence == lease.fence)
                .values(lease_until=self.end(tx.connection))
            )
            return done.rowcount == 1

    @repeated
    def release(self, lease: Lease) -> None:
        """Give the lane back, if it is still ours."""
        lane = self._lane
        with self._store.write() as tx:
            tx.connection.execute(
                lane.update()
                .where(lane.c.destination == lease.destination, lane.c.fence == lease.fence)
                .values(owner=None, taken_at=None, lease_until=None)
            )

    def end(self, connection: sa.Connection) -> sa.ColumnElement[Any]:
        """Return when a lease that begins now ends, by the database's clock, as an expression."""
        return utc_in(connection, self.seconds)

    # -- pause and cool-down --------------------------------------------------------------------------------

    def pause(self, tx: Tx, destination: str, by: str, reason: str, probe_at: datetime | None) -> None:
        """Stop the lane. `by` is `operator` or `syncer`; the latter probes itself again at `probe_at` (UTC)."""
        tx.connection.execute(
            self._lane.update()
            .where(self._lane.c.destination == destination)
            .values(paused=True, paused_by=by, reason=reason[:255], paused_at=tx.now, probe_at=probe_at)
        )
        tx.audit.add("lane:paused", destination=destination, facts={"by": by, "reason": reason})

    def resume(self, tx: Tx, destination: str, by: str, reason: str) -> None:
        """Start the lane again and end any cool-down."""
        tx.connection.execute(
            self._lane.update()
            .where(self._lane.c.destination == destination)
            .values(
                paused=False,
                paused_by=None,
                reason=None,
                paused_at=None,
                probe_at=None,
                cool_until=None,
                strikes=0,
            )
        )
        tx.audit.add("lane:resumed", destination=destination, facts={"by": by, "reason": reason})

    @repeated
    def probe_later(self, destination: str, at: datetime) -> None:
        """Note when a paused lane is tried again (UTC)."""
        with self._store.write() as tx:
            tx.connection.execute(
                self._lane.update().where(self._lane.c.destination == destination).values(probe_at=at)
            )

    def cool(self, tx: Tx, destination: str, until: datetime | None, strikes: int) -> None:
        """Let the whole lane wait until `until` (UTC), or end the wait; `strikes` counts waits in a row.

        A longer wait that was asked for before stands: answers to calls made at the same time come in any order.
        """
        lane = self._lane.c
        later = None
        if until is not None:
            later = sa.case((lane.cool_until > until, lane.cool_until), else_=sa.literal(until, lane.cool_until.type))
        tx.connection.execute(
            self._lane.update().where(lane.destination == destination).values(cool_until=later, strikes=strikes)
        )


def _lane_row(row: Any) -> LaneRow:
    return LaneRow(
        row.destination,
        row.owner,
        row.fence,
        row.taken_at,
        row.lease_until,
        bool(row.paused),
        row.paused_by,
        row.reason,
        row.probe_at,
        row.cool_until,
        row.strikes,
    )
