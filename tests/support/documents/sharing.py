"""`python -m tests.support.documents.sharing SETTINGS [kill]`: verify all, in two processes however short the log is.

In a process of its own, as one with threads is not forked. Prints the finding, and how long the second one computed.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from syncer.app import load_settings, open_app
from syncer.log import configure


def main(settings: str, *words: str) -> None:
    """Verify; with `kill` the second process is killed while it computes, with `die` the first.

    `connected` has a connection in use.
    """
    configure("error")
    with open_app(load_settings(Path(settings))) as app:
        app.verification.worth_sharing = 1
        if "kill" in words:
            signal.signal(signal.SIGALRM, _kill)
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        if "die" in words:
            signal.signal(signal.SIGALRM, _die)
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
        with app.engine.connect() if "connected" in words else nullcontext():
            finding = app.verify()
        signal.setitimer(signal.ITIMER_REAL, 0)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {"ok": finding.ok, "first_bad": finding.first_bad, "reason": finding.reason, "entries": finding.entries}
    print(json.dumps({**found, "second": used.ru_utime + used.ru_stime}))


def _kill(*_: Any) -> None:
    for process in multiprocessing.active_children():
        process.kill()


def _die(*_: Any) -> None:
    for process in multiprocessing.active_children():
        print(process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
