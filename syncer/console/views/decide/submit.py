"""`/submit`: a request that came by letter or phone goes into the queue, once per form."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from flask import Blueprint, request
from pydantic import Field
from werkzeug.wrappers import Response

from syncer.console.access import needs, person
from syncer.console.desk import desk
from syncer.console.forms import Form, UnfitForm, sent
from syncer.console.keeping.form_keys import name_of
from syncer.console.pages import announce, page, seen_other
from syncer.console.views.decide import deciding
from syncer.console.views.decide.extend import Day
from syncer.decisions.four_eyes.authority import NotAllowed
from syncer.domain.permissions import Permission
from syncer.errors import AddressError, UserError
from syncer.intake.submit import Submission
from syncer.language.texts import N_, _
from syncer.privacy.damage import damage
from syncer.reports.wording.kept import of_address, refusal

views = Blueprint("submit", __name__)
SUBMITTED = announce("submitted", N_("The request is in the queue. The daemon takes it within seconds."))
RIGHTS = {
    "erasure": N_("Erase everything about me (Art. 17 GDPR)"),
    "objection": N_("Stop writing to me for marketing (Art. 21 GDPR)"),
}
#: how it came, which is the request's source
WAYS = {
    "letter": N_("by letter"),
    "phone": N_("by phone"),
    "email": N_("by mail"),
    "in-person": N_("in person"),
    "other": N_("in another way"),
}
#: what `require_usable` and `submit` say before what they say -> the field that they mean
_FIELDS = {"--received: ": "received", "--ref: ": "reference", "--source: ": "way", "line 1: ": "address"}


class SubmitForm(Form):
    """What entering a request asks for. Never printed: it holds an address."""

    right: Literal["erasure", "objection"]
    address: Annotated[str, Field(min_length=1, max_length=1000, repr=False)]
    received: Day
    way: Literal["letter", "phone", "email", "in-person", "other"]
    reference: Annotated[str, Field(max_length=1000)] = ""
    as_written: Literal["", "1"] = ""


@views.get("/submit")
@needs(Permission.SUBMIT)
def submit() -> Response:
    """Ask for the request."""
    return _page({}, 200)


@views.post("/submit")
@needs(Permission.SUBMIT)
def enter() -> Response:
    """Put the request into the queue."""
    return deciding.once(_enter)


def _enter() -> Response:
    try:
        form = sent(SubmitForm)
    except UnfitForm as unfit:
        return _page(unfit.errors, 422)
    app = desk().acting()
    now = app.clock()
    if form.received > _today(now):
        return _page({"received": _("This day is in the future.")}, 422)
    try:
        received = deciding.at_midnight(form.received)
    except OverflowError:  # the first day of all, which UTC does not have
        return _page({"received": _("Write a day like 2026-11-28.")}, 422)
    key = name_of(person().name, request.form["form"])
    ref = form.reference.strip() or None
    submission = Submission(form.right, form.way, ref, received, now, form.as_written == "1", key)
    try:
        app.entering.enter(submission, form.address.strip())
    except AddressError as error:
        return _page({"address": _("The address cannot be used (%(why)s).") % {"why": of_address(error.code)}}, 422)
    except NotAllowed:
        raise
    except UserError as error:
        return _page(deciding.beside(error, _FIELDS) or {"address": refusal(error)}, 422)
    return seen_other("submit.submit", said=SUBMITTED)


def _today(now: datetime) -> date:
    return now.astimezone(desk().zone).date()


def _page(errors: dict[str, str], status: int) -> Response:
    typed = deciding.typed("right", "address", "received", "way", "reference", "as_written")
    return page(
        "decide/submit.html",
        status,
        rights=[(name, _(said)) for name, said in RIGHTS.items()],
        ways=[(name, _(said)) for name, said in WAYS.items()],
        errors=errors,
        typed=typed,
        doubtful=bool(damage(request.form.get("address", ""))),
        today=_today(desk().app.clock()),
        key=deciding.new_key(),
    )
