"""How a page is made: templates, what they know, and the answers that several views share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from babel.dates import format_datetime
from flask import current_app, make_response, redirect, render_template, request, url_for
from jinja2 import Environment
from markupsafe import Markup
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response

from syncer.console.access import allowed
from syncer.console.desk import desk
from syncer.domain.codes import meaning
from syncer.domain.permissions import Permission
from syncer.language.templates import install
from syncer.language.texts import N_, _, spoken
from syncer.reports.wording.cases import case
from syncer.reports.wording.moments import Moments, in_short

#: what the report says `-` for, too
NOTHING = "–"
MEDIA = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


class BadInput(BadRequest):
    """Raised for a filter or a date that is none: it is named, and never ignored."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    def __str__(self) -> str:
        return self.said


def page(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page; what a template needs for its frame is there already."""
    return make_response(render_template(template, **values), status)


def seen_other(endpoint: str, **values: Any) -> Response:
    """Send whoever posted something to the page that shows what became of it."""
    return redirect(url_for(endpoint, **values), 303)


def error_page(code: int, title: str, said: str, number: str | None = None) -> Response:
    """Return a page that says what went wrong."""
    return page("error.html", code, code=code, title=title, said=said, number=number)


def moments() -> Moments:
    """Return the clock of the pages: the controller's zone."""
    return Moments(desk().zone)


def when(moment: datetime | str | None) -> str | Markup:
    """Return a moment as people read it, `28 Nov 2026, 16:12 CET`, with the exact one for machines and the curious."""
    if not moment:
        return NOTHING
    try:
        local = moments().local(moment)
        exact = local.astimezone(UTC)
    except (ValueError, OverflowError):  # what somebody else wrote there, or a time at the end of all times
        return str(moment)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        f"{exact:%Y-%m-%dT%H:%M:%SZ}", f"{exact:%Y-%m-%d %H:%M:%S} UTC", _shown(local)
    )


def said_at(moment: datetime | str | None) -> str:
    """Return a moment as people read it, within a sentence that is text and nothing else."""
    if not moment:
        return NOTHING
    try:
        return _shown(moments().local(moment))
    except (ValueError, OverflowError):
        return str(moment)


def _shown(local: datetime) -> str:
    return f"{in_short(local.date())}, {local:%H:%M} {local.tzname()}"


def day(value: date | None) -> str | Markup:
    """Return a day as people read it."""
    if value is None:
        return NOTHING
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), in_short(value))


def month(value: date) -> str:
    """Return a month as people read it."""
    return str(format_datetime(datetime(value.year, value.month, 1, tzinfo=UTC), "LLLL y", locale=spoken()))


def static(name: str) -> str:
    """Return the address of a file of ours, which names what it holds: it may be kept for ever."""
    return url_for("static_files.file", digest=static_digest(name), name=name)


@cache
def static_digest(name: str) -> str:
    """Return by what a static file is known in its address."""
    return sha256(static_content(name)).hexdigest()[:16]


#: the style sheet of all pages
STYLE = "console.css"


@cache
def static_content(name: str) -> bytes:
    """Return what a static file holds. Raises FileNotFoundError for one that is not ours."""
    folder = files("syncer.console") / "static"
    known = {each.name: each for each in folder.iterdir()}
    if name not in known:
        raise FileNotFoundError(name)
    content = known[name].read_bytes()
    if name == STYLE:  # a state looks here as it does in a report
        content += (files("syncer.reports.html") / "templates" / "states.css").read_bytes()
    return content


def furnish_templates(templates: Environment) -> None:
    """Give every template its filters and globals."""
    install(templates)
    templates.filters |= {"when": when, "day": day, "month": month, "meaning": meaning}
    templates.globals |= {"case": case, "static": static, "Permission": Permission, "allowed": allowed}
    templates.globals |= {
        "language": spoken,
        "zone": lambda: desk().zone.key,
        "moment": _now,
        "has_endpoint": has_endpoint,
    }
    templates.globals |= {"navigation": navigation, "announcements": announcements}
    templates.globals |= {"oidc_label": oidc_label}


def _now() -> datetime:
    return desk().app.clock()


def has_endpoint(name: str) -> bool:
    """Say whether there is a page of this name."""
    return name in current_app.view_functions


def oidc_label() -> str:
    """Return what the identity provider is called to people; "" where none is set."""
    door = desk().settings.oidc
    return "" if door is None else door.label or door.issuer.partition("://")[2].rstrip("/")


@dataclass(frozen=True, slots=True)
class NavigationItem:
    """A page that the navigation leads to."""

    label: str
    url: str
    current: bool


#: endpoint -> what the navigation calls it, in this order
NAVIGATION = {
    "overview.overview": N_("What needs me?"),
    "register.register": N_("Requests"),
    "people.find": N_("Look somebody up"),
    "submit.submit": N_("Enter a request"),
    "guard.guard": N_("Stopped deletions"),
    "decisions.decisions": N_("Second person"),
    "recipients.recipients": N_("Recipients"),
    "returned.returned": N_("Who came back"),
    "reports.reports": N_("Reports"),
    "audit.audit": N_("Audit"),
    "alerts.alerts": N_("Alerts"),
    "users.users": N_("Accounts"),
    "help.help_page": N_("Help"),
}


def navigation() -> list[NavigationItem]:
    """Return the pages that who is signed in may open."""
    here = (request.endpoint or "").partition(".")[0]
    may = allowed()
    return [
        NavigationItem(_(label), url_for(name), name.partition(".")[0] == here)
        for name, label in NAVIGATION.items()
        if (view := current_app.view_functions.get(name)) and getattr(view, "permission", None) in may
    ]


#: what a page may be told to say in `?said=`: what was just done, in our own words
ANNOUNCEMENTS: dict[str, str] = {}


def announce(code: str, text: str) -> str:
    """Make a text known by a word that may stand in an address, and return the word; the text is marked by `N_`."""
    ANNOUNCEMENTS[code] = text
    return code


def announcements() -> list[str]:
    """Return what was just done; a word that is none of ours says nothing."""
    said = ANNOUNCEMENTS.get(request.args.get("said", ""))
    return [_(said)] if said else []
