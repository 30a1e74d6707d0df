"""What the tables of the console need not remember is deleted now and then: by sign-ins and by the server, never by a
request that only reads."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from syncer.database.failures import is_outage

if TYPE_CHECKING:
    from syncer.console.desk import Desk

_EVERY = timedelta(minutes=15)
_looking = threading.Lock()
_last: dict[str, datetime] = {}


def tidy(desk: Desk) -> None:
    """Delete ended sessions, full buckets and what could be used once, at most every 15 minutes.

    A database that is away now is tidied another time.
    """
    now, which = desk.app.clock(), str(desk.app.engine.url)
    with _looking:
        if which in _last and timedelta(0) <= now - _last[which] < _EVERY:
            return
        _last[which] = now
    try:
        desk.sessions.forget()
        desk.throttle.forget()
    except Exception as error:
        if not is_outage(error):
            raise
