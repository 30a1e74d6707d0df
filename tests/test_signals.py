"""Tests that interrupt a command can do so wherever they were started from."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ASKED = "import signal; print(*(signal.getsignal(each) is signal.SIG_IGN for each in (signal.SIGINT, signal.SIGHUP)))"
SESSION = """
import subprocess, sys
from tests.support.session import signals
{begun}
subprocess.run([sys.executable, "-c", {asked!r}], check=True)
"""


def ignored_by_a_child(begun: str) -> str:
    """Say whether what a session starts ignores an interrupt and a hang-up, after somebody let the session do so."""
    background = ["sh", "-c", 'trap "" INT HUP; exec "$@"', "sh"]
    code = SESSION.format(begun=begun, asked=ASKED)
    done = subprocess.run(
        [*background, sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True, cwd=ROOT
    )
    return done.stdout.strip()


def test_what_a_session_in_the_background_starts_heeds_an_interrupt_and_a_hang_up() -> None:
    assert ignored_by_a_child("") == "True True"  # as a shell starts it
    assert ignored_by_a_child("signals.pytest_configure()") == "False False"


def test_a_session_leaves_alone_what_is_heeded() -> None:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
