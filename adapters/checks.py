"""How an adapter finds out whether its part of the installation is sound: it tries."""

from __future__ import annotations

import re
from collections.abc import Callable

from adapters.contract import Check
from adapters.errors import AdapterError

#: characters of a name that are shown
_LONGEST_NAME = 60
_HASH = re.compile(r"[0-9a-fA-F]{32}")


def tried(name: str, attempt: Callable[[], str], remedy: str) -> Check:
    """Make the attempt, which returns its detail. An AdapterError makes the finding not ok and names the remedy."""
    try:
        return Check(name, True, attempt())
    except AdapterError as error:
        return Check(name, False, str(error), remedy)


def shown_name(value: object) -> str:
    """Return the name of an account, audience, list or shop for a human eye.

    It is a text of others: addresses and hashes in it are withheld, control and direction characters shown as `?`,
    and it is cut. `?` for what is no text.
    """
    if not isinstance(value, str):
        return "?"
    words = ["[withheld]" if "@" in word or _HASH.search(word) else word for word in value.split()]
    plain = "".join(char if char.isprintable() else "?" for char in " ".join(words)[: _LONGEST_NAME + 1])
    return plain if len(plain) <= _LONGEST_NAME else f"{plain[:_LONGEST_NAME]}…"
