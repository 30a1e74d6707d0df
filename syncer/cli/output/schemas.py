"""`python -m syncer.cli.output.schemas [FOLDER]`: writes the JSON Schema of every command's JSON, for docs/schemas."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from syncer.alerting.overview import AlertsView
from syncer.audit.offline.finding import Finding
from syncer.audit.offline.inclusion import InclusionProof
from syncer.cli.output.people import ListedUser
from syncer.cli.output.proposed import ProposalView
from syncer.cli.output.results import (
    CheckpointResult,
    CheckResult,
    ConfigResult,
    ExportedEntry,
    ForkResult,
    KeyResult,
    ListedKey,
    ProofResult,
    ProofsResult,
    Refusal,
    ReplayResult,
    ResyncResult,
    RetentionResult,
    SubmitResult,
    SweepResult,
    TrialResult,
    WatchResult,
    WithdrawResult,
)
from syncer.cli.output.stopped import GuardPlanResult, GuardResult
from syncer.decisions.previews import Previewed
from syncer.delivery.drift import Comparison
from syncer.reports.as_json import as_json
from syncer.reports.dossier import DossierFacts
from syncer.reports.propagation import PropagationLog
from syncer.reports.register.index import ReportIndex
from syncer.reports.schema import schema
from syncer.reports.views import EventHistory, EventView, StatusView

#: command -> the type of what it prints with --json or --format json
COMMANDS: dict[str, Any] = {
    "alerts": AlertsView,
    "approve": ProposalView,
    "audit check-proof": ProofResult | ProofsResult | Refusal,
    "audit checkpoint": CheckpointResult,
    "audit export": tuple[ExportedEntry, ...],
    "audit fork": ForkResult,
    "audit key": KeyResult,
    "audit prove": InclusionProof,
    "audit verify": Finding,
    "check": CheckResult | TrialResult,
    "config": ConfigResult,
    "dossier": DossierFacts,
    "events": tuple[EventView, ...],
    "find": tuple[EventView, ...],
    "guard": GuardResult,
    "guard plan": GuardPlanResult,
    "guard refuse": GuardPlanResult,
    "guard release": GuardPlanResult,
    "guard withdraw": GuardPlanResult,
    "key list": tuple[ListedKey, ...],
    "preview": tuple[Previewed, ...],
    "proposals": tuple[ProposalView, ...],
    "reconcile": tuple[Comparison, ...],
    "reject": ProposalView,
    "replay": ReplayResult,
    "report": PropagationLog | ReportIndex,
    "resync": ResyncResult,
    "retention": RetentionResult,
    "show": EventHistory,
    "status": StatusView,
    "submit": SubmitResult,
    "watch": tuple[WatchResult, ...],
    "withdraw": WithdrawResult,
    "user list": tuple[ListedUser, ...],
    "wordpress sweep": SweepResult,
}


def schemas() -> dict[str, str]:
    """Return the text of every schema, by the name of its file."""
    return {
        f"{command.replace(' ', '-')}.json": as_json(schema(kind, f"syncer {command}, as JSON")) + "\n"
        for command, kind in COMMANDS.items()
    }


def main(folder: Path) -> None:
    """Write the schemas into a folder, and remove those of commands that are gone."""
    folder.mkdir(parents=True, exist_ok=True)
    texts = schemas()
    for path in folder.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/schemas"))
