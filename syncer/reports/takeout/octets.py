"""The octets of a document: what a file of it holds, the same wherever it was asked for."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

#: what JSON text holds beyond ASCII and line feeds
_BEYOND = re.compile(r"[^ -~\n]")
#: name of the error handler under which text is encoded
ESCAPE = "syncer.escape"
#: what stands before the first line of a CSV file: by it a spreadsheet knows UTF-8
MARK = "\ufeff"
JSON_FORMATS = ("json", "jsonl")


def file_octets(pieces: Iterable[str], fmt: str) -> Iterator[bytes]:
    """Yield what a file of this format holds, a chunk for each piece."""
    head = MARK if fmt == "csv" else ""
    for piece in pieces:
        text = visible_json(piece) if fmt in JSON_FORMATS else piece
        yield (head + text).encode("utf-8", ESCAPE)
        head = ""


def visible_json(text: str) -> str:
    """Return the same JSON with every character escaped that nobody can see or that a terminal obeys."""
    return _BEYOND.sub(_unless_printable, text)


def _unless_printable(character: re.Match[str]) -> str:
    # JSON holds these inside strings only, where the escape is the same value
    return character[0] if character[0].isprintable() else _units(character[0])


def _escape(error: UnicodeError) -> tuple[str, int]:
    r"""Return what stands for characters that cannot be encoded: \uXXXX, which JSON reads back as the same text."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return _units(error.object[error.start : error.end]), error.end


def _units(text: str) -> str:
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))


codecs.register_error(ESCAPE, _escape)
