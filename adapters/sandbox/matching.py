"""How a provider's database may compare an address: hardly any documents it, so tests choose one."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import lru_cache

#: seen in the world: MySQL's usual collation of its day finds another person (sulu/sulu#2485, WoltLab/WCF#1105)
UNICODE_CI = "utf8mb4_unicode_ci"
CONTAINS = "contains"


def matcher(collation: str, wanted: str) -> Callable[[str], bool]:
    """Return what says whether an address that is held matches the wanted one.

    "exact" leaves letter case aside, `UNICODE_CI` also accents and ß against ss, `CONTAINS` finds a part.
    """
    if collation == CONTAINS:
        part = wanted.lower()
        return lambda held: part in held.lower()
    key = _KEYS[collation]
    sought = key(wanted)
    return lambda held: key(held) == sought


@lru_cache(maxsize=65536)
def folded(text: str) -> str:
    """Return a text as utf8mb4_unicode_ci weighs it: no case, no marks, ß as ss, blanks at the end left off."""
    parts = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(one for one in parts if not unicodedata.combining(one)).rstrip(" ")


_KEYS: dict[str, Callable[[str], str]] = {"exact": str.lower, UNICODE_CI: folded}
