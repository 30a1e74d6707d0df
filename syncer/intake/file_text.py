"""From the octets of an address file to its text: which encoding, and which files are no text at all. Pure."""

from __future__ import annotations

import re

from syncer.audit.offline.files import text_of
from syncer.errors import UserError

#: first octets -> what such a file is (https://en.wikipedia.org/wiki/List_of_file_signatures)
_FORMATS = (
    (b"PK\x03\x04", "a ZIP archive or a workbook (xlsx, ods)"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old workbook or mail (xls, msg)"),
    (b"\x1f\x8b", "compressed (gzip)"),
    (b"BZh", "compressed (bzip2)"),
    (b"\xfd7zXZ\x00", "compressed (xz)"),
    (b"7z\xbc\xaf\x27\x1c", "compressed (7z)"),
    (b"(\xb5\x2f\xfd", "compressed (zstd)"),
    (b"%PDF-", "a PDF"),
    (b"{\\rtf", "a document (RTF)"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"SQLite format 3\x00", "a database (SQLite)"),
)
#: a word in letters beyond ASCII alone: Greek or Cyrillic, read as Western European
_FOREIGN_WORD = re.compile("([À-ÿ])(?!\\1{3})[À-ÿ]{3}")
#: between two letters, signs that stand inside no word: they are letters of Eastern Europe, of Mac OS, of DOS
_FOREIGN_SIGN = re.compile("(?<=[^\\W\\d_])[\x81-\x84\x86-\x90\x94\x95\x98\x9b\x9d¡£¥¯¹³º¼¾¿](?=[^\\W\\d_])")
#: the letters of Icelandic that are others in Turkish and Romanian, and letters that Icelandic does not have
_ICELANDIC, _NOT_ICELANDIC = frozenset("ÐÞðþ"), frozenset("çÇüÜãÃâÂîÎ")
#: octets that are no letter in Latin-1, as the surrogates that stand for octets nobody could read
_NO_LETTERS = {octet: 0xDC00 + octet for octet in (*range(0x80, 0xC0), 0xD7, 0xF7)}
_NO_ASCII = {octet: 0xDC00 + octet for octet in range(0x80, 0x100)}


def decoded(raw: bytes, name: str) -> tuple[str, list[str]]:
    """Return the text of a file and remarks; `name` is what they call it. Raises UserError for what is no text.

    An octet that nobody can read becomes a surrogate: its line stays visible, and unusable as an address.
    """
    _require_text(raw, name)
    try:
        return text_of(raw), []
    except UnicodeDecodeError as error:
        if error.encoding.startswith("utf-16") or error.encoding.startswith("utf-32"):
            raise UserError(f"{name}: cut off in the middle of a character; get the whole file") from None
    if any(map(_is_utf8_beyond_ascii, raw.split(b"\n"))):
        # UTF-8 with damage: octets that are none stay visible, and unusable, instead of becoming another address
        return raw.decode("utf-8", "surrogateescape"), []
    text = raw.decode("latin-1")
    if not _is_western(text):
        # read as Windows-1252 it would make another address, and of that one the provider knows nothing
        remark = "neither UTF-8 nor Windows-1252; addresses with letters beyond ASCII cannot be read: save it as UTF-8"
        return text.translate(_NO_ASCII), [f"{name}: {remark}"]
    # Latin-1 has the letters of Windows-1252 in the same places; what else Windows-1252 has is in no address, and may
    # be a letter of Mac OS or DOS: it stays unusable
    return text.translate(_NO_LETTERS), [f"{name}: not UTF-8; read as Windows-1252"]


def _require_text(raw: bytes, name: str) -> None:
    found = next((what for start, what in _FORMATS if raw.startswith(start)), None)
    if found:
        raise UserError(f"{name}: this is {found}, no text; save its addresses as CSV or text. Nothing was changed")


def _is_utf8_beyond_ascii(line: bytes) -> bool:
    try:
        return not line.decode().isascii()
    except UnicodeDecodeError:
        return False


def _is_western(text: str) -> bool:
    """Say whether the letters of a text, read as Latin-1, may be what was written there."""
    if _FOREIGN_WORD.search(text) or _FOREIGN_SIGN.search(text):
        return False
    letters = set(text)
    return not (letters & _ICELANDIC and letters & _NOT_ICELANDIC)
