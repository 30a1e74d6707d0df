"""Which process owns a lane, and whether it still lives."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from pathlib import Path


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
    """Return this process as an owner: host, boot id, pid and its start, so that a recycled pid is another."""
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
