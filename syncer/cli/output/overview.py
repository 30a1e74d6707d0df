"""How the installation stands, so that it fits a screen, and the settings in force."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from syncer.cli.output.console import console, grid
from syncer.cli.output.console import lines as print_lines
from syncer.cli.output.sheet import marked
from syncer.intake.wordpress.state import WordPressState
from syncer.reports.views import (
    AuditStanding,
    DaemonView,
    GuardView,
    LaneView,
    StatusView,
)
from syncer.reports.wording.words import day_time, verification

if TYPE_CHECKING:
    from syncer.cli.output.results import ConfigResult
    from syncer.cli.output.sheet import Grid, PlainSheet
    from syncer.cli.output.terminal import EscapingConsole
    from syncer.settings.effective import Value


def status(view: StatusView, on: PlainSheet | EscapingConsole | None = None) -> None:
    """Print the status so that it fits a screen; to stdout, unless it is to go elsewhere."""
    out, counts = on or console(), view.events
    for name, lane in view.destinations.items():
        if lane.shadow_since:
            out.print(marked(_shadow_line(name, lane), "bold yellow"))
    late = f", {counts.overdue} OVERDUE" if counts.overdue else ", none overdue"
    late += f" ({counts.late_on_arrival} of them already when they came)" if counts.late_on_arrival else ""
    late += f", {counts.answered_late} answered late" if counts.answered_late else ""
    warned = [f"{number} for {days} days or more" for days, number in counts.warned.items() if number]
    out.print(
        f"requests: {counts.open} under way, {counts.held} held, {counts.fulfilled} closed{late}"
        f"; {view.queue.waiting} waiting in the queue"
    )
    if view.queue.refused:
        out.print(
            f"ALARM: {view.queue.refused} queue rows are left where they are, the database refuses them as events; the"
            " log says why, `syncer submit` brings the requests in their stead"
        )
    if warned:
        out.print(f"open since receipt, each counted once: {', '.join(warned)}")
    out.print(_counts(view.destinations, getattr(out, "width", None)))
    for name, lane in view.destinations.items():
        for line in _lane_lines(name, lane):
            out.print(line)
    for line in _daemon_lines(view.daemons):
        out.print(line)
    for line in _wordpress_lines(view.wordpress):
        out.print(line)
    for line in _audit_lines(view.audit):
        out.print(line)


def _counts(lanes: Mapping[str, LaneView], width: int | None) -> Grid:
    """Return the table of destinations; where it is wider than a terminal, without adapters and hours."""
    table = _numbers(lanes, brief=False)
    return table if width is None or table.width() <= width else _numbers(lanes, brief=True)


def _numbers(lanes: Mapping[str, LaneView], *, brief: bool) -> Grid:
    adapter = () if brief else ("adapter",)
    counted = ("#pending", "#retrying", "#applied", "#confirmed", "#held", "#exempt")
    table = grid("destination", *adapter, *counted, "oldest open")
    for name, lane in lanes.items():
        numbers = [str(number) for number in (lane.pending, lane.retrying, lane.applied, lane.confirmed)]
        held = marked(str(lane.held), "bold red" if lane.held else "")
        oldest = f"{lane.oldest_open:{'%Y-%m-%d' if brief else '%Y-%m-%d %H:%MZ'}}" if lane.oldest_open else "-"
        named = [name] if brief else [name, lane.adapter or "-"]
        table.add_row(*named, *numbers, held, str(lane.exempt), oldest)
    return table


def _shadow_line(name: str, lane: LaneView) -> str:
    since = f"SHADOW MODE at {name} since {day_time(lane.shadow_since)}: nothing is carried out there"
    if not lane.previewed:
        return f"{since}; nothing was previewed yet"
    loud = "; ALARM: that is near, go live or answer otherwise" if lane.forgotten else ""
    return f"{since}; {lane.previewed} previewed, the first is due {lane.previewed_due_on}{loud}"


def _audit_lines(audit: AuditStanding) -> list[str]:
    last = audit.checkpoint
    signed = f"signed up to {last.size} at {day_time(last.at)}" if last else "not signed yet"
    lines = [f"audit: {audit.entries} entries, head {audit.head[:16]}…, {signed}"]
    if audit.late and audit.unsigned:
        lines.append(f"LATE: {audit.unsigned} entries are not signed yet; see that `syncer run` runs")
    loud = "ALARM: " if audit.last_verification.problem else ""
    lines.append(f"{loud}last full verification: {verification(audit.last_verification)}")
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


def swept(missed: int, refused: int, state: WordPressState, *, dry: bool) -> None:
    """Print what a sweep of WordPress found; `dry`: what it would have queued and refused."""
    out = console()
    for text in _wordpress_lines(state):
        out.print(text)
    queued = "would be queued" if dry else "is queued now" if missed == 1 else "are queued now"
    out.print(f"{missed} that nobody had queued {queued}" if missed else "none missed")
    if refused:
        are = "would be" if dry else "is" if refused == 1 else "are"
        out.print(f"{refused} {are} refused: nothing shows that somebody who may completed what was asked")


def _lane_lines(name: str, lane: LaneView) -> list[str]:
    lines = []
    if lane.paused:
        by = "by an operator" if lane.paused_by == "operator" else "by itself; it probes again every 15 minutes"
        lines.append(f"PAUSED {name} ({by}): {lane.pause_reason}")
    if lane.guard:
        lines += guard_lines(name, lane.guard)
    if unseen := _unseen(lane):
        lines.append(f"{name}: closed without being read back: {unseen}")
    if lane.cool_until:
        lines.append(f"{name} last cooled down until {day_time(lane.cool_until)}")
    if not lane.configured:
        lines.append(f"{name} is not in the settings any more")
    if lane.tried:
        outcome = "all as documented" if lane.tried.ok else f"NOT as documented: {'; '.join(lane.tried.findings)}"
        lines.append(f"{name}: tried with an invented contact {day_time(lane.tried.at)}: {outcome}")
    if lane.next_attempt_at:
        lines.append(f"{name}: next due {day_time(lane.next_attempt_at)}")
    if lane.owner:
        lines.append(
            f"{name}: worked by {lane.owner_host}, pid {lane.owner_pid}, since {day_time(lane.owned_since)},"
            f" lease until {day_time(lane.lease_until)}"
        )
    return lines


def _unseen(lane: LaneView) -> str:
    """Return how many deliveries were closed in which way that nobody read back; empty for none."""
    kinds = (
        (lane.accepted, "passed on"),
        (lane.attested, "settled by a person"),
        (lane.not_applicable, "could not be asked about"),
    )
    return ", ".join(f"{number} {kind}" for number, kind in kinds if number)


def guard_lines(name: str, guard: GuardView) -> list[str]:
    """Return how the guard of a destination stands."""
    if guard.since is not None:
        return [
            f"STOPPED {name} since {day_time(guard.since)}: unusually many deletions; {guard.waiting} wait for"
            " a person, see `syncer guard plan`"
        ]
    if guard.limit is None:
        return [f"{name}: the guard is OFF; any number of deletions may begin"]
    waiting = f", {guard.waiting} wait to begin" if guard.waiting else ""
    return [f"{name}: {guard.counted} of {guard.limit} deletions in 24 hours{waiting}"]


def _daemon_lines(daemons: Sequence[DaemonView]) -> list[str]:
    if not daemons:
        return ["no daemon is running"]
    return [f"daemon: {item.host}, pid {item.pid}, since {day_time(item.since)}" for item in daemons]


def settings(result: ConfigResult) -> None:
    """Print the settings in force, a line each, like the file that would say the same."""
    print_lines(_settings_lines(result))


def _settings_lines(result: ConfigResult) -> Iterator[str]:
    yield f"# settings file: {result.file}"
    for place in result.looked_for:
        yield f"#   {place.place}: {place.found}" + (f", {place.path}" if place.path else "")
    for table, values in groupby(result.settings, key=lambda value: value.table):
        yield from ("", f"[{table}]", *map(_setting, values))


def _setting(value: Value) -> str:
    # a key without a value stands in a comment: TOML has no word for that
    text = f"# {value.key}" if value.value is None else f"{value.key} = {json.dumps(value.value, ensure_ascii=False)}"
    origin = value.origin if value.origin and value.source == "environment" else value.source
    return f"{text:<60} # {origin}" + (f": {value.meaning}" if value.meaning else "")
