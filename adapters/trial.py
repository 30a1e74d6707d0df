"""How an adapter tries its calls on an invented contact: each call becomes a step, whatever it answers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from adapters.contract import TrialStep
from adapters.errors import AdapterError
from adapters.http.answer import Answer, key_names
from adapters.http.evidence import Trail

#: says what an answer means for real people, "" where all is as documented; raises what the answer means otherwise
Judge = Callable[[Answer], str]

#: how often a call that is throttled is made again; the daemon may be at work in the same account
_PATIENCE = 5
#: seconds waited for a provider that throttles: at most, and the first time where it names none
_LONGEST, _FIRST = 30.0, 1.0
#: how often what a trial left behind is looked for and removed
CLEANINGS = 3


class Trial:
    """The steps of one trial. `answer` is that of the last call, None where none came; `sleep` waits (seconds)."""

    def __init__(self, trail: Trail, sleep: Callable[[float], None] = time.sleep) -> None:
        self._trail = trail
        self._sleep = sleep
        self.answer: Answer | None = None

    def step(self, name: str, call: Callable[[], Answer], judge: Judge, meaning: str = "") -> TrialStep:
        """Make a call and judge its answer; `meaning` says what a failure of it means for real people."""
        self.answer = None
        made = len(self._trail.steps)
        try:
            self.answer = self._patiently(call)
            finding, ok = judge(self.answer), True
        except AdapterError as error:
            finding, ok = f"{error.detail or error.code}{f': {meaning}' if meaning else ''}", False
        step = self._trail.steps[-1] if len(self._trail.steps) > made else None
        keys = key_names(self.answer) if self.answer is not None else ()
        if step is None:
            return TrialStep(name, ok, "", None, 0, keys, finding)
        return TrialStep(name, ok, step.call, step.status, step.ms, keys, finding)

    def _patiently(self, call: Callable[[], Answer]) -> Answer:
        """Make a call, and make it again while the provider throttles: that says nothing of the call."""
        answer, wait = call(), _FIRST
        for _ in range(_PATIENCE):
            if answer.status not in (429, 503):
                break
            self._sleep(min(answer.retry_after or wait, _LONGEST))
            answer, wait = call(), wait * 2
        return answer


def failed(step: TrialStep, finding: str) -> TrialStep:
    """Return the step as one that did not show what it should."""
    return replace(step, ok=False, finding=finding)
