"""What an adapter previews with: the calls that it would make, noted in place of being made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.contract import Preview, Receipt
from adapters.errors import Permanent
from adapters.http.evidence import Trail

#: what a step says of somebody who is not there, or of what is no person's state
_NOBODY = frozenset({"", "absent", "gone", "visible", "not excluded", "in no automation"})


@dataclass(slots=True)
class Would:
    """Notes the calls of one walk that would change something, in their order and each once."""

    calls: dict[str, None] = field(default_factory=dict)

    def call(self, call: str, scope: str) -> None:
        """Note a call: its template (`DELETE /contacts/{id}`) and its scope, as a Step has them."""
        self.calls[f"{call}, {scope}"] = None


def previewed(trail: Trail, would: Would, apply: Callable[[], Receipt]) -> Preview:
    """Return what an apply would do whose changing calls are noted in `would` and not made.

    Raises Transient and Misconfigured as the apply does. A person's decision is what the preview says instead.
    """
    code = None
    try:
        apply()
    except Permanent as error:
        if error.code == "unsupported_action":
            raise
        code = error.code  # not its detail, nor an apply's notes: both tell of what was done
    return Preview(found_in(trail), tuple(would.calls), code, trail.steps)


def found_in(trail: Trail) -> tuple[str, ...]:
    """Return where the steps of a walk found the person, and how they stand there."""
    states = (f"{step.scope}: {step.state}" for step in trail.steps if step.state not in _NOBODY)
    return tuple(dict.fromkeys(states))
