"""Sees who signs in to the console by a way that is new for them: a stolen factor or a door just opened shows there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from syncer.alerting.catalog import INFO, Sign
from syncer.audit.ledger import LogEntry
from syncer.clock import stamp

if TYPE_CHECKING:
    from syncer.app import App

SIGNED_IN = "console:signed_in"
DAY = timedelta(days=1)


class SignInWays:
    """Knows when each person signed in first by each way; the log is read once, and then what is new of it."""

    def __init__(self, app: App) -> None:
        self._app = app
        #: (account, way: a password, a passkey, a door) -> the stamp of its first entry
        self._first: dict[tuple[str, str], str] = {}
        self._read_to: str | None = None

    def look(self) -> Iterator[Sign]:
        """Say how many people came by a new way within a day."""
        app = self._app
        if app.settings.console is None:
            return
        since = stamp(app.clock() - DAY)
        # of a day once more each time: an entry may come later than its stamp, from a machine whose clock goes ahead
        for entry in app.ledger.entries((SIGNED_IN,), self._read_to):
            if way := _way(entry):
                self._first[way] = min(str(entry.at), self._first.get(way, str(entry.at)))
        self._read_to = since
        if new := sum(at >= since for at in self._first.values()):
            yield Sign("new_way", INFO, {"people": new})


def _way(entry: LogEntry) -> tuple[str, str] | None:
    actor = entry.actor or {}
    user, via = actor.get("user"), actor.get("via")
    return (user, via) if isinstance(user, str) and isinstance(via, str) else None
