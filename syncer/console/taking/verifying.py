"""A full verification in the background: of a long log it takes minutes, and no page waits so long."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from flask import current_app
from werkzeug.exceptions import TooManyRequests

from syncer.audit.offline.finding import Finding
from syncer.console.taking.limits import AGAIN_AFTER, limits
from syncer.database.failures import is_outage
from syncer.errors import UserError
from syncer.log import get_logger

if TYPE_CHECKING:
    from syncer.app import App

_NAME = "syncer.verifications"


@dataclass(frozen=True, slots=True)
class Verifying:
    """A verification that somebody asked for: since when it runs and when it ended (UTC), and what it found.

    `trouble` says why it came to no end: `database` where that was away, else `failed`.
    """

    by: str
    began_at: datetime
    ended_at: datetime | None = None
    finding: Finding | None = None
    trouble: str | None = None

    @property
    def running(self) -> bool:
        """Say whether it has not ended."""
        return self.ended_at is None


class Verifications:
    """The verifications of one process: one at a time, and the last one that ended."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._last: Verifying | None = None

    @property
    def last(self) -> Verifying | None:
        """The one that runs, or the last that ended; None where there was none since this process began."""
        return self._last

    def begin(self, app: App, by: str, done: Callable[[], None]) -> threading.Thread:
        """Begin one in a thread of its own, which calls `done` at its end. Raises TooManyRequests while one runs."""
        with self._changing:
            if self._last is not None and self._last.running:
                raise TooManyRequests(retry_after=AGAIN_AFTER)
            self._last = Verifying(by, app.clock())
        thread = threading.Thread(target=self._verify, args=(app, self._last, done), name="verification", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no further thread
            self._last = None
            raise
        return thread

    def _verify(self, app: App, begun: Verifying, done: Callable[[], None]) -> None:
        finding, trouble = None, None
        try:
            # in slices: no snapshot is open for long, and no second process is begun from this one
            finding = app.verify(pause=lambda _seconds: None)
            app.verified.record(finding)
        except UserError:
            trouble = "failed"
        except Exception as error:  # noqa: BLE001 — there is nobody behind this thread
            trouble = "database" if is_outage(error) else "failed"
            get_logger("syncer.console").error("verification.failed", error=type(error).__name__)
        finally:
            self._last = Verifying(begun.by, begun.began_at, app.clock(), finding, trouble)
            done()


def verifications() -> Verifications:
    """Return the verifications of the site that answers."""
    found: Verifications = current_app.extensions.setdefault(_NAME, Verifications())
    return found


def begin_verification(app: App, by: str) -> threading.Thread:
    """Begin a verification within the limits. Raises TooManyRequests."""
    slot = limits().take(by, None)
    try:
        return verifications().begin(app, by, slot.release)
    except BaseException:
        slot.release()
        raise
