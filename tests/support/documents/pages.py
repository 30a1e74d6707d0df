"""Pages of the documentation as a reader's browser sees them: their chapters, and the commands they show."""

from __future__ import annotations

import re
from pathlib import Path

_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def anchor(heading: str) -> str:
    """The part of a link behind `#` that leads to a chapter: GitHub's rule."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    """Every chapter of a page that a link can lead to."""
    return {anchor(heading) for heading in _HEADING.findall(_FENCED.sub("", page.read_text(encoding="utf-8")))}


def sections(page: Path) -> dict[str, list[list[str]]]:
    """The commands of a page by the anchor of their chapter: a list of lines for each block of shell."""
    found: dict[str, list[list[str]]] = {}
    chapter, block = "", None
    for line in page.read_text(encoding="utf-8").splitlines():
        if line == "```sh":
            block = []
            found.setdefault(chapter, []).append(block)
        elif line.startswith("```"):
            block = None
        elif block is not None:
            block.append(line)
        elif heading := _HEADING.match(line):
            chapter = anchor(heading[1])
            found.setdefault(chapter, [])
    return found
