"""`/requests/`: every request, filtered, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, url_for
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import BadInput, page
from syncer.console.reading.requests.register import RegisterQuery
from syncer.console.reading.requests.rows import in_address
from syncer.console.reading.requests.wanted import DUE, STATES, UNKNOWN_RIGHT, as_text
from syncer.console.views.look import asked as asking
from syncer.console.views.look.asked import CAUSES, FILTERS
from syncer.console.views.look.at_hand import names
from syncer.console.views.look.words import right
from syncer.domain.permissions import Permission
from syncer.domain.rights import Right
from syncer.language.texts import _

views = Blueprint("register", __name__)


@dataclass(frozen=True, slots=True)
class ActiveFilter:
    """A filter that a list goes by: what it is called, its value in words, and the address of the list without it."""

    label: str
    value: str
    without: str


@views.get("/requests/")
@needs(Permission.VIEW)
def register() -> Response:
    """Show a page of requests, the newest first."""
    asked = asking.read(*FILTERS, "older", "newer")
    older, newer = asking.place(asked, "older"), asking.place(asked, "newer")
    if older is not None and newer is not None:
        raise BadInput(_("The page of the list that this address names is none. Begin with the first."))
    titles = names()
    wanted = asking.register_filter(asked, titles)
    shown = RegisterQuery(desk().app).page(wanted, older=older, newer=newer)
    filters: dict[str, Any] = {name: value for name, value in asked.items() if name in FILTERS}
    return page(
        "look/register.html",
        shown=shown,
        filters=filters,
        active=list(_active(filters, titles)),
        choices=_choices(titles),
        first=older is None and newer is None,
        newest=url_for("register.register", **filters),
        older=shown.older and url_for("register.register", **filters, older=as_text(shown.older)),
        newer=shown.newer and url_for("register.register", **filters, newer=as_text(shown.newer)),
        titles=titles,
        now=desk().app.clock(),
    )


def _without(filters: Mapping[str, str], name: str) -> dict[str, Any]:
    return {other: held for other, held in filters.items() if other != name}


def _active(filters: Mapping[str, str], titles: Mapping[str, str]) -> list[ActiveFilter]:
    choices = {name: dict(options) for name, options in _choices(titles).items()}
    return [
        ActiveFilter(
            _(FILTERS[name]),
            choices.get(name, {}).get(value, value),
            url_for("register.register", **_without(filters, name)),
        )
        for name, value in filters.items()
    ]


def _choices(titles: Mapping[str, str]) -> dict[str, list[tuple[str, str]]]:
    """Return what each filter may be: its values and their words."""
    return {
        "state": [(name, _(said)) for name, said in STATES.items()],
        "due": [(name, _(said)) for name, said in DUE.items()],
        "right": [(name, right(name)) for name in (Right.ERASURE, Right.OBJECTION)] + [(UNKNOWN_RIGHT, right(None))],
        "recipient": [(name, title) for name, title in titles.items() if in_address(name)],
        "cause": sorted(((code, _(said)) for code, said in CAUSES.items()), key=lambda pair: pair[1].lower()),
    }
