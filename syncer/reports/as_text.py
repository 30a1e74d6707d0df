"""The propagation log and the audit as text and CSV, for readers who are no programmers."""

from __future__ import annotations

from typing import Any

from syncer.domain.codes import meaning, remedy
from syncer.reports.words import OUTCOMES, RIGHTS, STATES, day_time, sentence, step_line

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
