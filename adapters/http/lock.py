"""The lock of a destination in shadow mode: the transports that are made for it let nothing but reads out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar

#: the methods that read; a body makes none of them
READS = frozenset({"GET", "HEAD"})
#: headers by which a read can ask a server to take it for a write
OVERRIDES = frozenset({"x-http-method", "x-http-method-override", "x-method-override"})
_locked: ContextVar[bool] = ContextVar("locked", default=False)


@contextlib.contextmanager
def reads_only() -> Iterator[None]:
    """Lock every Transport that is made within the block, for as long as it lives.

    No adapter takes part in it: whoever writes one can neither forget the lock nor open it.
    """
    token = _locked.set(True)
    try:
        yield
    finally:
        _locked.reset(token)


def is_locked() -> bool:
    """Say whether what is made now is locked."""
    return _locked.get()
