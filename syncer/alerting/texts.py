"""The words of a message: counts, conditions and names of recipients, and nothing that is a person's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from uuid import uuid4
from zoneinfo import ZoneInfo

from syncer.alerting.catalog import CRITICAL, FACTS, title, todo
from syncer.clock import stamp
from syncer.database.alerting.board import AlertFacts, AlertRow
from syncer.language.texts import _
from syncer.privacy.masking import visible

RAISED, REMINDER, CLEARED = "raised", "reminder", "cleared"
DIGEST, TEST = "digest", "test"
#: alerts that a message shows; of more it says how many there are
SHOWN = 30
#: characters of a subject
LONGEST_SUBJECT = 120

_BEFORE = {RAISED: "", REMINDER: "still: ", CLEARED: "over: "}
_HEAD = {
    RAISED: "This needs somebody:",
    REMINDER: "This still needs somebody:",
    CLEARED: "This is over:",
}
_FOOT = """\
`syncer alerts` lists all that is open. To have no reminder of one before a day:
  syncer alerts ack ID --until DAY --reason "…"
"""


def subject(kind: str, alerts: Sequence[AlertRow]) -> str:
    """Return the subject of a message about alerts; the worst is named."""
    first = _by_severity(alerts)[0]
    more = f", and {len(alerts) - 1} more" if len(alerts) > 1 else ""
    severity = "" if kind == CLEARED else f"{first.severity}: "
    return cut(f"[syncer] {_BEFORE[kind]}{severity}{_shown(title(first.condition, first.scope))}{more}")


def body(kind: str, alerts: Sequence[AlertRow], zone: ZoneInfo, log: str, console: str | None = None) -> str:
    """Return the text of a message about alerts, in plain text; moments are in the controller's zone.

    `console` is the address of the web console, where there is one.
    """
    lines = [_HEAD[kind], ""]
    for alert in _by_severity(alerts)[:SHOWN]:
        lines += [*_of(kind, alert, zone), ""]
    if len(alerts) > SHOWN:
        lines += [f"… and {len(alerts) - SHOWN} more.", ""]
    foot = [] if kind == CLEARED else [_FOOT]
    link = [f"The console: {console}alerts/", ""] if console else []
    return "\n".join([*lines, *foot, *link, f"The log: {_shown(log)}", ""])


def data(alerts: Sequence[AlertRow]) -> str:
    """Return the alerts of a message for machines, as JSON."""
    return json.dumps(
        [
            {
                "id": alert.id,
                "condition": alert.condition,
                "scope": _shown(alert.scope),
                "topic": alert.topic,
                "severity": alert.severity,
                "raised_at": stamp(alert.raised_at),
                "facts": {
                    name: _shown(value) if isinstance(value, str) else value for name, value in alert.facts.items()
                },
            }
            for alert in _by_severity(alerts)[:SHOWN]
        ],
        sort_keys=True,
    )


def facts(told: AlertFacts) -> str:
    """Return what an alert says besides its name, in one line, from its facts."""
    colon = _(":")
    return ", ".join(f"{_(words)}{colon} {_shown(told[name])}" for name, words in FACTS.items() if name in told)


def new_message_id() -> str:
    """Return the name of a new message; a webhook's signature joins it with full stops, so it has none."""
    return f"msg_{uuid4().hex}"


def cut(text: str) -> str:
    """Return a subject in one line that is not too long."""
    text = " ".join(text.split())
    return text if len(text) <= LONGEST_SUBJECT else f"{text[: LONGEST_SUBJECT - 1]}…"


def _of(kind: str, alert: AlertRow, zone: ZoneInfo) -> Iterable[str]:
    head = f"{_shown(title(alert.condition, alert.scope))}."
    yield f"* {head}" if kind == CLEARED else f"* {alert.severity.upper()}: {head}"
    if kind != CLEARED and (told := facts(alert.facts)):
        yield f"  {told}"
    since = alert.raised_at.astimezone(zone).strftime("%Y-%m-%d %H:%M")
    end = alert.cleared_at.astimezone(zone).strftime(" to %Y-%m-%d %H:%M") if alert.cleared_at else ""
    yield f"  alert {alert.id}, {since}{end} ({zone.key})"
    if kind != CLEARED:
        yield f"  {_shown(todo(alert.condition, alert.scope))}"


def _by_severity(alerts: Sequence[AlertRow]) -> list[AlertRow]:
    order = {CRITICAL: 0, "warning": 1}
    return sorted(alerts, key=lambda alert: (order.get(alert.severity, 2), alert.id))


def _shown(value: object) -> str:
    # names come from tables that others may write
    return str(visible(str(value)))
