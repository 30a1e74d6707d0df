"""The real command as a child process, for tests that signal it; whatever is started is ended."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from syncer.cli.main import main
from tests.support import schemas


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
