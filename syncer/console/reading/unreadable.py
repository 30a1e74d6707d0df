"""What is said of a page that the tables hold nothing usable for, since somebody else wrote there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from syncer.console.reading.requests.rows import UNREADABLE


class UnreadableTables(RuntimeError):
    """Raised where the tables hold what syncer never writes, in a place without which a page can say nothing."""


class Uncountable(UnreadableTables):
    """Raised where nothing can be counted for that reason; what else is there can still be looked at."""


@contextmanager
def readable(kind: type[UnreadableTables] = UnreadableTables) -> Iterator[None]:
    """Raise UnreadableTables where a block that reads the tables finds in them what syncer never writes."""
    try:
        yield
    except UNREADABLE as error:
        raise kind from error
