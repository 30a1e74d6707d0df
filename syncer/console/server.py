"""`syncer console`: waits for the database, answers until it is told to end, and tells systemd how it is."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from waitress import wasyncore

from syncer import __version__
from syncer.app import open_app
from syncer.console.desk import furnish
from syncer.console.front import Front
from syncer.console.guardrails import headers_of
from syncer.console.place import listening
from syncer.console.sign_in.housekeeping import tidy
from syncer.console.site import make_site
from syncer.console.wire import THREADS, cut_unread, make_wire
from syncer.database.failures import is_outage
from syncer.errors import UserError
from syncer.log import get_logger
from syncer.systemd import feed, notify, ready

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.console.desk import Desk
    from syncer.settings.checked import Settings
    from syncer.settings.console.table import ConsoleSettings

#: seconds between two looks for a database that is away
EVERY = 2.0
#: seconds that its start waits for the first look, at most: a mistake is told in place of an address
FIRST_TRY = 2.0
#: seconds that requests in hand have to come to their end, and that those which do not are waited for after that
TO_THE_END, LEFT_BEHIND = 5.0, 2.0
#: seconds that the end waits for a database that is being connected to
ABANDONED = 1.0
#: seconds between two looks whether there is something to forget; it is done more rarely
TIDIED_EVERY = 60.0
#: the number of that option of mallopt(3): how many places there are at most
_ARENA_MAX = -8
#: seconds that every thread may be busy before the watchdog is not fed any more, unless systemd says (WATCHDOG_USEC)
PATIENCE = 120.0


class Serving:
    """The console's process, until it is told to end. `opened` is what opens the installation."""

    def __init__(self, settings: ConsoleSettings, opened: Callable[[], App]) -> None:
        self._settings = settings
        self._opened = opened
        self._front = Front(settings, THREADS)
        self._told = False
        self._end = threading.Event()
        self._tried = threading.Event()
        self._wire: Any = None
        self._map: dict[int, Any] = {}
        self._app: App | None = None
        self._failure: Exception | None = None
        self._log = get_logger("syncer.console")
        self._bound = float(os.environ.get("WATCHDOG_USEC", "0")) / 1e6 or PATIENCE

    def end(self) -> None:
        """Let it end; from any thread, also from within the handler of a signal, which may interrupt another one.

        So no lock is touched here: an event has one.
        """
        self._told = True
        if (wire := self._wire) is not None:
            with suppress(OSError):  # the thread that answers saw it first, and has closed what would wake it
                wire.pull_trigger()

    def run(self, where: str, begun: Callable[[], None]) -> None:
        """Serve; `where` is how a mistake names the settings, `begun` is called once browsers can connect.

        Raises UserError for what only a person can mend: a place that is taken, a schema that is newer.
        """
        with listening(self._settings, where) as sock:
            self._wire = make_wire(self._front, sock, self._settings.parts.scheme, headers_of(self._settings))
            self._map = self._wire._map
            opening = threading.Thread(target=self._open, name="opening", daemon=True)
            opening.start()
            try:
                self._tried.wait(FIRST_TRY)
                if self._failure is None:
                    begun()
                    ready()
                    self._log.info("console.started", version=__version__)
                self._answer(lambda: self._told)
            finally:
                notify("STOPPING=1")
                self._end.set()
                self._finish()
                opening.join(ABANDONED)  # one that waits for a server which does not answer is left behind
                if self._app is not None:
                    self._app.close()
        self._log.info("console.stopped")
        if self._failure is not None:
            raise self._failure

    def _answer(self, is_over: Callable[[], bool]) -> None:
        fed_at = 0.0
        while not is_over():
            wasyncore.loop(timeout=1.0, map=self._map, count=1)
            if self._wire is not None:
                cut_unread(self._wire)
            if time.monotonic() - fed_at >= min(10.0, self._bound / 3) and self._front.moves(self._bound / 2):
                feed()
                fed_at = time.monotonic()

    def _finish(self) -> None:
        """Take no more connections, let what is in hand come to its end, and close."""
        wire, self._wire = self._wire, None
        wire.del_channel()  # looks at it no more; the socket is closed by whoever made it
        until = time.monotonic() + TO_THE_END
        self._answer(
            lambda: time.monotonic() > until or not any(map(_is_under_way, list(wire.active_channels.values())))
        )
        wire.task_dispatcher.shutdown(timeout=LEFT_BEHIND)
        wire.trigger.close()
        wasyncore.close_all(self._map, ignore_all=True)

    def _open(self) -> None:
        """Open the installation as soon as its database is there, and let the site answer."""
        told = False
        while not self._end.is_set():
            try:
                self._app = self._opened()
                self._front.open(make_site(self._app))
                self._log.info("console.opened")
                self._tried.set()
                break
            except UserError as error:
                self._failure = error
                self.end()
            except Exception as error:  # noqa: BLE001 — whatever it is, the process ends with it, and says so
                if not is_outage(error):
                    self._log.exception("console.failed", error=type(error).__name__)
                    self._failure = error
                    self.end()
                elif not told:  # once for an outage, however long it lasts
                    told = True
                    self._log.warning("database.away", error=type(error).__name__)
            self._tried.set()
            self._end.wait(EVERY)
        if self._app is not None:
            self._keep_tidy(furnish(self._app))

    def _keep_tidy(self, here: Desk) -> None:
        """Delete what need not be remembered, now and then, until the end: also where nobody signs in for months."""
        while not self._end.wait(TIDIED_EVERY):
            try:
                tidy(here)
            except Exception as error:  # noqa: BLE001 — there is nobody behind this thread, and it goes on
                self._log.exception("console.untidy", error=type(error).__name__)


def serve(settings: Settings, begun: Callable[[], None]) -> None:
    """Be the console until SIGTERM or SIGINT; `begun` is called once browsers can connect. Raises UserError."""
    console = settings.console
    if console is None:
        remedy = 'add it with what browsers type, like url = "http://localhost:8484/"'
        raise UserError(f"{settings.path}: there is no table [console]; {remedy}")
    _share_memory()
    serving = Serving(console, lambda: open_app(settings, actor="console", console=True))
    for number in (signal.SIGTERM, signal.SIGINT):  # for good: one that comes later finds the process at its end
        signal.signal(number, lambda *_: serving.end())
    serving.run(f"{settings.path}: [console] listen:", begun)


def _share_memory() -> None:
    """Let all threads take their memory from one place.

    glibc gives each of them one of its own, where what a page or an export needed stays for that thread alone: 5 MiB
    more after an export. They wait for nothing by it, since Python lets one of them work at a time.
    """
    with suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(_ARENA_MAX, 1)


def _is_under_way(channel: Any) -> bool:
    return bool(channel.requests or channel.total_outbufs_len)
