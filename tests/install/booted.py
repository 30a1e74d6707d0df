"""A Debian in a folder, booted: systemd-nspawn starts its own systemd, beside this machine's network."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.chroot import Chroot

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: seconds that a machine has to come up, and to go down
PATIENCE = 60


class NotBooted(Exception):
    """Says why no machine can be booted here."""


@dataclass(frozen=True)
class Booted:
    """A machine that runs: its folder, and its first process as this machine numbers it."""

    root: Path
    leader: int

    def run(
        self,
        argv: Sequence[str],
        user: str = "root",
        env: Mapping[str, str] | None = None,
        *,
        place: str = "/",
        stdin: str = "",
        timeout: float = 900,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command in it to its end as a user of its own. Raises subprocess.TimeoutExpired."""
        around = {
            "PATH": _PATH,
            "HOME": "/root" if user == "root" else f"/home/{user}",
            "LANG": "C.UTF-8",
            **(env or {}),
        }
        inside = ["env", "-i", f"--chdir={place}", *(f"{name}={value}" for name, value in around.items()), *argv]
        enter = ["nsenter", f"--target={self.leader}", "--mount", "--uts", "--ipc", "--pid", "--root", "--wd"]
        return subprocess.run(
            [*enter, *(["runuser", "-u", user, "--"] if user != "root" else []), *inside],
            env={"PATH": _PATH},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )


@contextmanager
def booted(chroot: Chroot) -> Iterator[Booted]:
    """Boot a Debian that has systemd-sysv; it is shut down with the block. Raises NotBooted, with the reason."""
    command = shutil.which("systemd-nspawn")
    if command is None:
        raise NotBooted("systemd-nspawn is missing: Debian's systemd-container has it")
    words = ["--quiet", f"--directory={chroot.root}", "--register=no", "--keep-unit", "--console=pipe", "--boot"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        started = subprocess.Popen([command, *words], stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            machine = _up(started, chroot.root)
            if machine is None:
                said.seek(0)
                raise NotBooted(f"systemd-nspawn boots nothing here: {' '.join(said.read()[-300:].split())}")
            yield machine
            machine.run(["systemctl", "poweroff"])
            with suppress(subprocess.TimeoutExpired):
                started.wait(PATIENCE)
        finally:
            _ended(started)


def _up(started: subprocess.Popen[bytes], root: Path) -> Booted | None:
    """Return the machine once it is up; None for one that ends, or does not come up in time."""
    end = time.monotonic() + PATIENCE
    while started.poll() is None and time.monotonic() < end:
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text(encoding="ascii").split()
        for leader in map(int, children):
            machine = Booted(root, leader)
            if machine.run(["systemctl", "is-system-running"]).stdout.strip() in ("running", "degraded"):
                return machine
        time.sleep(0.2)
    return None


def _ended(started: subprocess.Popen[bytes]) -> None:
    """End it, whatever it does: its namespaces go with it."""
    for send in (started.terminate, started.kill):
        if started.poll() is None:
            send()
            with suppress(subprocess.TimeoutExpired):
                started.wait(10)
