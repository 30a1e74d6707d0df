"""`/alerts/`: what people were told, and by which ways; taking an alert, and trying a channel."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, abort, request
from markupsafe import Markup
from werkzeug.wrappers import Response

from syncer.alerting.board import Board
from syncer.alerting.texts import facts
from syncer.alerting.trial import put_trial
from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import BadInput, announce, error_page, page, seen_other
from syncer.console.reading.alerts import read_alerts
from syncer.console.reading.unreadable import Uncountable, readable
from syncer.console.views.proof.asked import day_asked, midnight, number, words
from syncer.database.alerting import outbox
from syncer.domain.deadlines import local_day
from syncer.domain.permissions import Permission
from syncer.domain.reasons import reason_problem
from syncer.language.texts import N_, _

views = Blueprint("alerts", __name__)
#: days for which nobody need be reminded of an alert at most
LONGEST = 90
TAKEN = announce("alert-taken", N_("Nobody is reminded of this alert before that day. Whoever was told hears its end."))
TRIAL = announce("trial", N_("The trial is written. A daemon sends it within seconds; see the messages below."))


@views.get("/alerts/")
@needs(Permission.VIEW)
def alerts() -> Response:
    """Show the open alerts, the channels, and the messages."""
    return _shown({}, {})


@views.post("/alerts/<int:alert_id>/acknowledge")
@needs(Permission.WORK)
def acknowledge(alert_id: int) -> Response:
    """Let an alert remind nobody before a day."""
    given = words(("until", "reason"), request.form)
    errors = _unfit(given.get("until", ""), given.get("reason", ""))
    if errors:
        return _shown(errors, {**given, "alert": str(alert_id)}, 422)
    until = midnight(day_asked(given["until"]), desk().zone)
    taken = None
    if alert_id < 2**63:
        taken = Board(desk().acting().transactions).acknowledge(alert_id, until, given["reason"])
    if taken is None:
        return error_page(409, _("This alert is over"), _("It ended meanwhile, so nobody is reminded of it any more."))
    return seen_other("alerts.alerts", said=TAKEN)


@views.post("/alerts/test/<name>")
@needs(Permission.WORK)
def test(name: str) -> Response:
    """Have a trial sent by a channel: the daemon knows its secrets, this process does not."""
    app = desk().acting()
    if name not in app.settings.channels:
        abort(404)
    log = app.origins.current()
    with app.transactions.write() as tx:
        if not outbox.waiting_trial(tx.connection, app.tables, name):  # one is enough, however often it is asked for
            put_trial(tx, app.tables, name, log, tx.now)
    return seen_other("alerts.alerts", said=TRIAL)


def _shown(errors: dict[str, str], given: dict[str, str], status: int = 200) -> Response:
    app = desk().app
    before = number(words(("before",)).get("before")) if request.method in ("GET", "HEAD") else None
    with readable(Uncountable):
        found = read_alerts(app.engine, app.tables, app.settings.channels, before)
    return page(
        "proof/alerts.html",
        status,
        board=found.board,
        messages=found.messages,
        older=found.older,
        errors=errors,
        given=given,
        todo={alert.id: in_code(alert.todo) for alert in found.board.alerts},
        seen={alert.id: facts(alert.facts) for alert in found.board.alerts},
        nobody_runs=not app.presence.running(),
        tomorrow=local_day(app.clock(), desk().zone) + timedelta(days=1),
        last_day=local_day(app.clock(), desk().zone) + timedelta(days=LONGEST),
    )


def in_code(text: str) -> Markup:
    """Return a text in which commands stand between backticks, as they are shown on a page."""
    parts = text.split("`")
    return Markup("").join(Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts))


def _unfit(until: str, reason: str) -> dict[str, str]:
    """Return what is wrong with what was typed, by the name of the field."""
    errors = {}
    today = local_day(desk().app.clock(), desk().zone)
    try:
        if not today < day_asked(until) <= today + timedelta(days=LONGEST):
            errors["until"] = _("Name a day after today, and within %(num)d days.") % {"num": LONGEST}
    except BadInput as wrong:
        errors["until"] = str(wrong)
    if problem := reason_problem(reason):
        errors["reason"] = _(problem)
    return errors
