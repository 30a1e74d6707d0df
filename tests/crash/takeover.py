"""Two daemons on one database, one of them on another host: how long its lanes stand still when it is killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from functools import cache

from tests.crash.harness import SHAPES, Installation, installed, started
from tests.crash.worker import Job
from tests.support.processes import until


@cache
def another_host() -> tuple[str, ...]:
    """Return the words before a command that give it another host name, or none where that is not allowed."""
    unshare = shutil.which("unshare")
    if unshare is None:
        return ()
    for words in ((unshare, "--uts"), (unshare, "--user", "--map-root-user", "--uts")):
        before = (*words, "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")
        if subprocess.run([*before, "true"], capture_output=True, check=False).returncode == 0:
            return before
    return ()


def elsewhere(words: Sequence[str]) -> list[str]:
    """Return the command as one of another host. Only where `another_host` knows how."""
    return [*another_host(), *words]


def foreign_owner() -> str:
    """Return the name a process of another host would have, for machines on which there is no other host name."""
    return f"not-{socket.gethostname()}|another-boot|{os.getpid()}|1"


def seconds_to_take_over(lease: int) -> float:
    """Kill a daemon of another host while one of this host stands by; return seconds until all lanes are ours."""
    with installed(SHAPES[1], None) as at:
        text = at.settings.read_text("utf-8").replace("lease_seconds = 3", f"lease_seconds = {lease}")
        at.settings.write_text(text, encoding="utf-8")
        far = Job(at.settings, "run", at.folder / "far.log", owner=foreign_owner(), environment=at.environment)
        with started(far) as killed:
            until(lambda: _owners(at) == {foreign_owner()}, 30)
            with started(Job(at.settings, "run", at.folder / "near.log", environment=at.environment)):
                time.sleep(1.0)
                killed.kill()
                began = time.monotonic()
                until(lambda: foreign_owner() not in _owners(at) and None not in _owners(at), lease * 2 + 30)
                return time.monotonic() - began


def _owners(at: Installation) -> set[str | None]:
    return {row.owner for row in at.app.leases.read().values()}
