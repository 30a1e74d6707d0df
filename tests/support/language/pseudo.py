"""A language in which every text of the catalogues stands between ⟦ and ⟧: what stands outside is in no catalogue."""

from __future__ import annotations

import gettext
import os
import pwd
import re
from collections.abc import Iterable, Iterator
from functools import cache
from html.parser import HTMLParser

from tests.support.language import catalogue

OPENED, CLOSED = "⟦", "⟧"
#: attributes that people read or hear
READ = ("title", "aria-label", "alt", "placeholder", "data-l", "value")
#: elements whose text is made for machines
FOR_MACHINES = frozenset({"style", "script", "code"})
#: the login that runs the tests, by the name that the audit has for it: no text, as every name
LOGIN = rf"\b{re.escape(pwd.getpwuid(os.getuid()).pw_name)}\b"
VOID = frozenset({"meta", "br", "link", "hr", "img", "input", "wbr"})


class Pseudo(gettext.NullTranslations):
    """The catalogue of that language: of the texts that were gathered, for one that is looked up alone escapes, too."""

    def gettext(self, message: str) -> str:
        return f"{OPENED}{message}{CLOSED}" if message in _gathered() else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@cache
def _gathered() -> frozenset[str]:
    """Every text of the template, both forms of one that counts."""
    found = catalogue.read(catalogue.TEMPLATE)
    return frozenset(text for each in found for text in ((each.id,) if isinstance(each.id, str) else each.id))


class _Outside(HTMLParser):
    """Gathers what stands outside of the marks, each run of it in the order of the page."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[str] = []
        self.depth = 0
        self._silent: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in READ:
            if name == "value" and given.get("type") not in ("submit", "button", "reset"):
                continue
            self.runs += outside(given.get(name) or "")
        if tag not in VOID:
            ids = "id" in (given.get("class") or "").split()
            self._silent.append(tag in FOR_MACHINES or ids or any(self._silent[-1:]))
        self.runs.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        self._silent.pop()
        self.runs.append("")

    def handle_data(self, data: str) -> None:
        for part in re.split(f"([{OPENED}{CLOSED}])", data):
            if part in (OPENED, CLOSED):
                self.depth += 1 if part == OPENED else -1
                self.runs.append("")
            elif self.depth == 0 and not any(self._silent[-1:]):
                self.runs[-1:] = [f"{self.runs[-1] if self.runs else ''}{part}"]


def outside(text: str) -> Iterator[str]:
    """Yield what stands outside of the marks of a plain text."""
    depth, run = 0, ""
    for letter in text:
        if letter == OPENED:
            depth += 1
        elif letter == CLOSED:
            depth -= 1
        elif depth == 0:
            run += letter
    yield run


def escaped_texts(page: str, values: Iterable[str]) -> list[str]:
    """Return what people read on a page of that language that is in no catalogue.

    `values` are patterns of what is no text: names, ids, what people typed. What is marked up as code or as an id is
    none either.
    """
    parser = _Outside()
    parser.feed(page)
    parser.close()
    assert parser.depth == 0
    value = re.compile("|".join(values) or r"(?!)")
    left = (value.sub("", run) for run in parser.runs)
    return sorted({run.strip() for run in left if re.search(r"[^\W\d_]", run)})
