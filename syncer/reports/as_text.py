"""The propagation log as text, for readers who are not programmers."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.domain.codes import meaning, remedy
from syncer.domain.model import State
from syncer.privacy.masking import escaped, visible
from syncer.reports.evidence import ReportedEvent
from syncer.reports.propagation import Integrity, PropagationLog
from syncer.reports.wording.account import account
from syncer.reports.wording.cases import case
from syncer.reports.wording.words import (
    OUTCOMES,
    RIGHTS,
    STATES,
    day_time,
    sentence,
    standing,
    step_line,
    verification,
    who,
)

# -- the propagation log ------------------------------------------------------------------------------------


def report_text(log: PropagationLog) -> str:
    """Return the propagation log for a reader who is not a programmer."""
    counts = log.summary
    lines = [
        "PROPAGATION LOG",
        f"made {day_time(log.generated_at)} by syncer {log.software}; days are {log.timezone}, times UTC",
        "",
        account(counts),
        "",
        *_needs_a_person(log.events),
        "REQUESTS AND RECIPIENTS",
    ]
    for event in log.events:
        lines += ["", *_event_lines(event)]
    lines += ["", "DECISIONS OF PEOPLE, LOOK-UPS AND EXPORTS"]
    lines += [f"  {day_time(entry.at)}  {who(entry.actor)}: {sentence(entry)}" for entry in log.decisions] or ["  none"]
    # what stands in a table cannot begin a line of its own, and no terminal obeys it
    return "".join(escaped(line) + "\n" for line in [*lines, "", *_integrity(log.integrity)])


def _needs_a_person(events: Sequence[ReportedEvent]) -> list[str]:
    held = [(event, d) for event in events for d in event.deliveries if d.state is State.HELD]
    late = [event for event in events if event.overdue]
    if not held and not late:
        return []
    lines = ["WHAT NEEDS A PERSON"]
    for event in late:
        target = f", target {day_time(event.target_at)}" if event.target_at else ""
        lines.append(f"  LATE, due {event.due_on}{target}: {event.id} ({event.state})")
    groups: dict[tuple[str, str | None], list[str]] = {}
    for event, delivery in held:
        groups.setdefault((delivery.destination, delivery.code), []).append(event.id)
    for (destination, code), ids in groups.items():
        lines.append(f"  {len(ids)} at {destination}: {meaning(code)}")
        lines.append(f"      to do: {remedy(code)}")
        lines += [f"      {event_id}" for event_id in ids]
    return [*lines, ""]


def _event_lines(event: ReportedEvent) -> list[str]:
    late = "  ** LATE **" if event.overdue else "  ** ANSWERED LATE **" if event.late else ""
    lines = [
        f"{case(event.case, event.id)}  {RIGHTS[event.right]}  ({event.id})",
        f"  received {day_time(event.received_at)}, due {event.due_on}: {standing(event)}{late}",
    ]
    for delivery in event.deliveries:
        outcome = f", {OUTCOMES[delivery.outcome]}" if delivery.outcome else ""
        when = f" {day_time(delivery.confirmed_at)}" if delivery.confirmed_at else ""
        lines.append(f"  - {delivery.destination} ({delivery.action or '-'}): {STATES[delivery.state]}{when}{outcome}")
        if delivery.code:
            lines.append(f"      {meaning(delivery.code)}")
        lines += [
            f"      read back: {step_line(step)}" for step in delivery.evidence.read_back if step.call.startswith("GET")
        ]
    return lines


def _integrity(proof: Integrity) -> list[str]:
    verified = "verified, unbroken" if proof.verified else "NOT INTACT"
    why = f": {visible(proof.reason)}" if proof.reason else ""
    return [
        "INTEGRITY",
        f"  {proof.entries} entries, head {proof.head}",
        f"  chain: {verified}{why}",
        f"  last full verification: {verification(proof.last_verification)}",
        f"  signed up to entry {proof.signed.size} at {day_time(proof.signed.at)}"
        if proof.signed
        else "  not signed yet",
        *(f"  note up to entry {note.size} at {note.where}" for note in proof.anchors),
        "  not proven:",
        *(f"    - {item}" for item in proof.not_proven),
    ]
