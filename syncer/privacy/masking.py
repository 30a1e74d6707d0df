"""Text made fit to be shown: without addresses, their hashes, and characters that a terminal obeys."""

from __future__ import annotations

import re
from typing import Any

from syncer.language.texts import no_break

LONGEST = 300  # characters of a value
LONGEST_READ = 20 * LONGEST  # characters of a value that are looked at
#: characters of an adapter's text that the audit keeps; a detail may name several places
LONGEST_KEPT = 1000
#: a quoted local part with its address, else a run without blanks, quotes and angle brackets
_WORD = re.compile(r"""\"[^"\n]{1,64}\"@[^\s"'<>]+|[^\s"'<>]+""")
_AT = re.compile("[@＠﹫]|%40", re.IGNORECASE)
_HASH = re.compile(r"(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])")
_SUSPICIOUS = re.compile(f"{_AT.pattern}|{_HASH.pattern}", re.IGNORECASE)


def clean(text: str) -> str:
    """Return text that is safe on a terminal and in a file: masked, ASCII, at most LONGEST characters."""
    if len(text) > LONGEST_READ:
        # the last word may have been cut before its @
        text = text[:LONGEST_READ].rpartition(" ")[0]
    return masked(text).encode("unicode_escape").decode("ascii")[:LONGEST]


def masked(text: str) -> str:
    """Return text with every address replaced by `[address]` and every 32 hex digits by `[hash]`."""
    return _HASH.sub("[hash]", _WORD.sub(_mask, text))


def escaped(text: str, keep: str = "") -> str:
    r"""Return text with \uXXXX for every character that a terminal obeys or nobody sees; `keep` stay as they are.

    Those are controls (C0, C1), directions, invisible characters, blanks other than U+0020, halves of surrogate pairs.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escape(c) for c in text)


def visible(value: Any) -> Any:
    """Return text as people may see it: masked, with control and direction characters made visible.

    The blanks at which the language that is spoken breaks no line stay. Anything but plain text (numbers, marked-up
    text, None) comes back as it is.
    """
    if type(value) is not str or (value.isprintable() and not _SUSPICIOUS.search(value)):
        return value
    return escaped(masked(value), keep=no_break())


def _escape(character: str) -> str:
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def kept(value: Any) -> Any:
    """Return an adapter's text as the audit keeps it: what `visible` returns, cut. Anything but text as it is.

    Adapters make their texts of their own words. Should a provider's slip in, this is the last place to stop it: no
    entry can be taken out of the audit again.
    """
    shown = visible(value)
    return shown if type(shown) is not str or len(shown) <= LONGEST_KEPT else f"{shown[:LONGEST_KEPT]}…"


def _mask(word: re.Match[str]) -> str:
    return "[address]" if _AT.search(word[0]) else word[0]
