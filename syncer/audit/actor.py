"""Who acts, as the audit keeps it: the account that logged in, as the kernel remembers it, else that of the process."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from syncer.privacy.credentials import account

#: what the kernel says of a process that no login led to (https://man7.org/linux/man-pages/man7/credentials.7.html)
NEVER_SET = 0xFFFFFFFF


def actor(kind: str) -> dict[str, Any]:
    """Return who acts, for the audit: kind (`cli`, `daemon`), user, uid, host, pid, and the login's uid where known.

    `user` is the account of the login, which stays the same under sudo and su, else that of the process, which is
    `account`. Nothing that the environment says counts: whoever runs a command sets that. Where no login is known,
    `sudo_user` is who sudo says it was: true of a real sudo, and as easily claimed by whoever may run as that account.
    """
    login, uid = _login_uid(), os.getuid()
    who: dict[str, Any] = {
        "kind": kind,
        "uid": uid,
        "user": account(uid if login is None else login),
        "account": account(uid),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
    if login is not None:
        who["login_uid"] = login
    elif (said := os.environ.get("SUDO_UID", "")).isdecimal() and len(said) <= 10:
        who["sudo_user"] = account(int(said))
    return who


def _login_uid() -> int | None:
    """Return the uid that logged in; the kernel keeps it through sudo and su, and lets only root set it."""
    try:
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    return None if login == NEVER_SET else login
