"""What recipients are called: by the provider's name, and by ours behind it where we have several accounts there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.contract import Adapter, Evidence


@dataclass(frozen=True, slots=True)
class RecipientName:
    """A destination: its adapter, None where no delivery and no setting names one, and the name that people know.

    `evidence` is the most that its adapter can show, None for one that is not installed.
    """

    adapter: str | None
    title: str
    evidence: Evidence | None = None


def recipient(destination: str, adapter: str | None, about: type[Adapter] | None) -> RecipientName:
    """Return a destination as people know it; `about` is its adapter's class, None for one that is not installed."""
    title = (about.title if about else "") or adapter or destination
    return RecipientName(adapter, title, about.evidence if about else None)


def called(recipients: Mapping[str, RecipientName]) -> dict[str, str]:
    """Return what each destination is called; no two are called the same."""
    count = Counter(item.title for item in recipients.values())
    return {
        name: item.title if count[item.title] == 1 else f"{item.title} ({name})" for name, item in recipients.items()
    }
