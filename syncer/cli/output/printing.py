"""How the read side looks to people: tables that fit 100 columns, timelines and reports in plain words, CSV."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncer.domain.codes import meaning, remedy
from syncer.domain.model import State
from syncer.intake.wordpress.state import WordPressState
from syncer.reports.as_json import as_json as to_json
from syncer.reports.evidence import steps
from syncer.reports.views import (
    AuditStanding,
    DaemonView,
    DeliveryView,
    EventHistory,
    EventView,
    LaneView,
    StatusView,
)
from syncer.reports.words import OUTCOMES, RIGHTS, STATES, day_time, sentence, step_line

if TYPE_CHECKING:
    from syncer.audit.offline.verifier import Finding
    from syncer.cli.output.results import CheckResult, ResyncResult, RetentionResult
    from syncer.delivery.drift import Comparison

T = TypeVar("T")

#: characters of a line
WIDTH = 100


def console() -> Console:
    """Return a console on stdout that is never wider than WIDTH; NO_COLOR is respected."""
    plain = Console(highlight=False, emoji=False, markup=False)
    return Console(
        highlight=False, emoji=False, markup=False, width=min(plain.width, WIDTH) if plain.is_terminal else WIDTH
    )


def _grid(*columns: str, **options: Any) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", **options)
    for name in columns:
        table.add_column(
            name.lstrip("#"),
            justify="right" if name.startswith("#") else "left",
            overflow="fold",
            no_wrap=name == "event",
        )
    return table


def _mark(state: str) -> Text:
    style = {"held": "bold red", "fulfilled": "green", "confirmed": "green", "exempt": "cyan"}.get(state, "yellow")
    return Text(state, style=style)


def status(view: StatusView) -> None:
    """Print the status so that it fits a screen."""
    out, counts = console(), view.events
    late = f", {counts.overdue} OVERDUE" if counts.overdue else ", none overdue"
    warned = [f"{number} for {days} days or more" for days, number in counts.warned.items() if number]
    out.print(
        f"requests: {counts.open} under way, {counts.held} held, {counts.fulfilled} fulfilled{late}"
        f"; {view.queue.waiting} waiting in the queue"
    )
    if warned:
        out.print(f"open since receipt, each counted once: {', '.join(warned)}")
    table = _grid(
        "destination",
        "adapter",
        "#pending",
        "#retrying",
        "#applied",
        "#confirmed",
        "#held",
        "#exempt",
        "oldest open",
    )
    for name, lane in view.destinations.items():
        numbers = [str(number) for number in (lane.pending, lane.retrying, lane.applied, lane.confirmed)]
        held = Text(str(lane.held), style="bold red" if lane.held else "")
        oldest = f"{lane.oldest_open:%Y-%m-%d}" if lane.oldest_open else "-"
        table.add_row(name, lane.adapter or "-", *numbers, held, str(lane.exempt), oldest)
    out.print(table)
    for name, lane in view.destinations.items():
        for line in _lane_lines(name, lane):
            out.print(line)
    for line in _daemon_lines(view.daemons):
        out.print(line)
    for line in _wordpress_lines(view.wordpress):
        out.print(line)
    for line in _audit_lines(view.audit):
        out.print(line)


def _audit_lines(audit: AuditStanding) -> list[str]:
    last = audit.checkpoint
    signed = f"signed up to {last.size} at {day_time(last.at)}" if last else "not signed yet"
    lines = [f"audit: {audit.entries} entries, head {audit.head[:16]}…, {signed}"]
    if audit.late and audit.unsigned:
        lines.append(f"LATE: {audit.unsigned} entries are not signed yet; see that `syncer run` runs")
    for name, anchor in audit.anchors.items():
        if anchor.error:
            loud = {"ok": "", "late": "LATE: ", "page": "PROOF AT RISK: "}[anchor.level]
            since = day_time(anchor.failing_since)
            lines.append(f"{loud}anchor {name} fails since {since}: {anchor.error}; deliveries go on")
    return lines


def _wordpress_lines(state: WordPressState) -> list[str]:
    if not state.configured:
        return []
    swept = f"swept {day_time(state.swept_at)}" if state.swept_at else "never swept"
    lines = [f"WordPress: {state.requests} erasure requests on {state.sites} sites, {swept}"]
    for alarm in state.alarms:
        since = f" since {day_time(alarm.since)}" if alarm.since else ""
        lines.append(f"ALARM {alarm.code} ({alarm.about}){since}: {alarm.remedy}")
    return lines


def swept(missed: int, state: WordPressState, *, dry: bool) -> None:
    """Print what a sweep of WordPress found; `dry`: what it would have queued."""
    out = console()
    for text in _wordpress_lines(state):
        out.print(text)
    queued = "would be queued" if dry else "is queued now" if missed == 1 else "are queued now"
    out.print(f"{missed} that nobody had queued {queued}" if missed else "none missed")


def _lane_lines(name: str, lane: LaneView) -> list[str]:
    lines = []
    if lane.paused:
        by = "by an operator" if lane.paused_by == "operator" else "by itself; it probes again every 15 minutes"
        lines.append(f"PAUSED {name} ({by}): {lane.pause_reason}")
    if lane.cool_until:
        lines.append(f"{name} last cooled down until {day_time(lane.cool_until)}")
    if not lane.configured:
        lines.append(f"{name} is not in the settings any more")
    if lane.next_attempt_at:
        lines.append(f"{name}: next due {day_time(lane.next_attempt_at)}")
    if lane.owner:
        lines.append(
            f"{name}: worked by {lane.owner_host}, pid {lane.owner_pid}, since {day_time(lane.owned_since)},"
            f" lease until {day_time(lane.lease_until)}"
        )
    return lines


def _daemon_lines(daemons: Sequence[DaemonView]) -> list[str]:
    if not daemons:
        return ["no daemon is running"]
    return [f"daemon: {item.host}, pid {item.pid}, since {day_time(item.since)}" for item in daemons]


def events(views: Sequence[EventView]) -> None:
    """Print events as a table."""
    out = console()
    if not views:
        out.print("no events")
        return
    table = _grid("event", "right", "due", "state", "deliveries")
    for event in views:
        due = Text(event.due_on.isoformat(), style="bold red" if event.overdue else "")
        parts = [f"{d.destination} {d.state}" + (f" ({d.code})" if d.code else "") for d in event.deliveries]
        table.add_row(event.id, event.right or "?", due, _mark(event.state), "\n".join(parts))
    out.print(table)


def show(event: EventHistory) -> None:
    """Print one event and its whole timeline."""
    out = console()
    late = " - OVERDUE" if event.overdue else ""
    out.print(f"event     {event.id}   key {event.event_key}")
    out.print(f"request   {RIGHTS[event.right]}, received {day_time(event.received_at)}, due {event.due_on}{late}")
    if event.extended_at:
        out.print(f"extended  {day_time(event.extended_at)}; the person was told on {event.informed_on}")
    elif event.target_at:
        out.print(f"target    {day_time(event.target_at)}")
    if event.legal_due_on:
        out.print(f"legal day {event.legal_due_on}, past weekends and holidays; syncer works to the earlier one")
    out.print(f"person    {event.subject or 'not known: the address cannot be used'}")
    out.print(f"state     {STATES[event.state]}" + (f": {meaning(event.code)}" if event.code else ""))
    for delivery in event.deliveries:
        _delivery(out, delivery)
    out.print("\ntimeline")
    for entry in event.audit:
        out.print(f"{day_time(entry.at)}  {entry.destination or '':<12} {sentence(entry)}", soft_wrap=False)
        for step in steps(entry.facts):
            out.print(Text("    " + step_line(step, brief=True), style="dim"))
            out.print(Text(f"      request {step.request_id or '-'}, {step.ms} ms", style="dim"))


def _delivery(out: Console, delivery: DeliveryView) -> None:
    outcome = f" - {OUTCOMES[delivery.outcome]}" if delivery.outcome else ""
    out.print(
        f"\n{delivery.destination} ({delivery.adapter}): {delivery.action or '-'}: "
        f"{STATES[delivery.state]}{outcome}; {_times(delivery.attempts)}"
    )
    if delivery.code:
        out.print(f"  why   {delivery.code}: {meaning(delivery.code)}")
    if delivery.state is State.HELD:
        out.print(f"  do    {remedy(delivery.code)}")
    if delivery.next_attempt_at:
        out.print(f"  next  {day_time(delivery.next_attempt_at)}")


def _times(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"


def plan(result: ResyncResult, skipped: Iterable[str]) -> None:
    """Print what a resync will do, and what it leaves alone."""
    out = console()
    table = _grid("event", "destination", "from", "to")
    for item in result.deliveries:
        table.add_row(item.event, item.destination, item.from_, item.to)
    out.print(table if result.deliveries else "nothing to do")
    for reason in skipped:
        out.print(f"left alone: {reason}")
    out.print(f"digest {result.digest}")


def verdict(finding: Finding) -> None:
    """Print what a verification of the audit found, and up to where it proves anything."""
    out, at = console(), finding.anchored
    if not finding.ok:
        out.print(f"NOT INTACT: {finding.reason}")
        return
    purged = f", the bodies of {finding.purged} purged on record" if finding.purged else ""
    out.print(f"{finding.entries} entries, unbroken{purged}; {finding.notes} signed notes agree")
    if at:
        out.print(f"not proven beyond size {at.size} anchored at {day_time(at.at)}")
    else:
        out.print("not proven: that nothing was cut off; no note was signed yet")
    for warning in finding.warnings:
        out.print(f"note: {warning}")


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
        mark = Text("ok   ", style="green") if item.ok else Text("FAIL ", style="bold red")
        out.print(mark.append(f"{item.name}: {item.detail}", style="default"))
        if item.remedy:
            out.print(f"     remedy: {item.remedy}")


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


def answer(value: T, as_json: bool, show: Callable[[T], None]) -> None:
    """Print a value: as JSON for scripts, or as `show` shows it to people."""
    if as_json:
        line(to_json(value))
    else:
        show(value)


def lines(texts: Iterable[str]) -> None:
    """Print each text as a line to stdout."""
    for text in texts:
        line(text)


def line(text: str) -> None:
    """Print one line to stdout."""
    sys.stdout.write(text + "\n")


def demo_console() -> Console:
    """Return a console that understands markup, for the demo's own words."""
    plain = Console(highlight=False, emoji=False)
    return Console(highlight=False, emoji=False, width=min(plain.width, WIDTH) if plain.is_terminal else WIDTH)
