"""What the last trial of each destination showed, out of the audit."""

from __future__ import annotations

from syncer.audit.ledger import Ledger, LogEntry
from syncer.reports.views import TrialView

#: the audit's word for a trial
TRIED = "destination:tried"


def last_trials(ledger: Ledger) -> dict[str, TrialView]:
    """Return the last trial of each destination that was tried; trials are few."""
    return {entry.destination: _view(entry) for entry in ledger.entries((TRIED,)) if entry.destination}


def _view(entry: LogEntry) -> TrialView:
    facts = entry.facts or {}
    steps = [step for step in facts.get("steps", []) if isinstance(step, dict)]
    findings = tuple(str(step["finding"]) for step in steps if step.get("finding"))
    return TrialView(entry.at, facts.get("ok") is True, len(steps), findings)
