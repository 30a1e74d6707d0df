"""Events, timelines, plans, verdicts and findings as tables and sentences."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

from syncer.cli.output.console import console, grid
from syncer.cli.output.sheet import Cell, Marked, PlainSheet, marked
from syncer.decisions.withdrawing.withdrawal import Happened
from syncer.domain.codes import GUARDED, meaning, remedy
from syncer.domain.endings import UNSEEN, Ending
from syncer.domain.model import EventState, State
from syncer.privacy.masking import visible
from syncer.reports.evidence import steps
from syncer.reports.views import DeliveryView, EventHistory, EventView
from syncer.reports.wording import deliveries
from syncer.reports.wording.previews import is_shadowed
from syncer.reports.wording.words import RIGHTS, day_time, sentence, standing, step_line

if TYPE_CHECKING:
    from adapters.contract import TrialStep
    from syncer.audit.offline.finding import Finding
    from syncer.cli.output.results import (
        CheckResult,
        ListedKey,
        RetentionResult,
        StartedOver,
        TrialResult,
        WithdrawResult,
    )
    from syncer.cli.output.terminal import EscapingConsole
    from syncer.delivery.drift import Comparison


#: the audit's word for a preview
PREVIEWED = "delivery:previewed"
#: the columns of a list of events, and how many it shows at once
HEAD, LINES = ("case", "event", "right", "due", "state", "deliveries"), 500
#: how each finding of `check` begins, and its style
_LEVELS = {"ok": ("ok   ", "green"), "warn": ("warn ", "yellow"), "fail": ("FAIL ", "bold red")}


def _mark(event: EventView) -> Marked:
    """Return where a request stands; green is what every recipient was read back of, and nothing else."""
    styles = {Ending.EVERYWHERE: "green", None: "bold red" if event.state is EventState.HELD else "yellow"}
    return marked(standing(event), styles.get(event.ending, "cyan"))


def events(views: Iterable[EventView]) -> None:
    """Print events as a table, page by page as they come: what is behind takes the widths of what stands before."""
    out, rest = console(), iter(views)
    widths: tuple[int, ...] = ()
    while page := [_event_row(event) for event in islice(rest, LINES)]:
        table = grid(*HEAD, widths=widths, headed=not widths)
        for row in page:
            table.add_row(*row)
        out.print(table)
        widths = table.taken()[:-1]
    if not widths:
        out.print("no events")


def _event_row(event: EventView) -> tuple[Cell, ...]:
    due = marked(_due(event), "bold red" if event.late else "")
    # of what nobody read back the state says enough: `done` is here a person's word
    parts = [
        f"{d.destination} {d.state}" + (f" ({d.code})" if d.code and d.state not in UNSEEN else "")
        for d in event.deliveries
    ]
    case = "-" if event.case is None else str(event.case)
    return case, event.id, event.right or "?", due, _mark(event), parts


def _due(event: EventView) -> str:
    if not event.late:
        return event.due_on.isoformat()
    # an objection is late by its target, long before its day
    return f"{event.target_at:%Y-%m-%d %H:%MZ} late" if event.target_at else f"{event.due_on} late"


def show(event: EventHistory) -> None:
    """Print one event and its whole timeline."""
    out = console()
    late = " - OVERDUE" if event.overdue else " - ANSWERED LATE" if event.late else ""
    out.print(f"case      {'-' if event.case is None else event.case}")
    out.print(f"event     {event.id}   key {event.event_key}")
    out.print(f"request   {RIGHTS[event.right]}, received {day_time(event.received_at)}, due {event.due_on}{late}")
    if event.extended_at:
        out.print(f"extended  {day_time(event.extended_at)}; the person was told on {event.informed_on}")
    elif event.target_at:
        out.print(f"target    {day_time(event.target_at)}")
    if event.legal_due_on and event.legal_due_on != event.due_on:
        out.print(f"legal day {event.legal_due_on}, moved past days off; syncer works to the earlier one")
    out.print(f"person    {event.subject or 'not known: the address cannot be used'}")
    out.print(f"state     {standing(event)}" + (f": {meaning(event.code)}" if event.code else ""))
    if held := _held_for(event):
        out.print(f"why       {held}")
    for delivery in event.deliveries:
        _delivery(out, delivery)
        if foreseen := _foreseen(event, delivery):
            out.print(f"  {foreseen}")
    out.print("\ntimeline")
    for entry in event.audit:
        out.print(f"{day_time(entry.at)}  {entry.destination or '':<12} {sentence(entry)}")
        for step in steps(entry.facts):
            out.print(marked("    " + step_line(step, brief=True), "dim"))
            out.print(marked(f"      request {step.request_id or '-'}, {step.ms} ms", "dim"))


def _held_for(event: EventHistory) -> str:
    """Return what is wrong with the request itself, as its audit says; "" where it is not held for that."""
    details = [(entry.facts or {}).get("detail", "") for entry in event.audit if entry.what == "event:held"]
    return str(details[-1]) if details and event.state is EventState.HELD else ""


def _foreseen(event: EventHistory, delivery: DeliveryView) -> str:
    """Return what would have happened at a destination in shadow mode, as its last preview saw it."""
    told = [entry for entry in event.audit if entry.what == PREVIEWED and entry.destination == delivery.destination]
    return sentence(told[-1]) if told and is_shadowed(delivery) else ""


def _delivery(out: PlainSheet | EscapingConsole, delivery: DeliveryView) -> None:
    found = deliveries.outcome(delivery)
    out.print(
        f"\n{delivery.destination} ({delivery.adapter}): {delivery.action or '-'}: "
        f"{deliveries.standing(delivery)}{found and f' - {found}'}; {deliveries.tries(delivery)}"
    )
    if delivery.code:
        named = "" if delivery.state in UNSEEN else f"{delivery.code}: "
        out.print(f"  why   {named}{meaning(delivery.code)}")
    if delivery.state is State.HELD or delivery.code == GUARDED:
        out.print(f"  do    {remedy(delivery.code)}")
    if delivery.next_attempt_at:
        out.print(f"  next  {day_time(delivery.next_attempt_at)}")


def plan(result: StartedOver, skipped: Iterable[str]) -> None:
    """Print what a resync will do, and what it leaves alone."""
    out = console()
    table = grid("event", "destination", "from", "to")
    for item in result.deliveries:
        table.add_row(item.event, item.destination, item.from_, item.to)
    out.print(table if result.deliveries else "nothing to do")
    for reason in skipped:
        out.print(f"left alone: {reason}")
    out.print(f"digest {result.digest}")


#: what a withdrawal says of a destination
_WITHDRAWN = {
    Happened.NEVER_ASKED: "not asked yet; it never will be",
    Happened.ASKED: "asked {times}, not through; it is not asked any further. It may have been carried out in part",
    Happened.UNANSWERED: "asked {times}, and the last attempt has no answer on record yet; it is not asked any further."
    " It may have been carried out",
    Happened.CARRIED_OUT: "carried out, which cannot be called back; it stays {state}",
    Happened.NOT_HELD: "searched, and the person was not held there; it stays {state}",
    Happened.EXEMPT: "closed before by a person's decision; it stays so",
    Happened.PASSED_ON: "passed on, which cannot be called back; nobody can read back what becomes of it",
    Happened.SETTLED: "settled before by a person's word; it stays so",
    Happened.NOT_APPLICABLE: "not asked, since it could not be",
}


def withdrawal(result: WithdrawResult, event: EventView) -> None:
    """Print which request is withdrawn, and what that does at each destination."""
    out = console()
    number = "-" if event.case is None else event.case
    out.print(f"case {number}, {event.id}: {RIGHTS[event.right]}, received {day_time(event.received_at)}")
    if not result.deliveries:
        out.print("no destination was configured when it came: nobody was asked, and the request is closed")
    for line in result.deliveries:
        times = "once" if line.attempts == 1 else f"{line.attempts} times"
        read_back = " and is still read back" if line.to is State.APPLIED else ""
        out.print(f"{line.destination}: {_WITHDRAWN[line.happened].format(times=times, state=line.to)}{read_back}")
    out.print(f"digest {result.digest}")


def verdict(finding: Finding) -> None:
    """Print what a verification of the audit found, and up to where it proves anything.

    Whoever wrote the log chose texts of it: none may move a terminal.
    """
    out, at = console(), finding.anchored
    if finding.declared_lost:
        out.print(f"NOT PROVEN: {visible(finding.reason)}")
        for fork in finding.forks:
            if fork.excused and not fork.accepted:
                out.print(f"if you were told of this restore, say so: --accept-fork {fork.seq}")
    elif not finding.ok:
        out.print(f"NOT INTACT: {visible(finding.reason)}")
        return
    purged = f", the bodies of {finding.purged} purged on record" if finding.purged else ""
    excused = f", {finding.excused} lie in what was declared lost" if finding.excused else ""
    out.print(f"{finding.entries} entries, unbroken{purged}; {finding.agreeing} signed notes agree{excused}")
    if finding.since_entry == 0:
        out.print("verified now: every entry (--full also looks for rows of requests that no entry names)")
    elif finding.since_entry is not None:
        out.print(f"verified now: what came after entry {finding.since_entry}; what came before was verified in full"
                  " before (--full: all of it again)")  # fmt: skip
    if at:
        out.print(f"not proven beyond size {at.size} anchored at {day_time(at.at)}")
    else:
        out.print("not proven: that nothing was cut off; no note was signed yet")
    for warning in finding.warnings:
        out.print(f"note: {visible(warning)}")


def keys(listed: Sequence[ListedKey]) -> None:
    """Print the keys of the file, by their ids."""
    table = grid("key", "made", "state")
    for key in listed:
        table.add_row(key.key_id, key.created.isoformat() if key.created else "-", key.state)
    console().print(table)


def retention(result: RetentionResult) -> None:
    """Print what a retention run takes, or would take."""
    out, verb = console(), "would go" if result.dry_run else "purged"
    for span, kind in ((result.unfinished, "bodies that an earlier purge left"), (result.bodies, "bodies")):
        if span:
            out.print(
                f"{span.count} {kind} of entries {span.from_} to {span.to}, written before"
                f" {day_time(span.before)}: {verb}"
            )
    if not result.bodies and not result.unfinished:
        out.print(f"no bodies older than {result.audit_months} months")
    for text in _address_lines(result):
        out.print(text)


def _address_lines(result: RetentionResult) -> list[str]:
    if result.addresses is None or result.addresses_left is None:
        return ["addresses: this database account may not see them; the daemon destroys what is past its time"]
    if result.dry_run:
        return [f"{len(result.addresses)} addresses past their time: would be shredded"]
    left = len(result.addresses_left)
    lines = [f"{len(result.addresses) - left} addresses past their time: shredded"]
    if left:
        lines.append(
            f"{left} addresses wait for a recheck that is late: see that `syncer run` runs and no destination is paused"
        )
    return lines


def checks(result: CheckResult) -> None:
    """Print the findings of `check`."""
    out = console()
    for item in result.checks:
        out.print(Marked((_LEVELS[item.level], (f"{item.name}: {item.detail}", "default"))))
        if item.remedy:
            out.print(f"     remedy: {item.remedy}")


def trial_plan(destination: str, address: str, sentences: Sequence[str]) -> None:
    """Print what a trial does, before it is done."""
    out = console()
    out.print(f"{destination}: with one invented contact, {address}, syncer will")
    for number, text in enumerate(sentences, 1):
        out.print(f"  {number}. {text}")


def trial_step(step: TrialStep) -> None:
    """Print one step of a trial as it is made."""
    out = console()
    mark = ("ok   ", "green") if step.ok else ("FAIL ", "bold red")
    call = f"{step.call} -> {step.status or 'no answer'}, {step.ms} ms" if step.call else "no call"
    out.print(Marked((mark, (f"{step.name}: {call}", "default"))))
    if step.keys:
        outer = [key for key in step.keys if "." not in key]
        inner = f" (and {len(step.keys) - len(outer)} in them, see --json)" if len(step.keys) > len(outer) else ""
        out.print(marked(f"     keys: {', '.join(outer)}{inner}", "dim"))
    if step.finding:
        out.print(f"     {step.finding}")


def trial_end(result: TrialResult) -> None:
    """Print how a trial ended."""
    out = console()
    if not result.applied:
        out.print("nothing was done; --yes carries it out")
    elif result.ok:
        out.print(f"{result.destination}: all as documented; kept in the audit, shown by `check` and `status`")
    else:
        out.print(f"{result.destination}: NOT as documented; kept in the audit, shown by `check` and `status`")


def drift(comparisons: Sequence[Comparison]) -> None:
    """Print what `reconcile` found: a count for each destination, and each delivery that is not as recorded."""
    out = console()
    if not comparisons:
        out.print("nothing is within its rechecks: there is no address left to ask about")
    for name in dict.fromkeys(item.destination for item in comparisons):
        own = [item for item in comparisons if item.destination == name]
        odd = [item for item in own if item.today != "as_recorded"]
        out.print(f"{name}: {len(own) - len(odd)} of {len(own)} as recorded")
        for item in odd:
            word = "DRIFTED" if item.today == "drifted" else "unknown"
            out.print(f"  {word} {item.event} ({item.action}): {meaning(item.code)}")
    if any(item.today == "drifted" for item in comparisons):
        out.print("`syncer resync --event EVENT --reason …` reads it back again and carries it out")
