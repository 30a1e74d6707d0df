"""The propagation log and the audit as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from syncer.domain.codes import meaning
from syncer.privacy.masking import visible
from syncer.reports.words import OUTCOMES, RIGHTS, STATES, step_line

#: what a spreadsheet may take for the start of a formula, full-width forms included
_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")


def csv_safe(value: str) -> str:
    """Return the value with a leading apostrophe where a spreadsheet would run it as a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value


COLUMNS = (
    "event", "event_key", "source", "source_ref", "right", "subject", "received_at", "due_on", "overdue",
    "event_state", "fulfilled_at", "recipient", "adapter", "action", "state", "outcome", "code", "meaning",
    "attempts", "first_attempt_at", "last_attempt_at", "applied_at", "confirmed_at", "read_back", "request_ids",
    "decided_by", "reason", "next_attempt_at", "audit_seq",
    # the record that the CCPA regulations ask for, § 7101(b), in their words
    "date_of_request", "nature_of_request", "manner_of_request", "date_of_response", "nature_of_response",
    "basis_of_denial",
)  # fmt: skip


def report_csv(found: dict[str, Any]) -> str:
    """Return the propagation log as CSV (RFC 4180), one row for each delivery, guarded against formulas."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for event in found["events"]:
        for delivery in event["deliveries"]:
            row = _csv_row(event, delivery)
            writer.writerow([csv_safe("" if row[name] is None else str(visible(row[name]))) for name in COLUMNS])
    return out.getvalue()


def _csv_row(event: dict[str, Any], delivery: dict[str, Any]) -> dict[str, Any]:
    steps = delivery.get("read_back", [])
    extra = ("first_attempt_at", "last_attempt_at", "decided_by", "reason")
    return {
        **{
            key: event[key]
            for key in ("event_key", "source", "source_ref", "right", "subject", "received_at", "due_on")
        },
        **{key: event[key] for key in ("overdue", "fulfilled_at")},
        **{key: value for key, value in delivery.items() if key in COLUMNS},
        **{key: delivery.get(key) for key in extra},
        "event": event["id"],
        "event_state": event["state"],
        "recipient": delivery["destination"],
        "meaning": meaning(delivery["code"]),
        "read_back": "; ".join(step_line(step) for step in steps),
        "request_ids": " ".join(step["request_id"] for step in steps if step.get("request_id")),
        "audit_seq": " ".join(map(str, delivery.get("audit_seq", []))),
        **_ccpa(event, delivery),
    }


def _ccpa(event: dict[str, Any], delivery: dict[str, Any]) -> dict[str, Any]:
    exempt = delivery["state"] == "exempt"
    outcome = OUTCOMES.get(delivery["outcome"] or "")
    return {
        "date_of_request": event["received_at"],
        "nature_of_request": RIGHTS[event["right"]],
        "manner_of_request": event["source"],
        "date_of_response": delivery.get("decided_at") if exempt else delivery["confirmed_at"],
        "nature_of_response": STATES[delivery["state"]] + (f": {outcome}" if outcome else ""),
        "basis_of_denial": f"{meaning(delivery['code'])}: {delivery.get('reason') or '-'}" if exempt else None,
    }


def audit_csv(rows: Iterable[dict[str, Any]]) -> Iterable[str]:
    """Yield the audit as CSV lines, guarded against formulas."""
    names = ("seq", "at", "what", "event", "destination", "body", "leaf", "mac")
    for row in ({name: name for name in names}, *rows):
        out = io.StringIO(newline="")
        csv.writer(out).writerow([csv_safe("" if row[name] is None else str(row[name])) for name in names])
        yield out.getvalue()
