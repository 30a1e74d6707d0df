"""How an adapter tries its calls on an invented contact: each call becomes a step, whatever it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from adapters.contract import TrialStep
from adapters.errors import AdapterError
from adapters.http.answer import Answer, key_names
from adapters.http.evidence import Trail

#: says what an answer means for real people, "" where all is as documented; raises what the answer means otherwise
Judge = Callable[[Answer], str]


class Trial:
    """The steps of one trial. `answer` is that of the last call, None where none came."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self.answer: Answer | None = None

    def step(self, name: str, call: Callable[[], Answer], judge: Judge, meaning: str = "") -> TrialStep:
        """Make a call and judge its answer; `meaning` says what a failure of it means for real people."""
        self.answer = None
        made = len(self._trail.steps)
        try:
            self.answer = call()
            finding, ok = judge(self.answer), True
        except AdapterError as error:
            finding, ok = f"{error.detail or error.code}{f': {meaning}' if meaning else ''}", False
        step = self._trail.steps[-1] if len(self._trail.steps) > made else None
        keys = key_names(self.answer) if self.answer is not None else ()
        if step is None:
            return TrialStep(name, ok, "", None, 0, keys, finding)
        return TrialStep(name, ok, step.call, step.status, step.ms, keys, finding)


def failed(step: TrialStep, finding: str) -> TrialStep:
    """Return the step as one that did not show what it should."""
    return replace(step, ok=False, finding=finding)
