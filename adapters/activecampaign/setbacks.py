"""What failed in one place of a walk, kept until everything else was done for the person."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from adapters.errors import AdapterError, Misconfigured, Transient


class Setbacks:
    """Collects failures that concern one object only; the others of the person are acted on first."""

    def __init__(self) -> None:
        self._failures: list[tuple[str, AdapterError]] = []

    def __len__(self) -> int:
        return len(self._failures)

    @contextlib.contextmanager
    def in_one(self, what: str) -> Iterator[None]:
        """Keep the failure of one place, named in plain words. Raises what every further call would meet as well."""
        try:
            yield
        except AdapterError as error:
            if isinstance(error, Misconfigured) or error.code == "unreachable":
                raise
            if isinstance(error, Transient) and error.cools_lane:
                raise
            self._failures.append((what, error))

    def raise_first(self) -> None:
        """Raise the first failure that time can cure, else the first, naming all places that failed.

        One that is Permanent holds the delivery until a person comes; what else failed would wait with it.
        """
        if not self._failures:
            return
        places = list(dict.fromkeys(what for what, _ in self._failures))
        first = next((one for one in self._failures if isinstance(one[1], Transient)), self._failures[0])
        others = [what for what in places if what != first[0]]
        detail = f"{first[0]}: {first[1].detail}" + (f"; failed too: {', '.join(others)}" if others else "")
        raise _renamed(first[1], detail) from None


def _renamed(error: AdapterError, detail: str) -> AdapterError:
    if isinstance(error, Transient):
        return Transient(
            error.code,
            detail,
            retry_after=error.retry_after,
            cools_lane=error.cools_lane,
            hold_as=error.hold_as,
        )
    return type(error)(error.code, detail)
