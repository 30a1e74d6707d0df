"""Every condition that somebody is told of: its topic, its words, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from syncer.database.alerting.board import AlertFacts
from syncer.language.texts import _

INFO, WARNING, CRITICAL = "info", "warning", "critical"


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that is so now. `scope` is a destination, an anchor, a channel or a right; empty for all."""

    condition: str
    severity: str
    facts: AlertFacts
    scope: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen, and which conditions were looked for: only of these it is known whether they are over."""

    signs: tuple[Sign, ...]
    asked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A condition in words; `{scope}` stands for what it is about.

    What is `passing` just ends: nobody is told so. What only a person ends is so `anew` where it is so since another
    moment: another alert, whatever was said to the one before.
    """

    topic: str
    title: str
    todo: str
    passing: bool = False
    anew: bool = False


KINDS: Mapping[str, Kind] = {
    # -- deadlines
    "overdue": Kind(
        "deadlines",
        "Requests are past their due day",
        "tell the people that it takes longer, and why (Art. 12(4)); `syncer events --state overdue` lists them",
    ),
    "objection_late": Kind(
        "deadlines",
        "Objections missed their target",
        "see what stops them: `syncer events --state overdue`",
    ),
    "due_soon": Kind(
        "deadlines", "Requests are due within 7 days", "see what stops them: `syncer events --state open`"
    ),
    "open_long": Kind("deadlines", "Requests are open for 14 days or more", "see why: `syncer events --state open`"),
    # -- decisions
    "guard_tripped": Kind(
        "decisions",
        "Unusually many deletions wait for a person at {scope}",
        "look at the plan, then release or refuse it: `syncer guard plan`",
        anew=True,
    ),
    "guarded_due": Kind(
        "decisions",
        "Deletions that wait for a person at {scope} are due within 7 days",
        "decide now: `syncer guard plan`",
    ),
    "held": Kind(
        "decisions", "Requests wait for a person's decision: {scope}", "`syncer events --state held` lists them"
    ),
    "shadow_long": Kind(
        "decisions",
        "{scope} is on trial for 3 days or more: nothing is carried out there",
        "go live, or say that it stays: mode in [destinations.{scope}], then `syncer check`",
    ),
    "proposal_waits": Kind(
        "decisions",
        "Decisions wait for a second person for 7 days or more",
        "approve or reject them, or they lapse after 14 days: `syncer proposals`",
    ),
    "reappeared": Kind(
        "decisions", "People came back at {scope}", "see who: `syncer events --destination {scope}`", passing=True
    ),
    # -- proof
    "verification": Kind(
        "proof",
        "The log's full verification failed, or is missing",
        "`syncer audit verify --full` says what is wrong; keep the database as evidence",
    ),
    "unsigned": Kind("proof", "The log has not been signed for a day", "`syncer audit checkpoint` says why"),
    "anchor_failing": Kind(
        "proof", "Signed notes do not reach the anchor {scope}", "`syncer status` says why; see [anchors.{scope}]"
    ),
    "clock_anomaly": Kind("proof", "The machine's clock jumped", "see that it is kept by NTP", passing=True),
    # -- operation
    "lane_paused": Kind(
        "operation",
        "{scope} is paused: nothing is carried out there",
        '`syncer check` says why; then `syncer resume {scope} --reason "…"`',
    ),
    "queue_stale": Kind(
        "operation", "The queue has not been taken for 15 minutes", "see the daemon's log; `syncer check`"
    ),
    "queue_refused": Kind(
        "operation", "The database refuses rows of the queue", "`syncer status` names their number; mend the rows"
    ),
    "surge": Kind(
        "operation",
        "Unusually many requests arrived: {scope}",
        "see that their source is sound; `syncer events --right {scope}`",
        passing=True,
    ),
    "wordpress": Kind("operation", "WordPress needs a person", "`syncer status` says what to do"),
    "listing_incomplete": Kind(
        "operation", "The list of contacts at {scope} could not be read to its end", "`syncer watch` reads it again"
    ),
    "channel_fails": Kind(
        "operation", "Messages do not arrive by the channel {scope}", "mend it, then `syncer alerts test {scope}`"
    ),
    "backup_old": Kind("operation", "The last good backup is too old", "see the backup's timer; `syncer backup DIR`"),
    # -- security
    "sign_ins_refused": Kind(
        "security",
        "Sign-ins to the console are refused again and again",
        "see who tries: the console's audit, or `syncer audit export`, entries console:refused",
        passing=True,
    ),
    "sign_ins_throttled": Kind(
        "security",
        "So many sign-ins are tried that whoever is new to the console has to wait",
        "see who tries, in the log of the web server before it, and stop them there",
        passing=True,
    ),
    "disabled_used": Kind(
        "security",
        "Somebody tried to sign in with an account that is disabled",
        "ask whose account it was: entries console:refused of the audit",
        passing=True,
    ),
    "passkey_copied": Kind(
        "security",
        "A passkey may exist twice: its counter went back",
        "ask its owner, let them remove it and make another; entries console:refused of the audit say whose it is",
        passing=True,
    ),
    "pages_denied": Kind(
        "security",
        "Pages of the console were called again and again that the roles do not allow",
        "ask who called them: entries console:denied of the audit",
        passing=True,
    ),
    "accounts_changed": Kind(
        "security",
        "Accounts of the console were added, changed or reset",
        "see that somebody of yours did it: `syncer user list`, and entries user:… of the audit",
        passing=True,
    ),
    "new_way": Kind(
        "security",
        "Somebody signed in to the console by a way that is new for them",
        "see that it was them: entries console:signed_in of the audit",
        passing=True,
    ),
    "new_admin": Kind(
        "security",
        "Somebody became an administrator of the console",
        "see that this was meant: `syncer user list`",
        passing=True,
    ),
}

#: how the facts of an alert are called, in the order in which they are shown
FACTS: Mapping[str, str] = {
    "requests": "requests",
    "proposals": "proposals",
    "people": "people",
    "deletions": "deletions waiting",
    "limit": "allowed in 24 hours",
    "counted": "begun in 24 hours",
    "usual": "most in a day before",
    "rows": "rows",
    "jumps": "jumps",
    "alarms": "alarms",
    "times": "times",
    "accounts": "accounts",
    "messages": "messages given up",
    "earliest_due": "earliest due day",
    "by": "by",
    "since": "since",
    "last": "the last one",
    "state": "state",
}


def title(condition: str, scope: str) -> str:
    """Return a condition in words; one that nobody knows, of a newer version perhaps, by its name."""
    kind = KINDS.get(condition)
    return _(kind.title).format(scope=scope or _("all destinations")) if kind else f"{condition} {scope}".strip()


def todo(condition: str, scope: str) -> str:
    """Return what to do about a condition; a command that wants a scope is named only where there is one."""
    kind = KINDS.get(condition)
    if kind is None or (not scope and "{scope}" in kind.todo):
        return "`syncer status`"
    return _(kind.todo).format(scope=scope)
