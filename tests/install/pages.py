"""What a page tells its reader to type: its fenced shell blocks, under the heading they stand under."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.paths import ROOT

_PART = re.compile(r"^## (?P<chapter>[^\n]+)$|^ *```sh\n(?P<block>.*?)^ *```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block, and the chapter (the heading of second order) it stands in."""

    chapter: str
    text: str


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks of a page in their order."""
    chapter = ""
    for part in _PART.finditer(page):
        if part["chapter"] is not None:
            chapter = part["chapter"]
        else:
            yield Block(chapter, part["block"])


def committed(path: str) -> str:
    """Return a file as the last commit has it: the program that is installed is of that commit too."""
    words = ["git", "show", f"HEAD:{path}"]
    return subprocess.run(words, cwd=ROOT, capture_output=True, encoding="utf-8", check=True).stdout


def repository(at: Path) -> None:
    """Make a repository with the last commit, for somebody to clone; a checkout of CI's may be shallow and detached."""
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", at], check=True)
    subprocess.run(["git", "-C", at, "config", "receive.shallowUpdate", "true"], check=True)
    subprocess.run(["git", "push", "--quiet", at, "HEAD:refs/heads/main"], cwd=ROOT, check=True)


def next_version(at: Path, scratch: Path) -> None:
    """Add a commit to that repository that is another version of syncer."""
    git = ["git", "-C", scratch, "-c", "user.name=somebody", "-c", "user.email=somebody@site.test"]
    subprocess.run(["git", "clone", "--quiet", at, scratch], check=True)
    for name in ("pyproject.toml", "syncer/__init__.py"):
        path = scratch / name
        text = re.sub(
            r'^((?:__)?version(?:__)?) = "(.*)"', r'\1 = "\2.post1"', path.read_text("utf-8"), flags=re.MULTILINE
        )
        path.write_text(text, encoding="utf-8")
    subprocess.run([*git, "commit", "--quiet", "--all", "--message", "Another version"], check=True)
    subprocess.run([*git, "push", "--quiet"], check=True)
