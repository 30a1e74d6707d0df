"""Whether the log may be worked on: asked before the first call, and once a day of all of it, beside the work."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from syncer.audit.offline.finding import Finding
from syncer.clock import elapsed
from syncer.errors import ChainBroken
from syncer.log import get_logger

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.audit.proof.verification.passage import Pause

#: the part of the time that the daily verification works; it rests for the others
SHARE = 0.04
#: seconds of one rest at most: the watchdog must see it move
LONGEST_REST = 5.0
#: seconds after which a daemon verifies although an older one is there: that one does not come to it
PATIENCE = 6 * 3600.0


class Stopped(Exception):
    """Raised to end a verification that nobody waits for any more; the next one begins anew."""


def require_sound(app: App, pause: Pause) -> None:
    """Raise UntrustedLog unless the log may be worked on.

    Everything since the last checkpoint is recomputed. All of it is verified where the last full verification failed:
    a start must not go on beside what ended the process before.
    """
    app.rollback.require_not_behind(anew=True)
    try:
        app.checkpoints.require_intact(pause)
    except ChainBroken as broken:
        keep(app, broken)
        raise
    last = app.verified.last()
    if last is not None and (not last.ok or last.entries > app.checkpoints.size()):
        verify_in_full(app, pause)


def keep(app: App, broken: ChainBroken) -> None:
    """Keep that the log does not hold, so that `status` says so after this process has ended."""
    app.verified.record(Finding(False, app.checkpoints.size(), None, broken.what))


def verify_in_full(app: App, pause: Pause) -> None:
    """Verify the whole log and keep the result. Raises ChainBroken where it is not whole.

    A table that says otherwise than a whole log is an alarm, and stops nobody: a changed row is held by itself, and
    whoever may write tables could end every other erasure with one of them.
    """
    finding = app.verify(pause=pause)
    app.verified.record(finding)
    log = get_logger("syncer.audit")
    if finding.tables_differ:
        log.error("audit.tables_differ", reason=finding.reason)
    elif not finding.stands:
        raise ChainBroken(f"the full verification failed: {finding.reason}")
    else:
        log.info("audit.verified", count=finding.entries)


class DailyVerification:
    """The daemon's job: a full verification a day, done by the oldest of the running daemons."""

    def __init__(self, app: App) -> None:
        #: when it last went a step on (monotonic clock)
        self.moved_at = time.monotonic()
        self._app = app
        self._due_since: float | None = None

    def run(self) -> None:
        """Verify if it is time to. Raises ChainBroken; a stop of the daemon ends it at once, without a result."""
        if not self._app.verified.due():
            self._due_since = None
            return
        self._due_since = elapsed() if self._due_since is None else self._due_since
        if self._is_ours() or elapsed() - self._due_since >= PATIENCE:
            try:
                verify_in_full(self._app, self._rest)
            except Stopped:
                return

    def _is_ours(self) -> bool:
        running = self._app.presence.running()
        return not running or running[0].owner == self._app.leases.owner

    def _rest(self, worked: float) -> None:
        self.moved_at = time.monotonic()
        if self._app.stop.wait(min(worked * (1 / SHARE - 1), LONGEST_REST)):
            raise Stopped
        self.moved_at = time.monotonic()
