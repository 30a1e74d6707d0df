"""What all ways of sending have in common: what leaves, and how it can fail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from syncer.database.alerting.outbox import MessageRow


class Undelivered(Exception):
    """Raised when a message was not accepted; the text says why in half a sentence, without target or secret."""


class PartlyDelivered(Undelivered):
    """Raised when some of several recipients have a message, and no other try would bring it to the rest."""


class SwitchedOff(Undelivered):
    """Raised when a receiver says that it wants no message any more."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that a message brings along."""

    name: str
    content: bytes


class Sender(Protocol):
    """One way out."""

    def send(self, message: MessageRow, attachment: Attachment | None) -> None:
        """Send a message; the same one may come again, and is known by its `message_id`. Raises Undelivered."""
