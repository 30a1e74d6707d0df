"""The calls of one walk as evidence, kept also when the walk fails."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from adapters.contract import Step
from adapters.errors import AdapterError


class Trail:
    """The calls made so far in one walk, as evidence. Belongs to one thread."""

    def __init__(self) -> None:
        self._steps: list[Step] = []

    @property
    def steps(self) -> tuple[Step, ...]:
        """The calls in order."""
        return tuple(self._steps)

    def add(self, step: Step) -> None:
        """Keep one call."""
        self._steps.append(step)

    def state(self, state: str) -> None:
        """Write down what the last answer told of the person: `subscribed`, `absent`, `deleted` …"""
        self._steps[-1] = replace(self._steps[-1], state=state)


@contextlib.contextmanager
def evidence() -> Iterator[Trail]:
    """Open a trail; an AdapterError that leaves the block carries its steps."""
    trail = Trail()
    try:
        yield trail
    except AdapterError as error:
        error.steps = trail.steps
        raise
