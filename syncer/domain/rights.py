"""The rights of a data subject, the grounds for an exemption, and which right a lane serves first."""

from __future__ import annotations

from enum import StrEnum


class Right(StrEnum):
    """A right under the GDPR; the queue takes those in ACCEPTED_RIGHTS only."""

    ERASURE = "erasure"  # GDPR Art. 17
    OBJECTION = "objection"  # GDPR Art. 21
    RESTRICTION = "restriction"  # GDPR Art. 18, not taken yet
    RECTIFICATION = "rectification"  # GDPR Art. 16, not taken yet


ACCEPTED_RIGHTS = frozenset({Right.ERASURE, Right.OBJECTION})


class Ground(StrEnum):
    """Why a delivery is closed by a person's decision (GDPR Art. 17(3), Art. 19), or by the request being withdrawn."""

    LEGAL_CLAIMS = "legal_claims"
    LEGAL_OBLIGATION = "legal_obligation"
    IMPOSSIBLE = "impossible"
    DISPROPORTIONATE = "disproportionate"
    OTHER = "other"
    WITHDRAWN = "withdrawn"  # of the whole request, by `withdraw` alone


#: what may be decided about one destination; WITHDRAWN is about the request
GROUNDS = tuple(ground for ground in Ground if ground is not Ground.WITHDRAWN)
#: the grounds that fit a right, where not all do: Art. 17(3) excepts from erasure, and nothing from an objection to
#: marketing (Art. 21(3))
_FITTING: dict[str, tuple[Ground, ...]] = {Right.OBJECTION: (Ground.IMPOSSIBLE, Ground.OTHER)}


def fitting(right: Right | str | None) -> tuple[Ground, ...]:
    """Return the grounds that fit a right; all of them where it is not known."""
    return _FITTING.get(right or "", GROUNDS)


#: every value of `rank`, in the order in which a lane serves them
RANKS = (0, 1)


def rank(right: Right | str | None) -> int:
    """Return the rank of a right in a lane, the lowest served first: an objection goes before all others."""
    return 0 if right == Right.OBJECTION else 1
