"""Where signed checkpoints go, so that they survive this machine: one small module per kind of place."""

from __future__ import annotations

from typing import Protocol

from syncer.audit.offline.notes import Checkpoint


class AnchorError(Exception):
    """Raised when a note could not be put in its place; the text says why in half a sentence, without any secret."""


class Place(Protocol):
    """One place for notes."""

    def publish(self, checkpoint: Checkpoint, note: str) -> str:
        """Put the note there; return where it is now, in words for people. Raises AnchorError."""
