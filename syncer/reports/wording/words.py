"""States, rights, outcomes and audit words in plain words."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from syncer.audit.ledger import Facts, LogEntry
from syncer.domain.codes import ANSWERS, meaning
from syncer.domain.controller import Controller
from syncer.domain.endings import Ending
from syncer.language.texts import N_, _
from syncer.privacy.masking import visible
from syncer.reports.views import EventView, TimelineEntry, VerificationView
from syncer.reports.wording import kept
from syncer.reports.wording.moments import Moments, in_register
from syncer.reports.wording.previews import would_have
from syncer.reports.wording.sureness import told_apart

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
    "accepted": "passed on, cannot be checked",
    "attested": "settled by a person",
    "not_applicable": "cannot be found there, or does not apply",
    "open": "under way",
    "fulfilled": "closed",  # an ending says how: see ENDINGS
}
ENDINGS = {
    Ending.EVERYWHERE: "carried out everywhere",
    Ending.ANSWERED: "closed, not everywhere read back",
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
    "delivery:accepted": "passed on; nobody can read back what becomes of it{by}",
    "delivery:attested": "settled by a person: {answer}, {reason}",
    "delivery:not_applicable": "cannot be asked there: {meaning}",
    "delivery:answered": "the attempt that was under way when a person closed or refused this ended: {answer}",
    "delivery:reopened": "opened again by a person: {reason}",
    "delivery:reappeared": "the person was found again",
    "delivery:previewed": "what would have happened: {would}",
    "lane:shadowed": "the destination went into shadow mode: it is read, and nothing is carried out there",
    "lane:live": "the destination went live after its time in shadow mode; {previewed} deliveries became due",
    "identity:shredded": "the stored address was destroyed",
    "operator:resynced": "a person started deliveries over: {reason}",
    "operator:dismissed": "a person dismissed a vanished request of WordPress: {reason}",
    "operator:refused": "a person's command was refused: {command}, {why}",
    "operator:proposed": "a person proposed a decision, which waits for a second person: {reason}",
    "operator:approved": "a second person approved what was proposed: {reason}",
    "operator:rejected": "what was proposed was rejected: {reason}",
    "operator:lapsed": "what was proposed lapsed, since nobody decided it in time: {reason}",
    "operator:submitted": "a person entered a request that did not come by itself: {way}",
    "operator:looked_up": "somebody looked a person up",
    "report:exported": "an export was made",
    "intake:refused": "queue rows were left where they are: {error}",
    "audit:checkpoint": "the log was signed",
    "audit:purged": "bodies of old entries were purged, as the retention policy says",
    "audit:forked": "a person recorded that the database was restored: {reason}",
    "key:rotated": "a person replaced the key: {reason}",
    "guard:tripped": "unusually many deletions were to begin, so all of them wait for a person{allowed}",
    "guard:released": "a person looked and let the deletions begin{of}: {reason}",
    "guard:refused": "a person judged requests not to be genuine{of}: {reason}",
    "guard:cleared": "the guard stops nothing at the destination any more",
    "lane:paused": "the destination was paused: {reason}",
    "destination:tried": "the destination was tried with an invented contact",
    "lane:taken": "a daemon took the work at the destination on",
    "daemon:started": "the daemon started",
    "daemon:reloaded": "the daemon goes on with changed settings",
    "daemon:stopped": "the daemon stopped",
    "clock:anomaly": "the machine's clock jumped by {seconds} seconds: it showed {found} when {expected} was due",
    "lane:resumed": "the destination goes on: {reason}",
    "backup:made": "the database was backed up, and the backup verified",
    "alert:raised": "an alert was raised: {condition}",
    "alert:cleared": "an alert is over: {condition}",
    "alert:acknowledged": "a person took an alert: {condition}, {reason}",
    "alert:sent": "a message was sent by the channel {channel}",
    "alert:undeliverable": "a message could not be delivered by the channel {channel}: {reason}",
    "console:signed_in": "signed in to the console",
    "console:signed_out": "sessions of {user} in the console were ended",
    "console:refused": "somebody was not let into the console{as_user}: {why}",
    "console:denied": "a page of the console was refused, since the roles do not allow it: {page}",
    "user:added": "an account for the console was made: {user} ({roles})",
    "user:changed": "the account {user} was changed: {changed}",
    "user:enrolled": "somebody chose how to sign in: {user}",
    "user:disabled": "the account {user} was disabled",
    "user:enabled": "the account {user} was enabled again",
    "user:reset": "the account {user} was reset, and got a new code to begin with",
}
#: the same without their facts, of entries whose details are purged
SHORT = {what: said.partition("{")[0].rstrip(" :;,(") for what, said in WORDS.items() if "{" in said} | {
    "event:extended": "the period was extended",
    "delivery:attempted": "a recipient was asked",
    "delivery:accepted": "passed on; nobody can read back what becomes of it",
    "delivery:attested": "settled by a person",
    "clock:anomaly": "the machine's clock jumped",
    "alert:sent": "a message was sent",
    "alert:undeliverable": "a message could not be delivered",
    "console:signed_out": "sessions in the console were ended",
    "user:changed": "an account was changed",
    "user:disabled": "an account was disabled",
    "user:enabled": "an account was enabled again",
    "user:reset": "an account was reset, and got a new code to begin with",
}
OUTCOMES = {"done": "found, acted on, read back", "absent": "searched everywhere, not held there"}
#: what a recipient was asked for, as a register and a timeline name it
ACTIONS = {"delete": "delete", "unsubscribe": "unsubscribe", "suppress": "suppress"}
#: who acts, as an entry of the audit names their kind
ACTORS = {"cli": "cli", "daemon": "daemon", "console": "console"}
#: how somebody came into the console, as an entry of the audit names it
WAYS = {
    "passkey": "passkey",
    "password": "password",
    "code": "code",
    "wordpress": "wordpress",
    "oidc": "oidc",
    "proxy": "proxy",
    "demo": "demo",
}
_PREVIEW_FAILED = N_("the preview did not get through: {meaning}")
_READ_BACK = N_("read back")


def action_word(action: str | None) -> str:
    """Return what a recipient was asked for in a word; empty for what is not known."""
    return _(ACTIONS.get(action, action)) if action else ""


def right_words(right: str | None) -> str:
    """Return what a person asked for, in a few words."""
    return _(RIGHTS[right])


def whose(controller: Controller) -> str:
    """Return whose log it is, and whom to ask about it, in one line; empty where the settings name nobody."""
    officer = controller.data_protection_officer
    named = (
        controller.name and _("controller: {name}").format(name=controller.name),
        controller.contact and _("contact: {contact}").format(contact=controller.contact),
        officer and _("data protection officer: {officer}").format(officer=officer),
    )
    return "; ".join(filter(None, named))


def standing(event: EventView) -> str:
    """Return where a request stands: its state, or how it ended; what nobody could read back is counted apart."""
    if event.ending is None:
        return _(STATES[event.state])
    apart = told_apart(event.deliveries)
    return (
        _("{ending}: {apart}").format(ending=_(ENDINGS[event.ending]), apart=apart)
        if apart
        else _(ENDINGS[event.ending])
    )


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
        return kept.finding(last.problem) or _("not yet: it is verified once a day")
    at = moments.exact(last.at) if moments else day_time(last.at)
    if not last.ok:
        return f"{at}: {kept.finding(last.problem)}"
    whole = _("{when}: {number} entries, all whole").format(when=at, number=last.entries)
    # what a restore on record declares lost is no alteration, and is not left out either
    if last.reason:
        whole = _("{whole}; NOT PROVEN: {lost}").format(whole=whole, lost=kept.finding(last.reason))
    return (
        _("{whole}; but {problem}").format(whole=whole, problem=kept.finding(last.problem)) if last.problem else whole
    )


def sentence(entry: LogEntry | TimelineEntry, moments: Moments | None = None) -> str:
    """Return an audit entry in plain words; moments are those of a document, or as the log has them without."""
    if entry.facts is None:
        return _("{what} (details purged)").format(what=in_brief(entry.what))
    facts = {key: value for key, value in entry.facts.items() if value is not None}
    said = WORDS.get(entry.what, entry.what)
    if entry.what == "delivery:retrying" and facts.get("phase") == "preview":
        said = _PREVIEW_FAILED
    words = {
        "action": action_word(facts.get("action")) or "?",
        "attempt": facts.get("attempt", "?"),
        "outcome": _(OUTCOMES.get(facts.get("outcome", ""), _READ_BACK)),
        "meaning": meaning(facts.get("code")) + (f" ({facts['detail']})" if facts.get("detail") else ""),
        "ground": f"{meaning(facts.get('ground'))}: {facts.get('reason', '')}",
        **{key: _day(facts.get(key)) for key in ("due_on", "informed_on")},
        "reason": facts.get("reason", ""),
        "of": _(" (requests: {number})").format(number=facts["requests"]) if "requests" in facts else "",
        "allowed": _(" ({limit} in 24 hours are allowed)").format(limit=facts["limit"]) if "limit" in facts else "",
        "answer": _answer(facts),
        "by": _settled(facts),
        "would": would_have(facts.get("found", ()), facts.get("would", ()), facts.get("code")),
        "previewed": facts.get("previewed", "?"),
        "as_user": _(" as {user}").format(user=facts["user"]) if "user" in facts else "",
        **{name: facts.get(name, "?") for name in ("user", "roles", "page")},
        "why": kept.why(facts.get("why", "?")),
        "changed": kept.why(facts.get("changed", "?")),
        **{name: facts.get(name, "?") for name in ("seconds", "command", "error", "condition")},
        **{name: facts.get(name, "?") for name in ("channel", "way")},
        **{name: _moment(facts.get(name), moments) for name in ("expected", "found")},
    }
    return str(visible(_(said).format(**words)))


def _settled(facts: Facts) -> str:
    """Return by which day the recipient says to be through, where it does."""
    return _("; it says to be through by {day}").format(day=_day(facts["settles_on"])) if "settles_on" in facts else ""


def _answer(facts: Facts) -> str:
    """Return what a recipient answered, by a person's word; or how an attempt ended that was closed meanwhile."""
    if facts.get("answer") in ANSWERS:
        return meaning(facts["answer"])
    if "code" in facts:
        return meaning(facts["code"])
    if facts.get("answer") == "applied":
        return _("it was carried out")
    if facts.get("answer") == "accepted":
        return _("it was passed on, and nobody can read back what becomes of it")
    return _(OUTCOMES.get(facts.get("outcome", ""), _READ_BACK))


