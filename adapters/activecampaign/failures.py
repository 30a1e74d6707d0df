"""What failed in one place of a walk, kept until everything else was done for the person."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from adapters.errors import AdapterError, Misconfigured, Permanent, Transient, stops_walk


class Failures:
    """Collects failures that concern one object only; the others of the person are acted on first."""

    def __init__(self) -> None:
        self._kept: list[tuple[str, AdapterError]] = []

    def __len__(self) -> int:
        return len(self._kept)

    @contextlib.contextmanager
    def in_one(self, what: str) -> Iterator[None]:
        """Keep the failure of one place, named in plain words. Raises what every further call would meet as well."""
        try:
            yield
        except AdapterError as error:
            if stops_walk(error):
                raise
            self._kept.append((what, error))

    def raise_first(self) -> None:
        """Raise the first failure that time can cure, else the first, naming all places that failed.

        A Permanent one holds the delivery until a person comes, and what time can cure would wait with it. So it is
        what the delivery is held for once that has lasted; a blocked delete alone stays tried every day.
        """
        if not self._kept:
            return
        wrong = next((error for _, error in self._kept if isinstance(error, Misconfigured)), None)
        if wrong is not None:
            raise wrong from None
        held = next((error.code for _, error in self._kept if isinstance(error, Permanent)), None)
        what, first = next((one for one in self._kept if isinstance(one[1], Transient)), self._kept[0])
        others = [other for other in dict.fromkeys(other for other, _ in self._kept) if other != what]
        detail = f"{what}: {first.detail}" + (f"; failed too: {', '.join(others)}" if others else "")
        if not isinstance(first, Transient):
            raise Permanent(first.code, detail) from None
        hold_as = None if first.code == "delete_blocked" else held
        raise Transient(first.code, detail, retry_after=first.retry_after, hold_as=first.hold_as or hold_as) from None
