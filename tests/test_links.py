"""Every page that a reader is sent to exists, and so does the chapter."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.support.paths import ROOT

#: pages in Markdown that readers open
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/*.md")]
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
#: a path in backquotes that names a file of this repository
NAMED = re.compile(r"`((?:docs|tests|adapters|syncer|\.ci)/[a-z0-9_./-]+\.[a-z]+)`")
TARGET = re.compile(r"`make ([a-z-]+)`|^make ([a-z-]+)", re.MULTILINE)
#: the page for newcomers stays one that is read
LONGEST_README = 150


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    links = [link for link in LINK.findall(_prose(text)) if "://" not in link and not link.startswith("mailto:")]

    assert [link for link in links if not _leads_somewhere(ROOT / page, link)] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_and_every_target_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    if page == "CHANGELOG.md":  # tells of what was
        return
    targets = {first or second for first, second in TARGET.findall(text)}

    assert [name for name in NAMED.findall(text) if not (ROOT / name).exists()] == []
    assert targets - _targets() == set()


def test_a_newcomers_page_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < LONGEST_README


def test_every_page_of_the_docs_can_be_reached_from_the_readme() -> None:
    seen, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        for link in LINK.findall((ROOT / page).read_text("utf-8")):
            target = ((ROOT / page).parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.is_file():
                waiting.append(target.relative_to(ROOT).as_posix())

    assert {page for page in PAGES if page.startswith("docs/")} - seen == set()


@cache
def _targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def _leads_somewhere(page: Path, link: str) -> bool:
    name, _, chapter = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.is_relative_to(ROOT) or not target.exists():
        return False
    return not chapter or chapter in _chapters(target)


def _chapters(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", _prose(page.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _prose(text: str) -> str:
    return re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
