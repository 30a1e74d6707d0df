"""The handles of a receipt, each written `kind:id`: what an apply acted on."""

from __future__ import annotations

from collections.abc import Iterable


def ids_of(kind: str, handles: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of one kind among the handles of a receipt, in their order."""
    return tuple(handle.partition(":")[2] for handle in handles if handle.startswith(f"{kind}:"))
