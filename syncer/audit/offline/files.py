"""The text of a file, however Windows, a mail program or a spreadsheet saved it. Pure."""

from __future__ import annotations

import codecs

#: UTF-32 before UTF-16: its mark begins with the other's
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def text_of(raw: bytes) -> str:
    """Return the text without its byte order mark; without a mark it is UTF-8, or UTF-16 by its zero octets.

    Line ends stay as they are. Raises UnicodeDecodeError.
    """
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding)
    return raw.decode(_unmarked(raw))


def _unmarked(raw: bytes) -> str:
    """Return the encoding of octets without a mark: in UTF-16, every other octet of plain letters is zero."""
    even, odd, characters = raw[0::2].count(0), raw[1::2].count(0), len(raw) // 2
    if 2 * odd > characters and 10 * even < odd:
        return "utf-16-le"
    if 2 * even > characters and 10 * odd < even:
        return "utf-16-be"
    return "utf-8"
