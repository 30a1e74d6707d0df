"""Signs that an address is not what its person typed: a program in between encoded, quoted or garbled it. Pure.

Such an address finds nobody at a provider, and "nobody" would be taken for the proof that the person is gone. Asked of
everything that people and producers bring; never of what a provider holds, where the damaged form is the right one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from functools import cache
from urllib.parse import unquote, unquote_to_bytes

from syncer.errors import AddressError
from syncer.privacy.addresses import LONGEST_ADDRESS, normalise


def usable(raw: str, *, as_written: bool = False) -> str:
    """Return the normal form of an address that somebody brings. Raises AddressError, also for a sign of damage.

    `as_written`: a person vouches that the address truly looks like that. What is no address stays refused.
    """
    sign = "" if as_written else damage(raw)
    if sign:
        raise AddressError(f"damaged: {sign}")
    return normalise(raw)


def damage(raw: str) -> str:
    """Return the sign of damage that an address shows, in a few words, or "" for none."""
    text = raw.strip(" \t")
    if len(text) > 2 * LONGEST_ADDRESS:  # no address, and the search would take its time
        return ""
    return next((name for name, shows in _SIGNS if shows(text)), "")


# -- encodings ----------------------------------------------------------------------------------------------

_PERCENT = re.compile(r"(?:%[0-9a-fA-F]{2})+")
_PERCENT_U = re.compile(r"%u[0-9a-fA-F]{4}")


def _percent(text: str) -> bool:
    return bool(_PERCENT_U.search(text)) or any(
        _encoded(unquote_to_bytes(match.group())) or _old_form(match.group(), text[match.start() + 1 :])
        for match in _PERCENT.finditer(text)
    )


def _encoded(octets: bytes) -> bool:
    """Say whether somebody would have encoded these octets: letters and digits of ASCII need none."""
    try:
        return any(not (char.isascii() and char.isalnum()) for char in octets.decode())
    except UnicodeDecodeError:
        return False


def _old_form(octet: str, rest: str) -> bool:
    """Say whether these are letters of Latin-1 (%E9), and not the host of an old route: user%bank.test@relay.test."""
    routed = _HOST.fullmatch(rest.rpartition("@")[0]) and octet != octet.upper()
    return all("\u00c0" <= letter <= "\u00ff" for letter in unquote(octet, "latin-1")) and not routed


_QUOTED = re.compile(r"(?:=[0-9a-fA-F]{2})+")
_HOST = re.compile(r"[a-zA-Z0-9-]+(\.[a-zA-Z0-9-]+)+")
#: return paths that carry hashes: SRS, BATV
_RETURN_PATH = re.compile(r"(srs[01][=+-]|prvs=|btv1==)", re.IGNORECASE)


def _quoted_printable(text: str) -> bool:
    local = text.rpartition("@")[0]
    if _RETURN_PATH.match(local):
        return False
    for match in _QUOTED.finditer(local):
        octets = bytes.fromhex(match.group().replace("=", ""))
        # bounce+user=20minutes.test@list.test carries a whole address (VERP); encoders write capitals, hosts do not
        carried = _HOST.fullmatch(local[match.start() + 1 :]) and not re.search("[A-F]", match.group())
        if not carried and _encoded(octets):
            return True
    return False


_ENTITY = re.compile(
    r"""&(?:\#\d{2,7}|\#[xX][0-9a-fA-F]{2,6});?
    |&[a-zA-Z][a-zA-Z0-9]{1,31};
    |&(?:[aeiouyAEIOUY]acute|[aeiouAEIOU](?:grave|circ|uml)|[anoANO]tilde|[cC]cedil|[oO]slash|[aA]ring|szlig|aelig|AElig)
    |^&(?:lt|gt|quot|nbsp)""",  # the last two where the semicolon was lost, which HTML forgives
    re.VERBOSE,
)


def _entity(text: str) -> bool:
    return any(html.unescape(match.group()) != match.group() for match in _ENTITY.finditer(text))


_ESCAPE = re.compile(
    r"""\\                 # \u00e9, \xe9, \n and \' all need a backslash, and only a quoted local part may hold one
    |(?<=[^\W\d_])[uU](?:00[c-fC-F][0-9a-fA-F]|002[bB])   # u00e9: what is left of \u00e9 where backslashes are stripped
    |[uU]\+00[c-fC-F][0-9a-fA-F]  # U+00E9, as some logs write it
    |(?:u[0-9a-fA-F]{4}){2}       # u0430u043d: the same of an alphabet that Latin-1 lacks
    |(?<=[^\W\d_])[uU](?=[0-9a-fA-F]*[a-fA-F])(?:01[0-7]|1[eE][89a-fA-F])[0-9a-fA-F]  # u015f, u1ec5
    |^u003[cC]|u003[eE]$          # < and > around it, as JSON for web pages writes them
    |=\?[\w-]+\?[bBqQ]\?  # an encoded word of a mail header
    """,
    re.VERBOSE,
)


def _escape(text: str) -> bool:
    return bool(_ESCAPE.search(text))


# -- letters read in another alphabet -----------------------------------------------------------------------

_OUTSIDE_ASCII = re.compile("[^\x00-\x7f]+")
_UTF8 = re.compile(b"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
#: what programs took UTF-8 for: code pages of Windows, Mac, Unix and DOS
_CODE_PAGES = (
    "cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1257", "mac_roman", "iso8859-2", "iso8859-15", "koi8_r",
    "cp437", "cp850", "cp852", "cp866", "cp1255", "cp1256", "cp1258", "cp874",
)  # fmt: skip
#: code page -> first halves of letters, before which its second halves stand in no language's words; ăş does
_FIRST_HALVES = {"cp1252": "ÃÅÐÑ", "cp1250": "Ă", "iso8859-2": "Ă"}
_SECOND_HALVES_TOO = "Şş"
#: a program that wrote the first halves in lower case leaves words of other languages: äž, åš, ñš
_RAISED_HALVES = {**_FIRST_HALVES, "cp1252": "Ã"}
#: code pages of other alphabets: a letter of theirs beside one of ours belongs to no word
_OTHER_ALPHABETS = frozenset({"cp1251", "cp1253", "koi8_r", "cp866", "cp1255", "cp1256", "cp874"})
#: letters to Unicode, but in an address as odd as a sign
_NO_LETTERS = "ƒŸªºµ"


@cache
def _octets_of(code_page: str) -> dict[str, int]:
    """Return character -> octet of a code page's upper half; controls of Latin-1 stand for the octets it leaves out."""
    table = {chr(octet): octet for octet in range(0x80, 0xA0)}
    for octet in range(0x80, 0x100):
        table[bytes([octet]).decode(code_page, "replace")] = octet
    return table


def _mojibake(text: str) -> bool:
    return any(
        _garbled(match.group(), code_page, _FIRST_HALVES, mixed)
        or _garbled(_raised(match.group(), code_page), code_page, _RAISED_HALVES, mixed)
        for match in _OUTSIDE_ASCII.finditer(text)
        for mixed in [_beside_a_letter(text, match.start(), match.end())]
        for code_page in _CODE_PAGES
    )


def _beside_a_letter(text: str, start: int, end: int) -> bool:
    return text[max(start - 1, 0) : start].isalpha() or text[end : end + 1].isalpha()


def _raised(run: str, code_page: str) -> str:
    """Return the run as it was before a program wrote it in lower case: josã© was josÃ©."""
    known = _octets_of(code_page)
    return "".join(char.upper() if char.upper() in known else char for char in run)


def _garbled(run: str, code_page: str, first_halves: Mapping[str, str], mixed: bool) -> bool:
    """Say whether some of the characters are the octets of UTF-8, each read as a character of this code page.

    Letters alone may be a word of some language, so one of them must show as a sign (© in Ã©), or begin no word so.
    `mixed`: a letter of ASCII stands beside them.
    """
    known, halves = _octets_of(code_page), first_halves.get(code_page, "")
    octets = bytes(known.get(char, 0) for char in run)
    for match in _UTF8.finditer(octets):
        read = run[match.start() : match.end()]
        sign = any(not char.isalpha() or char in _NO_LETTERS for char in read)
        no_word = read[0] in halves and read[1] not in _SECOND_HALVES_TOO
        if (sign or no_word or (mixed and code_page in _OTHER_ALPHABETS)) and _decodes(match.group()):
            return True
    return False


def _decodes(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:  # overlong, or half of a pair
        return False
    return True


#: what an input method, a PDF or a Japanese code page makes of plain letters: full width, ligatures, half-width kana
_TYPED_ASCII = re.compile("[\uff01-\uff5e\ufb00-\ufb06\uff61-\uff9f]")


def _other_width(text: str) -> bool:
    return bool(_TYPED_ASCII.search(text.rpartition("@")[0]))


#: Latin beside Greek or Cyrillic in one word: Unicode's profile for names that are not meant to deceive refuses it
#: (UTS 39, 5.2, "moderately restrictive"), and letters of one code page read in another look so: josй, mьller, josθ
_TWO_ALPHABETS = re.compile(
    "[a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f][\u0370-\u052f]|[\u0370-\u052f][a-zA-Z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]"
)
#: signs that a code page has in the place of another's letter: m³ller, jos╔, s°ren, fran√ßoise; and the empty box
_SIGNS_FOR_LETTERS = re.compile(
    "[\u00a1-\u00a9\u00ab-\u00b4\u00b6\u00b8\u00b9\u00bb-\u00be\u00d7\u00f7\u02c6-\u02df\u2020-\u2022\u2030\u2070-\u209f\u20a0-\u20cf\u2122"
    "\u2200-\u22ff\u2320\u2321\u2500-\u25a1]"
)

# -- what stood around it -----------------------------------------------------------------------------------

_AROUND = re.compile(r"""^['`,;(\[]|['`"\],;.)]$|^"[^"]*$|^"[^"]*@[^"]*"$|[<>]|^\w+:""")
#: what word processors make of ' " and -, and marks that quote in other languages
_TYPOGRAPHIC = re.compile("[\u2018-\u201f\u2039\u203a\u00ab\u00bb\u2032\u2033\u300c-\u300f\u2010-\u2015\u2026\u00b4]")
#: what converters and databases put for a letter that their alphabet lacks; the first also begins the rest of a link
_LOST = re.compile("[?\u00bf\ufffd]")
_SPELLED_AT = re.compile(r"[\[({]\s*(at|ät|dot|punkt|arroba|chez|arobase)\s*[\])}]", re.IGNORECASE)

#: name of the sign -> whether an address shows it; the first one that does is named
_SIGNS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("escape sequence", _escape),
    ("percent encoding", _percent),
    ("HTML entity", _entity),
    ("quoted-printable encoding", _quoted_printable),
    ("letters read in the wrong encoding", _mojibake),
    ("quoting marks or punctuation around it", lambda text: bool(_AROUND.search(text))),
    ("typographic quotes or dashes", lambda text: bool(_TYPOGRAPHIC.search(text))),
    ("full-width or half-width letters, or ligatures", _other_width),
    ("a question mark where a letter was lost", lambda text: bool(_LOST.search(text))),
    ("letters of two alphabets in one word", lambda text: bool(_TWO_ALPHABETS.search(text))),
    ("a sign where a letter was lost", lambda text: bool(_SIGNS_FOR_LETTERS.search(text))),
    ("a spelled-out @", lambda text: bool(_SPELLED_AT.search(text))),
)
