"""Ctrl-C and a hang-up end what the tests start, also where the tests themselves run in the background.

A shell starts what runs in the background with an interrupt that is ignored, `nohup` does so with a hang-up, and every
child inherits that: a command that a test interrupts would go on for ever.
"""

from __future__ import annotations

import signal

#: signal -> what a process does with it when a person starts it
USUAL = {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}


def pytest_configure() -> None:
    """Heed again what was ignored."""
    for number, usual in USUAL.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
