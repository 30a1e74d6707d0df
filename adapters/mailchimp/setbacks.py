"""What failed in one audience or one store, kept until all the others were done."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from adapters.errors import AdapterError, Misconfigured, Permanent, Transient, stops_walk, strikes_all

#: so many failures are told one by one; an account may have hundreds of audiences
_TOLD = 3


class Setbacks:
    """The failures of one walk that concern one audience or store each.

    What would strike every call is raised at once: a key that is not good, a provider that throttles or cannot be
    reached. So is an answer about somebody else where a member was asked for: nothing is changed after it.
    """

    def __init__(self) -> None:
        self._kept: list[AdapterError] = []

    @contextlib.contextmanager
    def audience(self, audience: str) -> Iterator[None]:
        """Keep what fails in this audience."""
        try:
            yield
        except AdapterError as error:
            if stops_walk(error) or error.code in ("filter_ignored", "newer_consent"):
                raise
            self._kept.append(_named(error, f"Audience {audience}"))

    @contextlib.contextmanager
    def shop(self, scope: str) -> Iterator[None]:
        """Keep what fails in a store, or in the list of them: members come first, whatever shops do."""
        try:
            yield
        except AdapterError as error:
            if error.code in ("login_page", "redirected"):
                error = Transient("unreadable", error.detail)  # the members were answered: it is no wrong address
            if strikes_all(error):
                raise error from None
            self._kept.append(_named(error, scope))

    def keep(self, error: AdapterError) -> None:
        """Keep a failure that names its place itself, or has none."""
        self._kept.append(error)

    def raise_gravest(self) -> None:
        """Raise what was kept as one failure that names every place.

        Waiting comes before a person: while one place may still mend itself, the delivery goes on being tried, and
        once that has lasted for hours it is held for the reason that a person must look at.
        """
        if not self._kept:
            return
        wrong = next((error for error in self._kept if isinstance(error, Misconfigured)), None)
        if wrong is not None:
            raise wrong
        transient = [error for error in self._kept if isinstance(error, Transient)]
        permanent = [error for error in self._kept if isinstance(error, Permanent)]
        told = [error.detail for error in (*transient, *permanent)]
        detail = "; ".join(told[:_TOLD]) + (f"; and {len(told) - _TOLD} more" if len(told) > _TOLD else "")
        if not transient:
            raise Permanent(permanent[0].code, detail) from None
        waits = [error.retry_after for error in transient if error.retry_after is not None]
        hold_as = next((error.hold_as for error in transient if error.hold_as), None)
        raise Transient(
            transient[0].code,
            detail,
            retry_after=max(waits, default=None),
            hold_as=permanent[0].code if permanent else hold_as,
        ) from None


def again(error: AdapterError) -> AdapterError:
    """Return a failure that other walks share as one of this walk's own."""
    return _named(error, "")


def _named(error: AdapterError, scope: str) -> AdapterError:
    """Return the same failure with its place in front."""
    detail = f"{scope}: {error.detail or error.code}" if scope else error.detail
    if isinstance(error, Transient):
        return Transient(error.code, detail, retry_after=error.retry_after, hold_as=error.hold_as)
    if isinstance(error, Misconfigured):
        return Misconfigured(error.code, detail)
    return Permanent(error.code, detail)
