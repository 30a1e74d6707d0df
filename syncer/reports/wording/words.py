"""States, rights, outcomes and audit words in plain words."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from syncer.audit.ledger import Facts, LogEntry
from syncer.domain.codes import meaning
from syncer.domain.controller import Controller
from syncer.domain.endings import Ending
from syncer.privacy.masking import visible
from syncer.reports.views import EventView, TimelineEntry, VerificationView
from syncer.reports.wording.moments import Moments

if TYPE_CHECKING:
    from syncer.reports.evidence import StepView

RIGHTS = {"erasure": "erase me (Art. 17)", "objection": "stop your marketing (Art. 21)", None: "unknown right"}
STATES = {
    "pending": "waiting for its first try",
    "retrying": "will be tried again",
    "applied": "carried out, being read back",
    "confirmed": "confirmed",
    "held": "needs a person's decision",
    "exempt": "exempt by a person's decision",
    "open": "under way",
    "fulfilled": "closed",  # an ending says how: see ENDINGS
}
ENDINGS = {
    Ending.EVERYWHERE: "carried out everywhere",
    Ending.WITH_EXCEPTION: "closed with an exception",
    Ending.WITHDRAWN: "withdrawn",
    Ending.NOBODY: "closed, with no recipient to tell",
}
WORDS = {
    "event:received": "request received",
    "event:held": "the request waits for a person",
    "event:fulfilled": "nothing is open at any recipient any more",
    "event:withdrawn": "a person withdrew the request: {reason}",
    "event:extended": "the period was extended to {due_on}; the person was told on {informed_on}: {reason}",
    "delivery:attempted": "asked to {action}, attempt {attempt}",
    "delivery:applied": "carried out; read back next",
    "delivery:confirmed": "confirmed: {outcome}",
    "delivery:retrying": "not through: {meaning}",
    "delivery:held": "held: {meaning}",
    "delivery:exempt": "exempt by a person: {ground}",
    "delivery:answered": "the attempt that was under way when the request was withdrawn ended: {answer}",
    "delivery:reopened": "opened again by a person: {reason}",
    "delivery:reappeared": "the person was found again",
    "identity:shredded": "the stored address was destroyed",
    "operator:resynced": "a person started deliveries over: {reason}",
    "operator:dismissed": "a person dismissed a vanished request of WordPress: {reason}",
    "operator:refused": "a person's command was refused: {command}, {why}",
    "operator:looked_up": "somebody looked a person up",
    "report:exported": "an export was made",
    "intake:refused": "queue rows were left where they are: {error}",
    "audit:checkpoint": "the log was signed",
    "audit:purged": "bodies of old entries were purged, as the retention policy says",
    "audit:forked": "a person recorded that the database was restored: {reason}",
    "key:rotated": "a person replaced the key: {reason}",
    "lane:paused": "the destination was paused: {reason}",
    "destination:tried": "the destination was tried with an invented contact",
    "clock:anomaly": "the machine's clock jumped by {seconds} seconds: it showed {found} when {expected} was due",
    "lane:resumed": "the destination goes on: {reason}",
}
OUTCOMES = {"done": "found, acted on, read back", "absent": "searched everywhere, not held there"}


def whose(controller: Controller) -> str:
    """Return whose log it is, and whom to ask about it, in one line; empty where the settings name nobody."""
    officer = controller.data_protection_officer
    named = (
        controller.name and f"controller: {controller.name}",
        controller.contact and f"contact: {controller.contact}",
        officer and f"data protection officer: {officer}",
    )
    return "; ".join(filter(None, named))


def standing(event: EventView) -> str:
    """Return where a request stands: its state, or how it ended."""
    return ENDINGS[event.ending] if event.ending is not None else STATES[event.state]


def day_time(moment: datetime | str | None) -> str:
    """Return a UTC time as shown to people; one that the log wrote comes as its text."""
    if isinstance(moment, datetime):
        return moment.strftime("%Y-%m-%d %H:%M:%SZ")
    return f"{moment[:10]} {moment[11:19]}Z" if moment else "-"


def verification(last: VerificationView, moments: Moments | None = None) -> str:
    """Return when the whole log was last verified and how that ended, and what is wrong with it.

    Moments are those of a document, or UTC without them.
    """
    if last.at is None:
        return last.problem or "not yet: it is verified once a day"
    at = moments.exact(last.at) if moments else day_time(last.at)
    if not last.ok:
        return f"{at}: {last.problem}"
    # what a restore on record declares lost is no alteration, and is not left out either
    lost = f"; NOT PROVEN: {last.reason}" if last.reason else ""
    whole = f"{at}: {last.entries} entries, all whole{lost}"
    return f"{whole}; but {last.problem}" if last.problem else whole


def sentence(entry: LogEntry | TimelineEntry, moments: Moments | None = None) -> str:
    """Return an audit entry in plain words; moments are those of a document, or as the log has them without."""
    if entry.facts is None:
        return f"{WORDS.get(entry.what, entry.what).partition('{')[0].rstrip(' :')} (details purged)"
    facts = {key: value for key, value in entry.facts.items() if value is not None}
    words = {
        "action": facts.get("action", "?"),
        "attempt": facts.get("attempt", "?"),
        "outcome": OUTCOMES.get(facts.get("outcome", ""), "read back"),
        "meaning": meaning(facts.get("code")) + (f" ({facts['detail']})" if facts.get("detail") else ""),
        "ground": f"{meaning(facts.get('ground'))}: {facts.get('reason', '')}",
        **{key: facts.get(key, "?") for key in ("due_on", "informed_on")},
        "reason": facts.get("reason", ""),
        "answer": _answer(facts),
        **{name: facts.get(name, "?") for name in ("seconds", "command", "why", "error")},
        **{name: _moment(facts.get(name), moments) for name in ("expected", "found")},
    }
    return str(visible(WORDS.get(entry.what, entry.what).format(**words)))


def _answer(facts: Facts) -> str:
    """Return how an attempt ended whose delivery was closed meanwhile."""
    if "code" in facts:
        return meaning(facts["code"])
    if facts.get("answer") == "applied":
        return "it was carried out"
    return OUTCOMES.get(facts.get("outcome", ""), "read back")


def _moment(told: object, moments: Moments | None) -> str:
    try:
        return moments.exact(str(told)) if told and moments else str(told or "?")
    except ValueError:  # what somebody else wrote there
        return str(told)


def step_line(step: StepView, *, brief: bool = False, arrow: str = "->") -> str:
    """Return a call to a provider and its answer in one line; `brief` leaves out what differs each time."""
    state = f", {step.state}" if step.state else ""
    said = f"{step.scope}: {step.call} {arrow} {step.status or 'no answer'}{state}"
    if brief:
        return said
    request = f", request {step.request_id}" if step.request_id else ""
    return f"{said}{request}, {step.ms} ms"


def who(actor: Facts | None) -> str:
    """Return who acted: the account of the login; behind it the account that the command ran as, where it is another.

    What only sudo says, which whoever may run as that account can claim, is marked as that.
    """
    actor = actor or {}
    user, account, said = actor.get("user", "?"), actor.get("account"), actor.get("sudo_user")
    more = [f"as {account}"] if account not in (None, user) else []
    more += [f"for {said}, says sudo"] if said is not None else []
    return f"{user} ({', '.join(more)})" if more else str(user)
