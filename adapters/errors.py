"""The three ways a destination can fail, because there are three things to do about it.

AdapterError
 ├── Transient      wait and repeat; the outcome may be unknown
 ├── Permanent      a person must look; the delivery is held
 └── Misconfigured  nothing will work until the operator acts; the lane pauses, no attempt is used up

No message, attribute or cause of these may hold an address, its hash, a key or a provider's payload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.contract import Step


class AdapterError(Exception):
    """Raised when a destination did not do, or did not show, what was asked.

    `code` is a stable word for the cause (`rate_limited`, `newer_consent`, …), `detail` a short text for people
    made of our own words, `steps` the calls made until then: evidence, like a receipt's. `unseen` is as in Receipt,
    None where the walk did not come so far as to know it.
    """

    def __init__(self, code: str, detail: str = "", *, steps: tuple[Step, ...] = (), unseen: int | None = None) -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail
        self.steps = steps
        self.unseen = unseen


class Transient(AdapterError):
    """Raised when repeating later can help. A cut connection is one: whether the call was obeyed is unknown.

    `retry_after` is in seconds, already parsed and capped; `cools_lane` says that every other call to this
    destination would fail in the same way now (throttling), so that the whole lane must wait. `hold_as` is the code
    under which a person must look once this has lasted for hours.
    """

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        steps: tuple[Step, ...] = (),
        retry_after: float | None = None,
        cools_lane: bool = False,
        hold_as: str | None = None,
        unseen: int | None = None,
    ) -> None:
        super().__init__(code, detail, steps=steps, unseen=unseen)
        self.retry_after = retry_after
        self.cools_lane = cools_lane
        self.hold_as = hold_as


class Permanent(AdapterError):
    """Raised when only a person can go on: the delivery is held with this code."""


class Misconfigured(AdapterError):
    """Raised when key, address, audience or rights are wrong for every delivery of the destination."""


def strikes_all(error: AdapterError) -> bool:
    """Say whether every other call to the destination would meet the same now."""
    return isinstance(error, Misconfigured) or (
        isinstance(error, Transient) and (error.cools_lane or error.code == "unreachable")
    )


#: what a single call may be answered with by something in between, while the others are answered by the provider
_BY_THE_WAY = frozenset({"login_page", "redirected"})


def stops_walk(error: AdapterError) -> bool:
    """Say whether no further call of a walk is worth making; what only looks so is raised once all else is done."""
    return strikes_all(error) and error.code not in _BY_THE_WAY
