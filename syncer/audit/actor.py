"""Who acts, as the audit keeps it: the account of the process and, where somebody logged in, of the login."""

from __future__ import annotations

import getpass
import os
import socket
from pathlib import Path
from typing import Any


def actor(kind: str) -> dict[str, Any]:
    """Return who acts, for the audit: kind (`cli`, `daemon`), uid, login uid, user, host and pid."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "?"
    who: dict[str, Any] = {
        "kind": kind,
        "uid": os.getuid(),
        "user": user,
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }
    try:  # survives sudo; 2^32-1 means "never logged in"
        login = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
        if login != 0xFFFFFFFF:
            who["login_uid"] = login
    except (OSError, ValueError):
        pass
    return who
