"""What whoever acts may decide, and for what they need a second person: asked by every decision itself."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.language.texts import Sentence


class NotAllowed(UserError):
    """Raised where whoever acts may not decide something, whatever page or command asked for it."""


class NeedsSecondPerson(UserError):
    """Raised where the settings ask for a second person; nothing was done. `kind` is one of `[console] four_eyes`."""

    def __init__(self, kind: str) -> None:
        self.kind, before = kind, f"{kind}: "
        super().__init__(
            Sentence(
                "[console] four_eyes asks for a second person; it has to be proposed, and `syncer proposals` shows what"
                " waits",
                before,
            )
        )


@dataclass(frozen=True, slots=True)
class Authority:
    """What whoever acts may do, and the kinds of decisions that nobody carries out alone."""

    allowed: frozenset[Permission]
    four_eyes: frozenset[str] = frozenset()

    def require(self, permission: Permission) -> None:
        """Raise NotAllowed unless whoever acts may do this."""
        if permission not in self.allowed:
            raise NotAllowed(
                Sentence(
                    "this asks for the permission {permission}, which whoever acts does not have", permission=permission
                )
            )

    def require_alone(self, kind: str) -> None:
        """Raise NeedsSecondPerson where one person alone may not decide this."""
        if kind in self.four_eyes:
            raise NeedsSecondPerson(kind)
