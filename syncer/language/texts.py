"""Texts in the language of whoever reads: what marks a text for the catalogues, and what looks it up there.

A text is written in English where it is used, `_("Every request")`. One that is kept before anybody reads it, in a
table of words for example, is marked with `N_` there and looked up with `_` where it is shown. Values have places in a
text, `_("case {number}").format(number=7)`; one text is one sentence, as each language has an order of its own.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from datetime import date
from functools import cache
from typing import Any

#: the language that texts are written in, and those that there are catalogues of
ENGLISH = "en"
LANGUAGES = (ENGLISH, "de", "fr")
DOMAIN = "syncer"

_spoken: ContextVar[str] = ContextVar("language", default=ENGLISH)
_instead: ContextVar[gettext.NullTranslations | None] = ContextVar("instead", default=None)
_PLACE = re.compile(r"\{(\w+)\}")


def N_(text: str) -> str:  # noqa: N802 — the name by which gettext's tools find such a text
    """Return the text as it is; it is marked for the catalogues."""
    return text


def _(text: str) -> str:
    """Return the text in the language that is spoken; as it is where its catalogue does not have it."""
    return _used().gettext(text) if text else ""  # of "" a catalogue returns what it says of itself


def plural(one: str, many: str, number: int) -> str:
    """Return which of two texts fits a number, in the language that is spoken; `%(num)d` in them stays.

    A number comes out of a database, and SQLite keeps any value in any column: what is no number counts as none.
    """
    return _used().ngettext(one, many, number if isinstance(number, int) else 0)


def counted(one: str, many: str, number: int, /, **values: object) -> str:
    """Return which of two texts fits a number, with `{num}` and the other values in their places."""
    return plural(one, many, number).format(**{"num": digits(number), **values})


def digits(number: int) -> str:
    """Return a count in digits as the language writes it: 1234, 1.234 or 1 234; what is no number, as it is."""
    if spoken() == ENGLISH or not isinstance(number, int):
        return str(number)
    from babel.numbers import format_decimal  # slow to load, and most commands speak English

    return str(format_decimal(number, locale=spoken()))


def one_place(number: float) -> str:
    """Return a number with one decimal place as the language writes it: 3.5 or 3,5."""
    if spoken() == ENGLISH:
        return f"{number:.1f}"
    from babel.numbers import format_decimal

    return str(format_decimal(number, "#,##0.0", locale=spoken()))


def listed(items: Sequence[str]) -> str:
    """Return items as a list in a sentence: `a, b and c`; empty for none."""
    if len(items) < 2:
        return "".join(items)
    return _("{items} and {last}").format(items=", ".join(items[:-1]), last=items[-1])


class Sentence(str):
    """A sentence in English, for machines and the command line, that `retold` says in the language of whoever reads.

    It is made of a text of the catalogues and what stands at its `{places}`. `before` stands before it in English
    alone: the name of the command that it would have been.
    """

    __slots__ = ("pattern", "values")

    pattern: str
    values: dict[str, object]

    def __new__(cls, pattern: str, /, before: str = "", **values: object) -> Sentence:
        """Make the sentence."""
        made = super().__new__(cls, before + pattern.format(**values))
        made.pattern, made.values = pattern, values
        return made


def retold(text: str, *patterns: str) -> str:
    """Return a text that was kept in English in the language that is spoken, by the pattern that it was made of.

    A `Sentence` knows its own. Else each pattern is a text of the catalogues with `{places}`; what was put into them
    stays as it is. A text that none of them fits comes back as it is.
    """
    if isinstance(text, Sentence):
        return _(text.pattern).format(**{name: _value(value) for name, value in text.values.items()})
    for pattern in patterns:
        values = _values(text, pattern)
        if values is not None:
            return _(pattern).format(**values)
    return text


def _value(value: object) -> object:
    """Return what stands at a place of a sentence as the language writes it."""
    if isinstance(value, str):
        return retold(value)
    if isinstance(value, date) and spoken() != ENGLISH:
        from babel.dates import format_date  # slow to load, and most commands speak English

        return str(format_date(value, "long", locale=spoken()))
    return value


def _values(text: str, pattern: str) -> dict[str, str] | None:
    """Return what stands in a text at the places of a pattern, None where it does not fit; each value is the shortest.

    It goes through the text once, whatever stands in it: an expression with as many places could take for ever.
    """
    first, *parts = _parts(pattern)
    if not text.startswith(first):
        return None
    at, values = len(first), {}
    for number, (name, behind) in enumerate(parts, 1):
        end = len(text) - len(behind) if number == len(parts) else text.find(behind, at + 1)
        if end <= at or text[end : end + len(behind)] != behind:
            return None
        values[name] = text[at:end]
        at = end + len(behind)
    return values if at == len(text) else None


def spoken() -> str:
    """Return the language that is spoken: one of LANGUAGES."""
    return _spoken.get()


def no_break() -> str:
    """Return the blanks that a text in the language that is spoken may hold beside U+0020."""
    return "" if spoken() == ENGLISH else "\u00a0\u202f"


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Let this language be spoken within the block, by this thread alone."""
    before = _spoken.set(language if language in LANGUAGES else ENGLISH)
    try:
        yield
    finally:
        _spoken.reset(before)


@contextmanager
def through(catalogue: gettext.NullTranslations) -> Iterator[None]:
    """Let every text be looked up in this catalogue within the block, whatever language is spoken."""
    before = _instead.set(catalogue)
    try:
        yield
    finally:
        _instead.reset(before)


def told_in(language: str, pieces: Callable[[], Iterator[str]]) -> Iterator[str]:
    """Yield the pieces of a document in its own language, whoever takes them and whatever is spoken there."""
    context = copy_context()
    context.run(_spoken.set, language if language in LANGUAGES else ENGLISH)
    made = context.run(pieces)
    while (piece := context.run(next, made, None)) is not None:
        yield piece


def _used() -> gettext.NullTranslations:
    return _instead.get() or _catalogue(_spoken.get())


@cache
def _parts(pattern: str) -> tuple[Any, ...]:
    """Return what a pattern begins with, and each of its places with what stands behind it."""
    first, *rest = _PLACE.split(pattern)
    return first, *zip(rest[::2], rest[1::2], strict=True)


@cache
def _catalogue(language: str) -> gettext.NullTranslations:
    if language == ENGLISH:
        return gettext.NullTranslations()
    from importlib.resources import as_file, files  # slow to load, and most commands speak English

    with as_file(files("syncer.language") / "catalogues") as folder:
        return gettext.translation(DOMAIN, str(folder), [language], fallback=True)
