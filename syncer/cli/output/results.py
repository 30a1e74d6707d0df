"""What commands that do something print with --json, as values; `reports.as_json` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from adapters.contract import Check, TrialStep
from syncer.audit.offline.inclusion import ProvenEntry
from syncer.audit.proof.purge import BodySpan
from syncer.decisions.replay import Lost
from syncer.decisions.withdrawing.withdrawal import Happened, Withdrawal
from syncer.domain.model import State
from syncer.intake.wordpress.state import WordPressAlarm
from syncer.privacy.key_file import KeyState
from syncer.settings.effective import Value
from syncer.settings.search import Fate, Lookup

if TYPE_CHECKING:
    from syncer.decisions.resync_plan import PlannedDelivery


class CheckLevel(StrEnum):
    """How a finding of `check` stands: `warn` works, and a person should look at it."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One finding of `check`; `ok` is False where the level is fail alone, `remedy` is "" where there is none."""

    name: str
    ok: bool
    level: CheckLevel
    detail: str
    remedy: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """`check`."""

    ok: bool
    checks: tuple[CheckLine, ...]


@dataclass(frozen=True, slots=True)
class LookupLine:
    """A place where a settings file is looked for, its file (absolute) where one is meant, and what became of it."""

    place: Lookup
    path: str | None
    found: Fate


@dataclass(frozen=True, slots=True)
class ConfigResult:
    """`config`: the file that is used (absolute), where one was looked for, every value with its origin."""

    file: str
    looked_for: tuple[LookupLine, ...]
    settings: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class ListedKey:
    """`key list`: a key of the file, by its id; `created` is UTC, None for one from before there were versions."""

    key_id: str
    created: date | None
    state: KeyState


@dataclass(frozen=True, slots=True)
class SubmitResult:
    """`submit`: the keys of the rows, in the order of the lines."""

    event_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """What happens, or would happen, to one delivery."""

    event: str
    destination: str
    from_: State = field(metadata={"key": "from"})
    to: State


@dataclass(frozen=True, slots=True)
class StartedOver:
    """A plan of what starts over and what is read back, with its digest, and whether it was carried out."""

    digest: str
    applied: bool
    deliveries: tuple[PlannedLine, ...]


@dataclass(frozen=True, slots=True)
class ResyncResult(StartedOver):
    """`resync`.

    `deletions` is how many of the deliveries are deletions that start over; `asks_for_number` says that this number is
    to be typed, since the guard would stop them. `proposal` is its number where it waits for a second person now.
    """

    deletions: int
    asks_for_number: bool
    proposal: int | None


@dataclass(frozen=True, slots=True)
class WithdrawnLine(PlannedLine):
    """The same of a withdrawal: what had happened there before, and how many attempts the log knows."""

    happened: Happened
    attempts: int


@dataclass(frozen=True, slots=True)
class WithdrawResult:
    """`withdraw`: the plan with its digest, and whether it was carried out.

    `deliveries` also has what stays as it is. `withdrawn_before` says that the request had been withdrawn already.
    `proposal` is its number where it waits for a second person now.
    """

    event: str
    digest: str
    applied: bool
    withdrawn_before: bool
    deliveries: tuple[WithdrawnLine, ...]
    proposal: int | None


