"""The real command as a child process, for tests that signal it; whatever is started is ended."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import click
import pytest

from syncer.cli.main import cli, main
from syncer.database import engines, failures
from tests.support import schemas

#: seconds after which an outage is logged at the latest, and again that long for a busy machine: a lease that is being
#: taken when the database goes away is tried several times, and SQLite waits each time
TOLD_BY = 2 * failures.TRIES * (engines.BUSY_SECONDS + 1)

#: seconds that a command on a terminal has for all of what it does there
PATIENCE = 120.0


def command(settings: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "syncer", "--settings", str(settings), *words]


def run(settings: Path, *words: str, stdin: str = "", timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    done = subprocess.run(
        command(settings, *words), input=stdin, capture_output=True, encoding="utf-8", timeout=timeout, check=False
    )
    schemas.printed(words, done.stdout)
    return done


def as_json(settings: Path, *words: str, stdin: str = "") -> Any:
    """Run a reading command and parse what it prints."""
    done = run(settings, *words, "--json", stdin=stdin)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def inside(settings: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run one command in this process: a tenth of the time, for what does not hang on a process of its own."""
    out, err, before = io.StringIO(), io.StringIO(), sys.stdin
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode("utf-8", "surrogateescape")), encoding="utf-8")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main(["--settings", str(settings), *words])
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else 1
    finally:
        sys.stdin = before
        for number, handler in handlers.items():
            signal.signal(number, handler)
    schemas.printed(words, out.getvalue())
    return subprocess.CompletedProcess(list(words), code, out.getvalue(), err.getvalue())


def inside_json(settings: Path, *words: str, stdin: str = "") -> Any:
    """Run one reading command in this process and parse what it prints."""
    done = inside(settings, *words, "--json", stdin=stdin)
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def seen(settings: Path, *words: str, columns: int = 80, interrupted_at: Callable[[str], bool] | None = None) -> str:
    """Run one command with its output on a terminal of that many columns; return what it wrote there.

    Ctrl-C is pressed once `interrupted_at` says so of what it has written; then it has to end well.
    """
    try:
        ours, its = pty.openpty()
    except OSError as error:  # a bare machine may have none: mount devpts on /dev/pts
        pytest.skip(f"no terminal to be had here ({error}); mount devpts on /dev/pts")
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        command(settings, *words), stdin=subprocess.DEVNULL, stdout=its, stderr=its, env=env | {"TERM": "xterm"}
    ) as process:
        os.close(its)
        try:
            wrote = _until_it_ends(process, ours, interrupted_at)
            process.wait(timeout=60)
        finally:
            process.kill()
    os.close(ours)
    assert interrupted_at is None or process.returncode == 0
    return wrote.decode().replace("\r\n", "\n")


def _until_it_ends(
    process: subprocess.Popen[bytes], terminal: int, interrupted_at: Callable[[str], bool] | None
) -> bytes:
    parts, pressed, deadline = [], interrupted_at is None, time.monotonic() + PATIENCE
    while part := _read(terminal, deadline):
        parts.append(part)
        if not pressed and interrupted_at is not None and interrupted_at(b"".join(parts).decode(errors="replace")):
            process.send_signal(signal.SIGINT)
            pressed = True
    return b"".join(parts)


def _read(terminal: int, deadline: float) -> bytes:
    ready, _, _ = select.select([terminal], [], [], max(deadline - time.monotonic(), 0))
    assert ready, "it was not over in time"
    try:
        return os.read(terminal, 65536)
    except OSError:  # Linux' way to say that nobody has the other end any more
        return b""


@contextmanager
def started(settings: Path, *words: str, log: Path, debug: bool = True) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command and make sure that it ends with the block; its output goes to `log`."""
    extra = ["--debug"] if debug else []
    with log.open("ab") as out:
        process = subprocess.Popen(
            [*command(settings, *words), *extra], stdout=out, stderr=out, env=dict(os.environ), cwd=settings.parent
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()


def until(what: Callable[[], Any], seconds: float, every: float = 0.1) -> Any:
    """Wait until `what` is true and return it; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(every)
    raise AssertionError(f"did not happen within {seconds} s")


def commands(group: click.Group = cli, words: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Yield each command that does something, by its words behind `syncer`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        if isinstance(command, click.Group):
            if command.invoke_without_command:
                yield " ".join((*words, name)), command
            yield from commands(command, (*words, name))
        else:
            yield " ".join((*words, name)), command
