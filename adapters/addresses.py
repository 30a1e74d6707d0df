"""The person's address as asked of a provider and as the provider answers it: one rule before every write."""

from __future__ import annotations

import unicodedata

from adapters.contract import Subject
from adapters.errors import Permanent


def spellings_of(subject: Subject) -> tuple[str, ...]:
    """Return the spellings to look for. Raises Permanent `malformed` where there is none or an empty one."""
    if not subject.spellings or not all(subject.spellings):
        raise Permanent("malformed", "an empty address")  # an empty filter returns everybody
    return subject.spellings


def is_person(answered: object, subject: Subject) -> bool:
    """Say whether an address that a provider answered is the person's, by the identity rule and nothing looser.

    Databases compare more loosely: under `utf8mb4_unicode_ci` ß equals ss, and é equals e (sulu/sulu#2485).
    """
    return isinstance(answered, str) and subject.normal(answered) == subject.address


def is_neighbour(answered: object, subject: Subject) -> bool:
    """Say whether a search for the person may answer with this address though it is somebody else's.

    A collation does so (`is_person`), and so does a search that matches whatever contains the text asked for
    ("contacts whose email contains the search text", ActiveCampaign's page on restoring). Neighbours are left alone;
    any other address shows that the search was not applied at all.
    """
    if not isinstance(answered, str):
        return False
    held = _folded(answered)
    return any(_folded(spelling) in held for spelling in subject.spellings)


def _folded(text: str) -> str:
    """Return a text as the loosest collation compares it: without case, marks, widths and ignorable characters."""
    if text.isascii() and text.isprintable():
        return text.lower().replace("ss", "s")  # nearly all, and a listing may be long
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    plain = "".join(char for char in apart if unicodedata.category(char) not in ("Mn", "Me", "Cf", "Cc"))
    return plain.translate(_LIKE).replace("ss", "s")


#: letters that a collation of MySQL takes for others; under `utf8mb4_general_ci` ß is one s
_LIKE = str.maketrans({"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i"})