def in_brief(what: str) -> str:
    """Return an audit word in plain words, as far as they need no facts."""
    return _(SHORT.get(what) or WORDS.get(what, what))


def _day(told: object) -> str:
    try:
        return in_register(date.fromisoformat(str(told))) if told else "?"
    except ValueError:  # what somebody else wrote there
        return str(told)


def _moment(told: object, moments: Moments | None) -> str:
    try:
        return moments.exact(str(told)) if told and moments else str(told or "?")
    except ValueError:  # what somebody else wrote there
        return str(told)


def step_line(step: StepView, *, brief: bool = False, arrow: str = "->") -> str:
    """Return a call to a provider and its answer in one line; `brief` leaves out what differs each time."""
    state = f", {step.state}" if step.state else ""
    answered = step.status or _("no answer")
    said = f"{step.scope}: {step.call} {arrow} {answered}{state}"
    if brief:
        return said
    request = _(", request {id}").format(id=step.request_id) if step.request_id else ""
    return f"{said}{request}, {step.ms} ms"


def _way(via: object) -> str:
    return _(WAYS[via]) if isinstance(via, str) and via in WAYS else str(via)


def who(actor: Facts | None) -> str:
    """Return who acted: the daemon, or the account of the login; behind it the one that the command ran as.

    What only sudo says, which whoever may run as that account can claim, is marked as that.
    """
    actor = actor or {}
    if actor.get("kind") == "daemon":
        return _("syncer by itself, as {account}").format(account=actor.get("account") or actor.get("user", "?"))
    if actor.get("kind") == "console":
        return _("{user} (in the console, by {via}, from {network})").format(
            user=actor.get("user", "?"), via=_way(actor.get("via", "?")), network=actor.get("from", "?")
        )
    user, account, said = actor.get("user", "?"), actor.get("account"), actor.get("sudo_user")
    more = [_("as {account}").format(account=account)] if account not in (None, user) else []
    more += [_("for {user}, says sudo").format(user=said)] if said is not None else []
    return f"{user} ({', '.join(more)})" if more else str(user)
