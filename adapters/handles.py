"""The handles of a receipt: what an apply acted on."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.contract import Handle


def ids_of(kind: str, handles: Iterable[Handle]) -> tuple[str, ...]:
    """Return the ids of one kind among the handles of a receipt, in their order."""
    return tuple(handle.id for handle in handles if handle.kind == kind)