@dataclass(frozen=True, slots=True)
class ReplayResult(StartedOver):
    """`replay`: what a resync shows, what only the lost part of the log knew, and what is left alone."""

    lost: tuple[Lost, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """`audit check-proof` of a proof that does not hold, with the reason."""

    ok: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class ProofResult(Refusal):
    """`audit check-proof` of one proof that holds; `reason` is None. See `ProofsResult` for `unproven`."""

    entry: ProvenEntry = field(metadata={"flat": True})
    unproven: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ProofsResult(Refusal):
    """`audit check-proof` of a dossier that says what its proofs prove; `reason` is None.

    `unproven` are its keys and entries that no proof covers.
    """

    proofs: tuple[ProvenEntry, ...]
    unproven: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AnchorResult:
    """Where a note went, or why it did not."""

    name: str
    kind: str
    place: str | None
    error: str | None


@dataclass(frozen=True, slots=True)
class CheckpointResult:
    """`audit checkpoint`: how many entries it covers, the signed note, and how each anchor took it."""

    size: int
    note: str
    anchors: tuple[AnchorResult, ...]


@dataclass(frozen=True, slots=True)
class ExportedEntry:
    """An entry of `audit export`: its body as it is chained, its leaf and mac in hex; "" or None where purged."""

    seq: int
    at: str
    what: str
    event: str | None
    destination: str | None
    body: str | None
    leaf: str
    mac: str


@dataclass(frozen=True, slots=True)
class KeyResult:
    """`audit key`: the public keys under every name of the log, the present one last."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LostPart:
    """The part of a log that a restore lost: its name, and how many entries were anchored."""

    origin: str
    size: int


@dataclass(frozen=True, slots=True)
class ForkResult:
    """`audit fork`: the entry that records it, the new name with its key, what stayed and what was lost."""

    seq: int
    origin: str
    kept: int
    lost: LostPart
    shared: int
    key: str


@dataclass(frozen=True, slots=True)
class SpanLine:
    """Bodies that go: from and to which entry, how many, and the moment (UTC) before which they were written."""

    from_: int = field(metadata={"key": "from"})
    to: int
    count: int
    before: datetime


@dataclass(frozen=True, slots=True)
class RetentionResult:
    """`retention`: what goes, or would go. Addresses are event ids, None where the account may not see them."""

    dry_run: bool
    audit_months: int
    bodies: SpanLine | None
    unfinished: SpanLine | None
    addresses: tuple[str, ...] | None
    addresses_left: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class TrialResult:
    """`check --try`: what it does, a sentence each; once it is `applied`, every step and whether all were good."""

    destination: str
    applied: bool
    ok: bool
    plan: tuple[str, ...]
    steps: tuple[TrialStep, ...]


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """A person who was found again, by the event; with a newer opt-in a person decides."""

    event: str
    newer_consent: bool


@dataclass(frozen=True, slots=True)
class WatchResult:
    """`watch` of one destination: since when (UTC) it looked, None where nobody is to be watched.

    `whole` says that every contact was listed, whatever its dates.
    """

    destination: str
    since: datetime | None
    seen: int
    complete: bool
    code: str | None
    incidents: tuple[IncidentLine, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class SweepResult:
    """`wordpress sweep`: the sites it read, their erasure requests, how many nobody had queued, and alarms.

    `refused` is how many completions it left alone, since nothing shows that somebody completed them who may.
    """

    sites: int
    requests: int
    missed: int
    refused: int
    alarms: tuple[WordPressAlarm, ...]


def planned_lines(deliveries: Sequence[PlannedDelivery]) -> tuple[PlannedLine, ...]:
    """Return the deliveries of a plan as they are shown."""
    return tuple(PlannedLine(item.event, item.destination, item.from_, item.to) for item in deliveries)


def withdraw_result(plan: Withdrawal, *, applied: bool, proposal: int | None) -> WithdrawResult:
    """Return a withdrawal as it is shown."""
    lines = (
        WithdrawnLine(plan.event, item.destination, item.from_, item.to, item.happened, item.attempts)
        for item in plan.deliveries
    )
    return WithdrawResult(plan.event, plan.digest, applied, plan.before, tuple(lines), proposal)


def check_line(finding: Check) -> CheckLine:
    """Return a finding of `check` as it is shown."""
    level = CheckLevel.FAIL if not finding.ok else CheckLevel.WARN if finding.warn else CheckLevel.OK
    return CheckLine(finding.name, finding.ok, level, finding.detail, finding.remedy)


def span_line(span: BodySpan | None) -> SpanLine | None:
    """Return a span of bodies as it is shown."""
    return SpanLine(span.first, span.last, span.count, span.before) if span else None
