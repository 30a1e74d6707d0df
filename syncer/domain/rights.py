"""The rights of a data subject, their order in a lane, and the grounds for an exemption."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    """What a data subject can exercise. Only the first two can stand in the queue today."""

    ERASURE = "erasure"  # GDPR Art. 17
    OBJECTION = "objection"  # GDPR Art. 21
    RESTRICTION = "restriction"  # GDPR Art. 18, not taken yet
    RECTIFICATION = "rectification"  # GDPR Art. 16, not taken yet


ACCEPTED_RIGHTS = frozenset({Right.ERASURE, Right.OBJECTION})


class Ground(StrEnum):
    """Why a person may decide that a destination is not told (Art. 17(3), Art. 19)."""

    LEGAL_CLAIMS = "legal_claims"
    LEGAL_OBLIGATION = "legal_obligation"
    IMPOSSIBLE = "impossible"
    DISPROPORTIONATE = "disproportionate"
    OTHER = "other"


#: every value that `rank` returns, the first to be served first
RANKS = (0, 1)


def rank(right: Right | str | None) -> int:
    """Return the place of a right in a lane: objections go first."""
    return 0 if right == Right.OBJECTION else 1
