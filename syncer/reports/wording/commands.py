"""The command lines that an administrator copies: complete, with the case numbers of the requests they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from syncer.domain.effects import Remedy

#: requests that are named in one line, and those that get a line each; more are chosen by their state, or not named
IN_ONE, EACH = 20, 3
#: what the person who decides writes there
REASON = '--reason "…"'


class Named(Protocol):
    """A request as far as a command names it."""

    @property
    def id(self) -> str:
        """Its id."""

    @property
    def case(self) -> int | None:
        """Its case number; None where it has none."""


def commands(step: Remedy, events: Sequence[Named], destination: str | None) -> tuple[str, ...]:
    """Return the lines of a step about requests at a destination, ready to be copied but for the reason."""
    if step is Remedy.CHECK:
        return ("syncer check",)
    if step is Remedy.VERIFY:
        return ("syncer audit verify --full",)
    if step is Remedy.RESUME:
        return (f"syncer resume {destination} {REASON}",)
    if step is Remedy.BRING_ADDRESS:
        return (f"syncer resync --file FILE {REASON}",)
    if step is Remedy.LOOK:
        return (f"syncer guard plan{_stopped(events)}",)
    if step is Remedy.RESYNC:
        return (f"syncer resync {_chosen(events)}{_at(destination)} {REASON}",)
    named = [named_as(event) for event in events] if len(events) <= EACH else ["EVENT"]
    if step is Remedy.RESYNC_SOME:
        return tuple(f"syncer resync --event {event}{_at(destination)} {REASON}" for event in named)
    if step is Remedy.WITHDRAW:
        return tuple(f"syncer withdraw {event} {REASON}" for event in named)
    return tuple(f"syncer exempt {event}{_at(destination)} --ground other {REASON}" for event in named)


def show(events: Sequence[Named], state: str) -> tuple[str, ...]:
    """Return the lines that show requests, each for itself or, of many, those in a state."""
    if len(events) > EACH:
        return (f"syncer events --state {state}",)
    return tuple(f"syncer show {named_as(event)}" for event in events)


def named_as(event: Named) -> str:
    """Return how a command takes a request: by its case number, or by its id where it has none."""
    return event.id if event.case is None else str(event.case)


def _chosen(events: Sequence[Named]) -> str:
    return " ".join(f"--event {named_as(event)}" for event in events) if len(events) <= IN_ONE else "--held"


def _stopped(events: Sequence[Named]) -> str:
    return "".join(f" --event {named_as(event)}" for event in events) if len(events) <= IN_ONE else ""


def _at(destination: str | None) -> str:
    return f" --destination {destination}" if destination else ""
