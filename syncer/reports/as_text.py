"""The propagation log and the audit as text and CSV, for readers who are no programmers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from syncer.audit.chain import csv_safe
from syncer.cli.printing import OUTCOMES, RIGHTS, STATES, day_time, sentence, step_line
from syncer.domain.codes import meaning, remedy
from syncer.log import visible

# -- the propagation log ------------------------------------------------------------------------------------


def report_text(found: dict[str, Any]) -> str:
    """Return the propagation log for a reader who is no programmer."""
    counts = found["summary"]
    lines = [
        "PROPAGATION LOG",
        f"made {day_time(found['generated_at'])} by syncer {found['software']};"
        f" days are {found['timezone']}, times UTC",
        "",
        f"{counts['requests']} requests: {counts['fulfilled']} carried out everywhere,"
        f" {counts['held']} need a decision, {counts['open']} under way; {counts['overdue'] or 'none'} late.",
        "",
        *_needs_a_person(found["events"]),
        "REQUESTS AND RECIPIENTS",
    ]
    for event in found["events"]:
        lines += ["", *_event_lines(event)]
    lines += ["", "DECISIONS OF PEOPLE, LOOK-UPS AND EXPORTS"]
    lines += [
        f"  {day_time(item['at'])}  {(item['actor'] or {}).get('user', '?')}: {sentence(item)}"
        for item in found["decisions"]
    ] or ["  none"]
    return "\n".join([*lines, "", *_integrity(found["integrity"])]) + "\n"


def _needs_a_person(events_: list[dict[str, Any]]) -> list[str]:
    rows = [(event, d) for event in events_ for d in event["deliveries"] if d["state"] == "held"]
    late = [event for event in events_ if event["overdue"]]
    if not rows and not late:
        return []
    lines = ["WHAT NEEDS A PERSON"]
    for event in late:
        target = f", target {day_time(event['target_at'])}" if event["target_at"] else ""
        lines.append(f"  LATE, due {event['due_on']}{target}: {event['id']} ({event['state']})")
    groups: dict[tuple[str, str | None], list[str]] = {}
    for event, delivery in rows:
        groups.setdefault((delivery["destination"], delivery["code"]), []).append(event["id"])
    for (destination, code), ids in groups.items():
        lines.append(f"  {len(ids)} at {destination}: {meaning(code)}")
        lines.append(f"      to do: {remedy(code)}")
        lines += [f"      {event_id}" for event_id in ids]
    return [*lines, ""]


def _event_lines(event: dict[str, Any]) -> list[str]:
    late = "  ** LATE **" if event["overdue"] else ""
    lines = [
        f"{event['id']}  {RIGHTS[event['right']]}",
        f"  received {day_time(event['received_at'])}, due {event['due_on']}: {STATES[event['state']]}{late}",
    ]
    for delivery in event["deliveries"]:
        outcome = f", {OUTCOMES[delivery['outcome']]}" if delivery["outcome"] else ""
        when = f" {day_time(delivery['confirmed_at'])}" if delivery["confirmed_at"] else ""
        lines.append(
            f"  - {delivery['destination']} ({delivery['action'] or '-'}): {STATES[delivery['state']]}{when}{outcome}"
        )
        if delivery["code"]:
            lines.append(f"      {meaning(delivery['code'])}")
        lines += [
            f"      read back: {step_line(step)}"
            for step in delivery.get("read_back", [])
            if step["call"].startswith("GET")
        ]
    return lines


def _integrity(found: dict[str, Any]) -> list[str]:
    verified = "verified, unbroken" if found["verified"] else f"NOT INTACT: {found['reason']}"
    return [
        "INTEGRITY",
        f"  {found['entries']} entries, head {found['head']}",
        f"  chain: {verified}",
        f"  signed up to entry {found['signed']['size']} at {day_time(found['signed']['at'])}"
        if found["signed"]
        else "  not signed yet",
        *(f"  note up to entry {item['size']} at {item['where']}" for item in found["anchors"]),
        "  not proven:",
        *(f"    - {item}" for item in found["not_proven"]),
    ]


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
