"""The real command in a terminal: what a person sees, as wide as the window."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from pathlib import Path

from tests.support.processes import command


def seen(settings: Path, *words: str, columns: int = 80) -> str:
    """Run one command with its output on a terminal of that many columns; return what it wrote there."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        command(settings, *words), stdin=subprocess.DEVNULL, stdout=its, stderr=its, env=env | {"TERM": "xterm"}
    ) as process:
        os.close(its)
        parts = []
        while part := _read(ours):
            parts.append(part)
        process.wait(timeout=60)
    os.close(ours)
    return b"".join(parts).decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux' way to say that nobody has the other end any more
        return b""
