"""A bare Debian in a folder, as a new user has it: made by debootstrap, needs root, leaves nothing behind.

Every command runs in mount and process namespaces of its own: what it mounts or starts is gone when it ends, so that
the folder can be removed at any time. The network is this machine's; so are the settings of pip and apt, read when a
Debian is built.
"""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.servers import Missing, binary

#: where this machine's top folders appear inside, read-only, as far as pip's settings name them
HOST = "/run/host"
_PATHS = re.compile(r"(?<![\w/:.])(file://)?(/[\w./+-]+)")
#: what a shell has at the start; nothing else of this machine's environment goes inside
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: the one that is ended takes with it whatever it mounted and started: debootstrap too mounts /proc in its folder
_APART = ("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child")
_INSIDE = """
set -e
mount -t proc proc "$ROOT/proc"
mkdir -p "$ROOT/dev/shm" && mount -t tmpfs tmpfs "$ROOT/dev/shm"
# terminals, for tests that look at what a person sees on one; where that is not allowed they say so
mkdir -p "$ROOT/dev/pts" && mount -t devpts -o newinstance,ptmxmode=0666 devpts "$ROOT/dev/pts" || true
[ -e "$ROOT/dev/ptmx" ] || ln -s pts/ptmx "$ROOT/dev/ptmx"
for folder in $FOLDERS; do
  mkdir -p "$ROOT$HOST$folder"
  mount --rbind -o ro "$folder" "$ROOT$HOST$folder"
done
# no exec: the first process stays outside, by which systemctl knows that this is a folder and no booted machine
code=0
chroot --userspec="$ACCOUNT" "$ROOT" /usr/bin/env -i --chdir="$PLACE" "$@" || code=$?
exit "$code"
"""


@dataclass(frozen=True)
class Chroot:
    """A Debian of one release in a folder."""

    root: Path
    release: str

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
        """Run a command to its end as a user of the Debian's, with nothing but `env` and pip's settings around it.

        What it leaves running is ended with it. Raises subprocess.TimeoutExpired.
        """
        home = "/root" if user == "root" else f"/home/{user}"
        around = {
            "PATH": _PATH,
            "HOME": home,
            "USER": user,
            "LOGNAME": user,
            "LANG": "C.UTF-8",
            **_pip(),
            **(env or {}),
        }
        outside = {"ROOT": str(self.root), "HOST": HOST, "FOLDERS": " ".join(_folders()), "ACCOUNT": user}
        words = ["sh", *(f"{name}={value}" for name, value in around.items()), *argv]
        return subprocess.run(
            [*_APART, "sh", "-c", _INSIDE, *words],
            env={"PATH": _PATH, "PLACE": place, **outside},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            timeout=timeout,
            check=False,
        )

    def install(self, packages: Sequence[str]) -> None:
        """Install Debian's packages."""
        for words in (["update", "-q"], ["install", "-q", "-y", "--no-install-recommends", *packages]):
            done = self.run(["apt-get", *words], env={"DEBIAN_FRONTEND": "noninteractive"})
            assert done.returncode == 0, done.stdout[-4000:]


@contextmanager
def built(release: str, packages: Sequence[str] = ()) -> Iterator[Chroot]:
    """Build a minimal Debian ("bookworm", "trixie", "sid") with these packages; it is removed with the block.

    Skips where root or debootstrap is missing; fails there where SYNCER_REQUIRE names debootstrap.
    """
    command = _debootstrap_or_skip()
    folder = Path(tempfile.mkdtemp(prefix=f"syncer-{release}-"))
    try:
        done = subprocess.run(
            [*_APART, "--mount-proc", command, "--variant=minbase", release, str(folder / "root")],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-4000:]
        chroot = Chroot(folder / "root", release)
        (chroot.root / "etc/apt/apt.conf.d/99machine").write_text(_apt(), encoding="utf-8")
        if packages:
            chroot.install(packages)
        yield chroot
    finally:
        shutil.rmtree(folder)


def _debootstrap_or_skip() -> str:
    try:
        if os.geteuid() != 0:
            raise Missing("a Debian of its own needs root")
        return binary("debootstrap", "debootstrap")
    except Missing as missing:
        if "debootstrap" in os.environ.get("SYNCER_REQUIRE", "").split(","):
            pytest.fail(f"SYNCER_REQUIRE asks for debootstrap: {missing}")
        pytest.skip(str(missing))


@functools.cache
def settings_of_pip() -> dict[str, str]:
    """Return pip's settings on this machine by the variables that say the same."""
    done = subprocess.run(
        ["python3", "-m", "pip", "config", "list"], stdout=subprocess.PIPE, encoding="utf-8", check=False, cwd="/"
    )
    found = re.findall(r"^(?:global|install|:env:)\.([\w-]+)='(.*)'$", done.stdout, re.MULTILINE)
    return {f"PIP_{key.upper().replace('-', '_')}": value for key, value in found}


def _pip() -> dict[str, str]:
    """Return pip's variables for the inside, where this machine's folders lie in HOST."""

    def moved(match: re.Match[str]) -> str:
        return f"{match[1] or ''}{HOST}{match[2]}" if Path(match[2]).exists() else match[0]

    return {name: _PATHS.sub(moved, value) for name, value in settings_of_pip().items()}


def _folders() -> list[str]:
    """Return this machine's top folders that pip's settings name."""
    named = [match[2] for value in settings_of_pip().values() for match in _PATHS.finditer(value)]
    return sorted({f"/{Path(path).parts[1]}" for path in named if Path(path).exists()})


def _apt() -> str:
    """Return the lines of this machine's apt settings that say how its archive is reached and its clock is."""
    done = subprocess.run(["apt-config", "dump"], stdout=subprocess.PIPE, encoding="utf-8", check=False)
    wanted = re.compile(r"Acquire::(Check-|https?::Proxy|Retries)")
    return "".join(f"{line}\n" for line in done.stdout.splitlines() if wanted.match(line))
