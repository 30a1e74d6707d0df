"""How an adapter finds out whether its part of the installation is sound: it tries."""

from __future__ import annotations

from collections.abc import Callable

from adapters.contract import Check
from adapters.errors import AdapterError


def tried(name: str, attempt: Callable[[], str], remedy: str) -> Check:
    """Make the attempt, which returns its detail. An AdapterError makes the finding not ok and names the remedy."""
    try:
        return Check(name, True, attempt())
    except AdapterError as error:
        return Check(name, False, str(error), remedy)
