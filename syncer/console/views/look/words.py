"""Words and signs of requests, recipients and entries, as several of these screens show them: the report's own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from flask.sansio.app import App
from markupsafe import Markup

from syncer.audit.ledger import Facts, LogEntry
from syncer.console.desk import desk
from syncer.console.pages import day, moments, said_at
from syncer.console.reading.requests.people import REF
from syncer.console.reading.requests.rows import in_address
from syncer.domain.codes import GUARDED
from syncer.domain.endings import UNSEEN, Ending
from syncer.domain.model import EventState, State
from syncer.language.texts import N_, _, plural
from syncer.reports.evidence import ReportedDelivery, StepView
from syncer.reports.views import DeliveryView, EventView, LaneView, VerificationView
from syncer.reports.wording import deliveries, kept, words
from syncer.reports.wording.grounds import staying_again
from syncer.reports.wording.kept import of_row
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.previews import is_shadowed
from syncer.reports.wording.sureness import told_apart

#: what a recipient is asked to do
ACTIONS = {
    "delete": N_("delete the person"),
    "unsubscribe": N_("stop its mail to the person"),
    "suppress": N_("stop its mail to the person, for good"),
    None: N_("nothing: what it was to do could not be read"),
}
#: ending -> the sign of a request: what was read back has one of its own, what a person decided another
MARKS = {
    Ending.EVERYWHERE: "fulfilled",
    Ending.ANSWERED: "answered",
    Ending.WITH_EXCEPTION: "exempt",
    Ending.WITHDRAWN: "exempt",
    Ending.NOBODY: "exempt",
}
#: what reading a damaged value raises that only the log's writer could have put there
_ODD = (ValueError, TypeError, AttributeError, LookupError)


class _AsRead(Moments):
    """A clock whose exact moments read like the others of a page: `28 Nov 2026, 16:12 CET`."""

    def exact(self, moment: datetime | str | None) -> str:
        """Return a moment to the minute, with its zone."""
        return said_at(moment)


def furnish(site: App) -> None:
    """Give the templates these words."""
    site.jinja_env.filters |= {
        "mark": mark,
        "standing": standing,
        "right": right,
        "delivery_mark": delivery_mark,
        "delivery_standing": delivery_standing,
        "outcome": outcome,
        "action": lambda action: _(ACTIONS.get(action, ACTIONS[None])),
        "tries": lambda delivery: _(deliveries.tries(delivery)),
        "before": lambda delivery: _(deliveries.before(delivery, moments())),
        "would_have": lambda delivery: _(deliveries.would_have(delivery)),
        "stays": lambda item: f"{_(item.text)} {staying_again(item.ground)}",
        "note": kept.told_by_adapter,
        "step": step,
        "entry": entry,
        "who": who,
        "verification": verification,
        "in_address": in_address,
        "is_ref": lambda subject: isinstance(subject, str) and bool(REF.fullmatch(subject)),
        "not_read": not_read,
        "said_day": said_day,
        "closed_otherwise": closed_otherwise,
        "code_name": code_name,
    }


def mark(view: EventView) -> str:
    """Return the sign of a request: a state, or what its ending looks like."""
    if view.ending is None:
        return "held" if _waits_at_guard(view) else view.state
    return MARKS[view.ending]


def standing(view: EventView) -> str:
    """Return where a request stands; what the guard stopped is not under way."""
    return _("stopped until a person has looked") if _waits_at_guard(view) else _(words.standing(view))


def _waits_at_guard(view: EventView) -> bool:
    return view.ending is None and view.state is EventState.OPEN and view.is_stopped


def right(name: str | None) -> str:
    """Return a right in words; one that syncer does not know as what it is."""
    return _(words.RIGHTS[name] if name in words.RIGHTS else words.RIGHTS[None])


def delivery_mark(delivery: DeliveryView) -> str:
    """Return the sign of a delivery."""
    if delivery.rechecking:
        return "confirmed"
    if delivery.code == GUARDED:
        return "held"
    return "pending" if is_shadowed(delivery) else delivery.state


def delivery_standing(delivery: DeliveryView) -> str:
    """Return where a delivery stands; never done for what was not read back."""
    return _(deliveries.standing(delivery))


def outcome(delivery: ReportedDelivery | DeliveryView) -> str:
    """Return what a recipient was found to have done; empty for what was not read back."""
    said = deliveries.outcome(delivery)
    return _(said) if said else ""


def code_name(delivery: DeliveryView) -> str:
    """Return what a delivery's code is: a cause, or what the recipient answered by a person's word."""
    return _("Its answer") if delivery.state is State.ATTESTED else _("Cause")


def not_read(delivery: DeliveryView) -> str:
    """Return why a delivery was not read back."""
    passed_on = isinstance(delivery, ReportedDelivery) and delivery.evidence.acceptance is not None
    if delivery.state is State.ACCEPTED or (delivery.state is State.NOT_APPLICABLE and passed_on):
        return _("never: the recipient shows nobody what becomes of an order")
    if delivery.state is State.ATTESTED:
        return _("never: a person says what the recipient answered")
    if delivery.state is State.NOT_APPLICABLE:
        return _("never: the recipient was not asked, since it could not be")
    return _("not yet: what was not read back is not called done")


def said_day(text: str) -> str | Markup:
    """Return a day of the log as people read it; what is no day as it stands there."""
    try:
        return day(date.fromisoformat(text))
    except (ValueError, TypeError):
        return of_row(str(text))


def closed_otherwise(lane: LaneView) -> int:
    """Return how many deliveries of a recipient were closed without being read back, exceptions apart."""
    return sum(lane.by_state[state] for state in UNSEEN)


def step(call: StepView) -> str:
    """Return a call to a recipient and its answer, with the number that the provider gave it."""
    return words.step_line(call, arrow="→")


def entry(found: LogEntry) -> str:
    """Return an entry of the log in words; one that nobody can read by its name."""
    try:
        return _(words.sentence(found, moments()))
    except _ODD:
        return str(found.what)


def held_for(view: EventView, entries: Sequence[LogEntry]) -> str:
    """Return what is wrong with a request itself, as the log says; "" where it is not held for that."""
    details = [(each.facts or {}).get("detail", "") for each in entries if each.what == "event:held"]
    return of_row(str(details[-1])) if details and view.state == "held" else ""


def who(actor: Facts | None) -> str:
    """Return who acted; nobody knows of an entry whose details were purged."""
    if actor is None:
        return _("not kept any more")
    try:
        return words.who(actor)
    except _ODD:
        return "?"


def verification(last: VerificationView) -> str:
    """Return how the last full verification ended, with its moment as every other of these pages."""
    return words.verification(last, _AsRead(desk().zone))


def sentence(view: EventView) -> str:
    """Return where one request stands, as a sentence that claims no more than was read back."""
    told = {"closed": sum(item.through for item in view.deliveries), "all": len(view.deliveries)}
    if view.ending is Ending.EVERYWHERE:
        return _("Every recipient carried it out, or was found to hold nothing; each of them was read back.")
    if view.ending is Ending.ANSWERED:
        said = _("Nothing of it is open at any recipient, and not each of them was read back: %(apart)s.")
        return said % {"apart": told_apart(view.deliveries)}
    if view.ending is Ending.WITH_EXCEPTION:
        return _("It was closed with an exception: a person decided that a recipient is not asked any further.")
    if view.ending is Ending.WITHDRAWN:
        return _("It was withdrawn: it had been entered by mistake, and nobody was asked any further from then on.")
    if view.ending is Ending.NOBODY:
        return _("It was closed, and there was no recipient to tell.")
    if view.state == "held":
        return _("It needs a person's decision. %(closed)d of %(all)d recipients need nothing more.") % told
    if view.is_stopped:
        return _("It is stopped until a person has looked. %(closed)d of %(all)d recipients need nothing more.") % told
    if any(map(is_shadowed, view.deliveries)):
        return _("A recipient is on trial, where nothing is carried out; what would have happened stands below.")
    if told["closed"] == told["all"]:
        return _(
            "Nothing more is to be carried out. What was done before is read back once more, and then it is closed."
        )
    return _("It is under way. %(closed)d of %(all)d recipients need nothing more.") % told


def of_person(views: Sequence[EventView | None]) -> str:
    """Return whether all that one person asked for was done; empty where nothing was asked, or a row is damaged."""
    known = [view for view in views if view is not None]
    if not views or len(known) < len(views):
        return ""
    if waits := sum(view.ending is None for view in known):
        said = plural(
            "%(num)d request of this person is not closed yet.",
            "%(num)d requests of this person are not closed yet.",
            waits,
        )
        return said % {"num": waits}
    if all(view.ending is Ending.EVERYWHERE for view in known):
        return _("All that this person asked for was carried out everywhere: each recipient was read back.")
    if apart := told_apart(delivery for view in known for delivery in view.deliveries):
        said = _("Nothing of this person is open, and not everything was read back: %(apart)s.")
        return said % {"apart": apart}
    return _(
        "Nothing of this person is open, but not all of it was carried out everywhere: see how each request ended."
    )


def lateness(view: EventView) -> str:
    """Return in what way a request is late, as a sentence; empty for none."""
    if view.overdue:
        return _("It is late.")
    return _("It was answered late.") if view.late else ""


def why_due(view: EventView) -> str:
    """Return how the due day was counted."""
    rule = desk().app.rule
    try:
        return kept.rule((rule.extended if view.extended_at else rule.due)(view.received_at).rule)
    except (ValueError, OverflowError):
        return ""
