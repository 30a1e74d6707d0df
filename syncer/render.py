"""How the read side looks to people: tables that fit 100 columns, timelines and reports in plain words, CSV."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from syncer.codes import meaning, remedy

WIDTH = 100
RIGHTS = {"erasure": "erase me (Art. 17)", "objection": "stop your marketing (Art. 21)", None: "unknown right"}
STATES = {
    "pending": "waiting for its first try",
    "retrying": "will be tried again",
    "applied": "carried out, being read back",
    "confirmed": "confirmed",
    "held": "needs a person's decision",
    "exempt": "exempt by a person's decision",
    "open": "under way",
    "fulfilled": "carried out everywhere",
}
WORDS = {
    "event:received": "request received",
    "event:held": "the request waits for a person",
    "event:fulfilled": "the request is carried out everywhere",
    "delivery:attempted": "asked to {action}, attempt {attempt}",
    "delivery:applied": "carried out; read back next",
    "delivery:confirmed": "confirmed: {outcome}",
    "delivery:retrying": "not through: {meaning}",
    "delivery:held": "held: {meaning}",
    "delivery:exempt": "exempt by a person: {ground}",
    "delivery:reopened": "opened again by a person: {reason}",
    "delivery:reappeared": "the person was found again",
    "identity:shredded": "the stored address was destroyed",
    "operator:resynced": "a person started deliveries over: {reason}",
    "operator:looked_up": "somebody looked a person up",
    "report:exported": "an export was made",
    "lane:paused": "the destination was paused: {reason}",
    "clock:anomaly": "the machine's clock jumped by {seconds} seconds: it showed {found} when {expected} was due",
}
OUTCOMES = {"done": "found, acted on, read back", "absent": "searched everywhere, not held there"}


def console() -> Console:
    """Return a console on stdout that is never wider than WIDTH; NO_COLOR is respected."""
    plain = Console(highlight=False, emoji=False, markup=False)
    return Console(
        highlight=False, emoji=False, markup=False, width=min(plain.width, WIDTH) if plain.is_terminal else WIDTH
    )


def day_time(moment: str | None) -> str:
    """Return a UTC time as shown to people."""
    return f"{moment[:10]} {moment[11:19]}Z" if moment else "-"


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


def status(found: dict[str, Any]) -> None:
    """Print the status so that it fits a screen."""
    out, events = console(), found["events"]
    late = f", {events['overdue']} OVERDUE" if events["overdue"] else ", none overdue"
    out.print(
        f"requests: {events['open']} under way, {events['held']} held, {events['fulfilled']} fulfilled{late}"
        f"; {found['queue']['waiting']} waiting in the queue"
    )
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
    for name, lane in found["destinations"].items():
        numbers = [str(lane[key]) for key in ("pending", "retrying", "applied", "confirmed")]
        held = Text(str(lane["held"]), style="bold red" if lane["held"] else "")
        table.add_row(
            name, lane["adapter"] or "-", *numbers, held, str(lane["exempt"]), (lane["oldest_open"] or "-")[:10]
        )
    out.print(table)
    for name, lane in found["destinations"].items():
        for line in _lane_lines(name, lane):
            out.print(line)
    for line in _daemon_lines(found["daemons"]):
        out.print(line)
    out.print(f"audit: {found['audit']['entries']} entries, head {found['audit']['head'][:16]}…")


def _lane_lines(name: str, lane: dict[str, Any]) -> list[str]:
    lines = []
    if lane["paused"]:
        by = "by an operator" if lane["paused_by"] == "operator" else "by itself; it probes again every 15 minutes"
        lines.append(f"PAUSED {name} ({by}): {lane['pause_reason']}")
    if lane["cool_until"]:
        lines.append(f"{name} last cooled down until {day_time(lane['cool_until'])}")
    if not lane["configured"]:
        lines.append(f"{name} is not in the settings any more")
    if lane["next_attempt_at"]:
        lines.append(f"{name}: next due {day_time(lane['next_attempt_at'])}")
    if lane["owner"]:
        lines.append(
            f"{name}: worked by {lane['owner_host']}, pid {lane['owner_pid']}, since {day_time(lane['owned_since'])},"
            f" lease until {day_time(lane['lease_until'])}"
        )
    return lines


def _daemon_lines(daemons: list[dict[str, Any]]) -> list[str]:
    if not daemons:
        return ["no daemon is running"]
    return [f"daemon: {item['host']}, pid {item['pid']}, since {day_time(item['since'])}" for item in daemons]


def events(found: list[dict[str, Any]]) -> None:
    """Print events as a table."""
    out = console()
    if not found:
        out.print("no events")
        return
    table = _grid("event", "right", "due", "state", "deliveries")
    for event in found:
        due = Text(event["due_on"], style="bold red" if event["overdue"] else "")
        parts = [
            f"{d['destination']} {d['state']}" + (f" ({d['code']})" if d["code"] else "") for d in event["deliveries"]
        ]
        table.add_row(
            event["id"],
            event["right"] or "?",
            due,
            _mark(event["state"]),
            "\n".join(parts),
        )
    out.print(table)


def show(event: dict[str, Any]) -> None:
    """Print one event and its whole timeline."""
    out = console()
    late = " - OVERDUE" if event["overdue"] else ""
    out.print(f"event     {event['id']}   key {event['event_key']}")
    out.print(
        f"request   {RIGHTS[event['right']]}, received {day_time(event['received_at'])}, due {event['due_on']}{late}"
    )
    out.print(f"person    {event['subject'] or 'not known: the address cannot be used'}")
    out.print(f"state     {STATES[event['state']]}" + (f": {meaning(event['code'])}" if event["code"] else ""))
    for delivery in event["deliveries"]:
        _delivery(out, delivery)
    out.print("\ntimeline")
    for entry in event["audit"]:
        out.print(f"{day_time(entry['at'])}  {entry['destination'] or '':<12} {sentence(entry)}", soft_wrap=False)
        for step in (entry["facts"] or {}).get("steps", []):
            out.print(Text("    " + step_line(step, brief=True), style="dim"))
            out.print(Text(f"      request {step.get('request_id') or '-'}, {step['ms']} ms", style="dim"))


def _delivery(out: Console, delivery: dict[str, Any]) -> None:
    outcome = f" - {OUTCOMES[delivery['outcome']]}" if delivery["outcome"] else ""
    out.print(
        f"\n{delivery['destination']} ({delivery['adapter']}): {delivery['action'] or '-'}: "
        f"{STATES[delivery['state']]}{outcome}; {_times(delivery['attempts'])}"
    )
    if delivery["code"]:
        out.print(f"  why   {delivery['code']}: {meaning(delivery['code'])}")
    if delivery["state"] == "held":
        out.print(f"  do    {remedy(delivery['code'])}")
    if delivery["next_attempt_at"]:
        out.print(f"  next  {day_time(delivery['next_attempt_at'])}")


def _times(attempts: int) -> str:
    return "1 attempt" if attempts == 1 else f"{attempts} attempts"


def sentence(entry: dict[str, Any]) -> str:
    """Return an audit entry in plain words."""
    facts = {key: value for key, value in (entry["facts"] or {}).items() if value is not None}
    words = {
        "action": facts.get("action", "?"),
        "attempt": facts.get("attempt", "?"),
        "outcome": OUTCOMES.get(facts.get("outcome", ""), "read back"),
        "meaning": meaning(facts.get("code")) + (f" ({facts['detail']})" if facts.get("detail") else ""),
        "ground": f"{meaning(facts.get('ground'))}: {facts.get('reason', '')}",
        "reason": facts.get("reason", ""),
        **{name: facts.get(name, "?") for name in ("seconds", "expected", "found")},
    }
    return WORDS.get(str(entry["what"]), str(entry["what"])).format(**words)


def step_line(step: dict[str, Any], *, brief: bool = False) -> str:
    state = f", {step['state']}" if step.get("state") else ""
    if brief:
        return f"{step['scope']}: {step['call']} -> {step['status'] or 'no answer'}{state}"
    request = f", request {step['request_id']}" if step.get("request_id") else ""
    return f"{step['scope']}: {step['call']} -> {step['status'] or 'no answer'}{state}{request}, {step['ms']} ms"


def plan(found: dict[str, Any], skipped: Iterable[str]) -> None:
    """Print what a resync will do."""
    out = console()
    table = _grid("event", "destination", "from", "to")
    for item in found["deliveries"]:
        table.add_row(item["event"], item["destination"], item["from"], item["to"])
    out.print(table if found["deliveries"] else "nothing to do")
    for line in skipped:
        out.print(f"left alone: {line}")
    out.print(f"digest {found['digest']}")


def checks(found: list[dict[str, Any]]) -> None:
    """Print the findings of `check`."""
    out = console()
    for item in found:
        out.print(
            Text("ok   " if item["ok"] else "FAIL ", style="green" if item["ok"] else "bold red").append(
                f"{item['name']}: {item['detail']}", style="default"
            )
        )
        if item["remedy"]:
            out.print(f"     remedy: {item['remedy']}")


def as_json(found: Any) -> str:
    """Return JSON as every command prints it."""
    return json.dumps(found, indent=2, ensure_ascii=False)


def line(text: str) -> None:
    """Print one line to stdout."""
    sys.stdout.write(text + "\n")


def demo_console() -> Console:
    """Return a console that understands markup, for the demo's own words."""
    return Console(highlight=False, emoji=False, width=min(Console().width, WIDTH))
