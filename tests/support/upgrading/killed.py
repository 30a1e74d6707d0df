"""An upgrade that is killed before one of its statements, in a process of its own."""

from __future__ import annotations

import os
import re
import signal
from typing import Any

import sqlalchemy as sa

from syncer.database import engines, revisions
from syncer.database.tables import tables

#: what changes something
_WRITES = re.compile(r"\s*(CREATE|ALTER|DROP|INSERT|UPDATE|DELETE|ANALYZE)\b", re.IGNORECASE)


def killed_upgrade(url: str, statement: int) -> bool:
    """Upgrade in a child that kills itself before its n-th writing statement (from 1); say whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            _upgrade(url, statement)
            os._exit(0)
        except BaseException:
            os._exit(70)
    _, status = os.waitpid(child, 0)
    assert status in (0, signal.SIGKILL), f"the upgrade failed by itself: {status}"
    return status == signal.SIGKILL


def _upgrade(url: str, statement: int) -> None:
    left = statement

    def count(_connection: Any, _cursor: Any, text: str, _parameters: Any, _context: Any, _many: bool) -> None:
        nonlocal left
        if _WRITES.match(text):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    with engines.opened(url) as engine:
        sa.event.listen(engine, "before_cursor_execute", count)
        revisions.upgrade(engine, tables(), queue_here=True)
