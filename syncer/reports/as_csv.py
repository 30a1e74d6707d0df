"""The propagation log and the audit as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from syncer.clock import stamp
from syncer.domain.codes import meaning
from syncer.domain.model import State
from syncer.privacy.masking import visible
from syncer.reports.evidence import ReportedDelivery, ReportedEvent
from syncer.reports.propagation import PropagationLog
from syncer.reports.wording.words import OUTCOMES, RIGHTS, STATES, step_line

#: what a spreadsheet may take for the start of a formula, full-width forms included
_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")
#: what some of them pass over before it
_PASSED_OVER = " \u00a0\u200b\u3000\ufeff"
#: a formula's sign where a spreadsheet that separates cells otherwise begins a cell: Excel takes the semicolon in
#: German, French and most other languages of Europe, and then a quote inside a cell is a letter like any other
_INSIDE = re.compile(f'(?<=[;|\\t\\r\\n])(["{_PASSED_OVER}]*+)(?=[{re.escape("".join(_FORMULA))}])')


def csv_safe(value: str) -> str:
    """Return the value with an apostrophe wherever a spreadsheet would begin a formula.

    At its beginning, and behind what other spreadsheets take for the end of a cell: semicolon, tab, bar, line end.
    """
    safe = _INSIDE.sub(r"\1'", value)
    return f"'{safe}" if safe.lstrip(f'"{_PASSED_OVER}').startswith(_FORMULA) else safe


COLUMNS = (
    "event", "event_key", "source", "source_ref", "right", "subject", "received_at", "due_on", "overdue",
    "event_state", "fulfilled_at", "recipient", "adapter", "action", "state", "outcome", "code", "meaning",
    "attempts", "first_attempt_at", "last_attempt_at", "applied_at", "confirmed_at", "read_back", "request_ids",
    "decided_by", "reason", "next_attempt_at", "audit_seq", "case", "late", "ending",
    # the record that the CCPA regulations ask for, § 7101(b), in their words
    "date_of_request", "nature_of_request", "manner_of_request", "date_of_response", "nature_of_response",
    "basis_of_denial",
)  # fmt: skip


#: what a cell is made of; None is an empty cell
Cell = str | int | datetime | date | None


def report_csv(log: PropagationLog) -> str:
    """Return the propagation log as CSV (RFC 4180), one row for each delivery, guarded against formulas."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for event in log.events:
        for delivery in event.deliveries:
            row = _row(event, delivery)
            writer.writerow([_cell(row[name]) for name in COLUMNS])
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return csv_safe(str(visible(stamp(value) if isinstance(value, datetime) else value)))


def _row(event: ReportedEvent, delivery: ReportedDelivery) -> dict[str, Cell]:
    evidence = delivery.evidence
    tried, exempted = evidence.attempts, evidence.exemption
    return {
        "event": event.id,
        "event_key": event.event_key,
        "source": event.source,
        "source_ref": event.source_ref,
        "right": event.right,
        "subject": event.subject,
        "received_at": event.received_at,
        "due_on": event.due_on,
        "overdue": event.overdue,
        "event_state": event.state,
        "fulfilled_at": event.fulfilled_at,
        "recipient": delivery.destination,
        "adapter": delivery.adapter,
        "action": delivery.action,
        "state": delivery.state,
        "outcome": delivery.outcome,
        "code": delivery.code,
        "meaning": meaning(delivery.code),
        "attempts": delivery.attempts,
        "first_attempt_at": tried.first_attempt_at if tried else None,
        "last_attempt_at": tried.last_attempt_at if tried else None,
        "applied_at": delivery.applied_at,
        "confirmed_at": delivery.confirmed_at,
        "read_back": "; ".join(step_line(step) for step in evidence.read_back),
        "request_ids": " ".join(step.request_id for step in evidence.read_back if step.request_id),
        "decided_by": exempted.decided_by if exempted else None,
        "reason": exempted.reason if exempted else None,
        "next_attempt_at": delivery.next_attempt_at,
        "audit_seq": " ".join(map(str, evidence.audit_seq)),
        "case": event.case,
        "late": event.late,
        "ending": event.ending,
        **_ccpa(event, delivery),
    }


def _ccpa(event: ReportedEvent, delivery: ReportedDelivery) -> dict[str, Cell]:
    exempt, exempted = delivery.state is State.EXEMPT, delivery.evidence.exemption
    outcome = OUTCOMES[delivery.outcome] if delivery.outcome else ""
    decided_at, reason = (exempted.decided_at, exempted.reason) if exempted else (None, None)
    return {
        "date_of_request": event.received_at,
        "nature_of_request": RIGHTS[event.right],
        "manner_of_request": event.source,
        "date_of_response": decided_at if exempt else delivery.confirmed_at,
        "nature_of_response": STATES[delivery.state] + (f": {outcome}" if outcome else ""),
        "basis_of_denial": f"{meaning(delivery.code)}: {reason or '-'}" if exempt else None,
    }


def audit_csv(rows: Iterable[dict[str, Any]]) -> Iterable[str]:
    """Yield the audit as CSV lines, guarded against formulas."""
    names = ("seq", "at", "what", "event", "destination", "body", "leaf", "mac")
    for row in ({name: name for name in names}, *rows):
        out = io.StringIO(newline="")
        csv.writer(out).writerow([csv_safe("" if row[name] is None else str(row[name])) for name in names])
        yield out.getvalue()
