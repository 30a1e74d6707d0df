"""What `make packages` built into dist/, and the deb of a version before it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.paths import ROOT

DIST = ROOT / "dist"
#: the version that the deb before it calls itself
BEFORE = "0.0.9"


def built(pattern: str) -> Path:
    """Return the one file of dist/ with such a name; skips where there is none, or nobody is root."""
    if os.geteuid() != 0:
        pytest.skip("packages are installed by root")
    found = sorted(DIST.glob(pattern))
    if not found:
        pytest.skip(f"dist/ has no {pattern}: `make packages` builds it")
    assert len(found) == 1, found
    return found[0]


def release() -> str:
    """Return the name of this machine's Debian, for which the deb is: "bookworm"."""
    return re.findall(r"^VERSION_CODENAME=(\w+)$", Path("/etc/os-release").read_text("utf-8"), re.MULTILINE)[0]


def one_before(deb: Path, scratch: Path) -> Path:
    """Build the deb of a lower version out of one: it has a module more, and another sample of the settings."""
    subprocess.run(["dpkg-deb", "--raw-extract", deb, scratch / "tree"], check=True)
    tree = scratch / "tree"
    control = tree / "DEBIAN/control"
    _replace(control, r"^Version: .*$", f"Version: {BEFORE}+deb0")
    _replace(tree / "etc/syncer/settings.toml", r"\A", "# the sample of the version before\n")
    (site,) = tree.glob("usr/lib/syncer/lib/python3.*/site-packages")
    _replace(site / "syncer/__init__.py", r'^__version__ = ".*"$', f'__version__ = "{BEFORE}"')
    (site / "syncer/gone.py").write_text('"""A module that the next version lacks."""\n', encoding="utf-8")
    subprocess.run(
        ["/usr/bin/python3", "-m", "compileall", "-q", "-f", "--invalidation-mode", "unchecked-hash", site / "syncer"],
        check=True,
    )
    (scratch / "before").mkdir()
    made = scratch / "before" / f"syncer_{BEFORE}_amd64.deb"
    subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", tree, made], check=True)
    return made


def _replace(path: Path, pattern: str, text: str) -> None:
    before = path.read_text(encoding="utf-8")
    after = re.sub(pattern, text, before, count=1, flags=re.MULTILINE)
    assert after != before, path
    path.write_text(after, encoding="utf-8")
