"""What the pages of decisions share: reasons, filters of a plan, forms sent twice, and what has changed meanwhile."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated

from flask import abort, request
from markupsafe import escape
from pydantic import AfterValidator, Field
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from syncer.audit.ledger import Facts
from syncer.console import ways
from syncer.console.access import person
from syncer.console.desk import desk
from syncer.console.forms import Form
from syncer.console.keeping.form_keys import FormKeys, StillBusy, name_of
from syncer.console.pages import BadInput, announce, has_endpoint, page, seen_other
from syncer.console.reading.unreadable import readable
from syncer.decisions.four_eyes.authority import NotAllowed
from syncer.domain.reasons import reason_problem
from syncer.errors import UntrustedLog, UserError
from syncer.language.texts import N_, _
from syncer.reports.views import EventView
from syncer.reports.wording.kept import refusal
from syncer.reports.wording.words import sentence, who

_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")
PROPOSED = announce("proposed", N_("It was proposed, and waits for a second person. Nothing was changed yet."))


def _fit(reason: str) -> str:
    if problem := reason_problem(reason):
        raise ValueError(problem)
    return reason


#: why something is decided, as the command line asks for it
Reason = Annotated[str, Field(max_length=4000), AfterValidator(_fit)]


class ReasonForm(Form):
    """What every decision asks for."""

    reason: Reason


class PlanForm(ReasonForm):
    """The same of a plan; `digest` is of the one that was shown."""

    digest: Annotated[str, Field(min_length=1, max_length=64)]


@dataclass(frozen=True, slots=True)
class LastChange:
    """What happened last, in words, by whom, and when (UTC, as the log has it)."""

    said: str
    by: str
    at: str


def new_key() -> str:
    """Return the key of a form that is being shown."""
    return secrets.token_urlsafe(16)


def once(carry_out: Callable[[], Response]) -> Response:
    """Carry out what a form asks for; the same form sent again is answered as the first time.

    Answers 403 for what the decision itself refuses to whoever acts. Raises UntrustedLog before anything else is said
    where nothing is written any more: no form was wrong then, and nothing "changed meanwhile".
    """
    here, key = desk(), request.form.get("form", "")
    here.acting().transactions.require_writable()
    if not _KEY.fullmatch(key):
        raise BadInput(_("This form is not one that was shown here. Go back and try it again; nothing was changed."))
    keys, name = FormKeys(here.app.engine, here.app.tables, here.app.clock), name_of(person().name, key)
    try:
        earlier = keys.claim(name)
    except StillBusy:
        abort(409)
    if earlier is not None:
        return redirect(earlier, 303)
    try:
        answer = carry_out()
    except NotAllowed:
        keys.give_back(name)
        abort(403)
    except BaseException:
        keys.give_back(name)
        raise
    if answer.status_code == 303:
        keys.answer(name, answer.headers["Location"])
    else:
        keys.give_back(name)
    return answer


def query(lists: Iterable[str] = (), *names: str) -> dict[str, list[str]]:
    """Return what stands in the query. Raises BadInput for what is none of these, and for one twice."""
    given = {name: [each for each in request.args.getlist(name) if each] for name in request.args}
    for name, values in given.items():
        if name not in (*lists, *names, "said"):
            raise BadInput(_("The address names %(name)s, which this page does not know.") % {"name": name[:40]})
        if name not in lists and len(request.args.getlist(name)) > 1:
            raise BadInput(_("The address names %(name)s twice.") % {"name": name})
        if any(len(value) > 200 or not value.isprintable() for value in values):
            raise BadInput(_("What the address says for %(name)s cannot be understood.") % {"name": name})
    return {name: values for name, values in given.items() if values and name != "said"}


def one(given: dict[str, list[str]], name: str) -> str | None:
    """Return the only value of a name in the query."""
    return given[name][0] if name in given else None


def midnight(text: str | None, name: str) -> datetime | None:
    """Return the beginning (UTC) of a day of the controller's zone. Raises BadInput for what is no day."""
    if text is None:
        return None
    try:
        return at_midnight(date.fromisoformat(text))
    except (ValueError, OverflowError):
        raise BadInput(_("%(name)s: write a day like 2026-11-28.") % {"name": name}) from None


def at_midnight(day: date) -> datetime:
    """Return the beginning (UTC) of a day of the controller's zone."""
    return datetime(day.year, day.month, day.day, tzinfo=desk().zone).astimezone(UTC)


def request_or_404(text: str) -> EventView:
    """Return the request of an id, or of a case number; answers 404 where there is none. Raises UnreadableTables."""
    reader = desk().app.reader
    try:
        event_id = reader.resolve(text)
    except UserError:
        abort(404)
    with readable():
        found = reader.events(event_id=event_id)
    if not found:
        abort(404)
    return found[0]


def to_request(event_id: str, said: str) -> Response:
    """Send whoever decided to the request that it was about."""
    if has_endpoint("request.request_page"):
        return seen_other("request.request_page", event_id=event_id, said=said)
    return seen_other("overview.overview", said=said)


def to_proposals() -> Response:
    """Send whoever proposed something to what waits for a second person."""
    return seen_other("decisions.decisions", said=PROPOSED)


def second_factor() -> Response | None:
    """Return the way to a second factor, where the last one is too old for a decision that cannot be undone."""
    here = desk()
    if person().is_stepped_up(here.app.clock()):
        return None
    return redirect(ways.beside("sign_in.step_up", "step-up-first"), 303)


def needs_another(*kinds: str) -> bool:
    """Say whether the settings ask for a second person for any of these kinds of decisions."""
    return any(kind in desk().app.authority.four_eyes for kind in kinds)


def changed(title: str, error: UserError, changes: Iterable[LastChange], back: str, back_to: str) -> Response:
    """Return the page that says that nothing was done, since something is not any more what was seen.

    Raises UntrustedLog again, which says something else.
    """
    if isinstance(error, UntrustedLog):
        raise error
    return page(
        "decide/changed.html",
        409,
        title=title,
        why=refusal(error),
        changes=tuple(changes),
        back=back,
        back_to=back_to,
    )


def beside(error: UserError, fields: Mapping[str, str]) -> dict[str, str]:
    """Return what a decision was refused for by the field that is at fault; nothing where it is none of these.

    `fields` maps what a refusal begins with to a field.
    """
    for start, name in fields.items():
        if str(error).startswith(start):
            return {name: refusal(error)}
    return {}


def last_change(event_id: str) -> list[LastChange]:
    """Return what happened last to a request."""
    timeline = desk().app.reader.show(event_id).audit
    return [change(entry.at, entry.actor, sentence(entry)) for entry in timeline[-1:]]


def change(at: str, actor: Facts | None, said: str) -> LastChange:
    """Return an entry of the audit as what changed."""
    return LastChange(said, who(actor), at)


def typed(*names: str) -> dict[str, str]:
    """Return what was typed into these fields, to show it again as it was: an address is not masked to who typed it."""
    return {name: escape(request.form.get(name, "")) for name in names}
