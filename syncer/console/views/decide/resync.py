"""`/resync/plan`: start over what is held and read back what was confirmed, by a plan that is seen first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, abort, request, url_for
from werkzeug.wrappers import Response

from syncer.console.access import needs, person
from syncer.console.desk import desk
from syncer.console.pages import BadInput, announce, has_endpoint, page, seen_other
from syncer.console.reading.unreadable import readable
from syncer.console.views.decide import deciding
from syncer.console.views.decide.deciding import LastChange
from syncer.console.views.decide.planned import CountedForm, PlannedDecision
from syncer.decisions.four_eyes.authority import NotAllowed
from syncer.decisions.four_eyes.proposal import start_over
from syncer.decisions.resync_plan import PlannedDelivery, ResyncPlan, Selection
from syncer.domain.model import EventState, State
from syncer.domain.permissions import Permission
from syncer.errors import UntrustedLog, UserError
from syncer.language.texts import N_, _, retold
from syncer.reports.wording.kept import refusal

if TYPE_CHECKING:
    from syncer.app import App

views = Blueprint("resync", __name__)
RESYNCED = announce("resynced", N_("It starts over: the recipients are asked now. Follow it at the request."))
#: deliveries that a page shows; its numbers are of all
SHOWN = 200
READ, AGAIN, DELETES = N_("read again"), N_("asked again"), N_("deletes for good")
#: in this order, the gravest last
KINDS = (READ, AGAIN, DELETES)


@dataclass(frozen=True, slots=True)
class PlannedKind:
    """How much of one kind happens at one recipient."""

    destination: str
    kind: str
    number: int


@views.get("/resync/plan")
@needs(Permission.WORK)
def plan() -> Response:
    """Show what would start over and what would be read back; nothing is changed."""
    selection = _selection()
    if selection is None:
        return page("decide/resync_choose.html", destinations=tuple(desk().app.settings.destinations))
    try:
        found = _plan(selection)
    except UserError as error:
        raise BadInput(refusal(error)) from None
    return _page(found, {}, 200)


@views.post("/resync/plan")
@needs(Permission.WORK)
def apply() -> Response:
    """Carry the plan out, or propose it; what deletes asks for a second factor."""
    selection = _selection()
    if selection is None:
        abort(400)
    try:
        found = _plan(selection)
    except UserError as error:  # withdrawn, for example, since the plan was shown
        return _impossible(selection, error)
    if found.erased and (away := deciding.second_factor()) is not None:
        return away
    return deciding.once(lambda: _apply(selection))


def _plan(selection: Selection) -> ResyncPlan:
    with readable():
        return desk().acting().resync.plan(selection)


def _apply(selection: Selection) -> Response:
    def may_go(found: ResyncPlan) -> bool:
        # what deletes by now, and did not when a second factor was asked for, is another plan, too
        return bool(found.deliveries) and not (found.erased and not person().is_stepped_up(desk().app.clock()))

    def show(found: ResyncPlan, errors: dict[str, str], status: int) -> Response:
        return _page(found, errors, status, _changes() if status == 409 else None)

    def start(app: App, found: ResyncPlan, form: CountedForm) -> None:
        app.resync.apply(found, form.reason, exactly=True)

    decision = PlannedDecision(
        lambda: _plan(selection),
        show,
        may_go,
        start,
        _done,
        wanted=lambda found: start_over(selection, found),
        number=lambda found: found.erased or None,
        count=N_("Type how many deletions the plan has: %(number)s."),
    )
    try:
        return decision.taken()
    except (NotAllowed, UntrustedLog):
        raise
    except UserError as error:  # no plan can be made of that any more
        return _impossible(selection, error)


def _done(found: ResyncPlan) -> Response:
    events = {each.event for each in found.deliveries}
    if len(events) == 1:
        return deciding.to_request(min(events), RESYNCED)
    if not has_endpoint("register.register"):
        return seen_other("overview.overview", said=RESYNCED)
    return seen_other("register.register", said=RESYNCED, state=EventState.OPEN)


def _impossible(selection: Selection, error: UserError) -> Response:
    changes = deciding.last_change(selection.events[0]) if len(selection.events) == 1 else []
    said = _("The plan has changed meanwhile. Nothing was done.")
    return deciding.changed(said, error, changes, url_for("resync.plan"), _("Make another plan"))


def _selection() -> Selection | None:
    """Return what the query chooses; None where it chooses nothing yet. Raises BadInput for what is none."""
    given = deciding.query(("event",), "destination", "held", "confirmed_since")
    held = deciding.one(given, "held")
    if held not in (None, "1"):
        raise BadInput(_("%(name)s: write 1, or leave it out.") % {"name": "held"})
    since = deciding.midnight(deciding.one(given, "confirmed_since"), "confirmed_since")
    reader = desk().app.reader
    try:
        events = tuple(dict.fromkeys(reader.resolve(each) for each in given.get("event", ())))
    except UserError as error:
        raise BadInput(refusal(error)) from None
    destination = deciding.one(given, "destination")
    if not events and destination is None and held is None and since is None:
        return None
    return Selection(events, destination, held is not None, since)


def _changes() -> list[LastChange]:
    """Return what happened last to the request that a plan is about; nothing where there are several."""
    events = request.args.getlist("event")
    return deciding.last_change(desk().app.reader.resolve(events[0])) if len(events) == 1 else []


def kind_of(planned: PlannedDelivery) -> str:
    """Return what happens to a delivery, in our words."""
    return READ if planned.to is State.APPLIED else DELETES if planned.deletes else AGAIN


def _page(found: ResyncPlan, errors: dict[str, str], status: int, changes: list[LastChange] | None = None) -> Response:
    counts = Counter((each.destination, kind_of(each)) for each in found.deliveries)
    kinds = sorted(counts, key=lambda each: (each[0], KINDS.index(each[1])))
    return page(
        "decide/resync.html",
        status,
        plan=found,
        kinds=[PlannedKind(*each, counts[each]) for each in kinds],
        deliveries=[(each, kind_of(each)) for each in found.deliveries[:SHOWN]],
        skipped=[retold(each) for each in found.skipped[:SHOWN]],
        errors=errors,
        changes=changes,
        typed=deciding.typed("reason", "deletions") if status == 422 else {"reason": "", "deletions": ""},
        key=deciding.new_key(),
        asks=deciding.needs_another(*desk().app.resync.kinds(found)),
    )
