"""Which process owns a lane, and whether it still lives."""

from __future__ import annotations

import os
import re
import secrets
import socket
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: a process of Linux has a number of at most 22 bits
_PID = re.compile("[1-9][0-9]{0,8}")


def boot_id() -> str:
    """Return the kernel's id of this boot, or "" where there is none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def pid_namespace() -> str:
    """Return the number of the namespace in which this process sees pids, "" where /proc does not show it.

    Containers may share host name and kernel, and each counts its pids from 1: a pid says something only within its
    own namespace. Without one of our own, /proc may show somebody else's pids.
    """
    try:
        if Path("/proc/self").readlink() != Path(str(os.getpid())):
            return ""
        return Path("/proc/self/ns/pid").readlink().name.removeprefix("pid:[").removesuffix("]")
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


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner's name taken apart; what it does not say is "".

    `start` is in clock ticks since boot, `namespace` the one that `pid` belongs to. `token` is random, so that no
    two processes ever bear one name, whatever else they share.
    """

    host: str
    boot: str
    pid: str
    start: str
    namespace: str
    token: str


def owner_name() -> str:
    """Return this process as an owner, at most 191 characters; the same whenever it is asked for."""
    pid = os.getpid()
    host = socket.gethostname().replace("|", "_")[:64]
    return "|".join((host, boot_id(), str(pid), started_ticks(pid) or "", pid_namespace(), _token(pid)))


@cache
def _token(_pid: int) -> str:
    # by pid: a process that forked off is another one
    return secrets.token_hex(8)


def parse_owner(name: str) -> Owner:
    """Take an owner's name apart, whoever wrote it: earlier versions named neither namespace nor token."""
    host, boot, pid, start, namespace, token, *_ = [*name.split("|"), "", "", "", "", "", ""]
    return Owner(host, boot, pid, start, namespace, token)


def is_dead(name: str) -> bool:
    """Say whether the owner was a process that we would see, and that is certainly gone.

    Of any other only its lease tells: one name may belong to several hosts, and one host has many pid namespaces.
    """
    owner = parse_owner(name)
    seen = (boot_id(), pid_namespace())
    if "" in seen or (owner.boot, owner.namespace) != seen or not _PID.fullmatch(owner.pid):
        return False
    return started_ticks(int(owner.pid)) not in (None, owner.start)
