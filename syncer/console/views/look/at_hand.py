"""What these screens read together: how the installation stands and the figures, kept for a few seconds."""

from __future__ import annotations

from functools import wraps
from typing import Any

from flask import Response, current_app, request
from flask.sansio.app import App

from syncer.console.access import View
from syncer.console.desk import desk
from syncer.console.guardrails import SAFE
from syncer.console.pages import page
from syncer.console.reading.requests.rows import UNREADABLE
from syncer.console.reading.standing import destinations, figures, overview
from syncer.console.reading.standing.figures import WeeklyFigures
from syncer.console.reading.standing.overview import HowItStands
from syncer.console.reading.standing.recent import FIGURES_COUNT, Recent
from syncer.log import get_logger
from syncer.reports.wording.recipients import called

_NAME = "syncer.recent"


def furnish(site: App) -> None:
    """Let a site keep what it read; whoever changes something by it sees that at once."""
    kept = Recent()
    site.extensions[_NAME] = kept

    def forget(answer: Response) -> Response:
        if request.method not in SAFE:
            kept.forget()
        return answer

    site.after_request(forget)
    site.jinja_env.globals["recipient_name"] = site.jinja_env.filters["recipient"] = recipient_name


class Uncountable(RuntimeError):
    """Raised where the tables hold what syncer never writes, in a place without which nothing can be counted."""


def or_damaged(view: View) -> View:
    """Let a view say so where nothing can be counted: what else is there can still be looked at."""

    @wraps(view)
    def shown(*args: Any, **values: Any) -> Any:
        try:
            return view(*args, **values)
        except Uncountable as error:
            get_logger("syncer.console").error("page.damaged", error=type(error.__cause__).__name__)
            return page("look/damaged.html")

    return shown  # type: ignore[return-value]


def how_it_stands() -> HowItStands:
    """Return how the installation stands, as it was read within the last seconds. Raises Uncountable."""
    app = desk().app
    try:
        return _recent().get("standing", lambda: overview.read(app))
    except UNREADABLE as error:
        raise Uncountable from error


def weekly() -> WeeklyFigures:
    """Return the figures of the last weeks, as they were read within the last minute."""
    app = desk().app
    return _recent().get("figures", lambda: figures.figures(app), FIGURES_COUNT)


def names() -> dict[str, str]:
    """Return what each destination is called, of every one that is configured or has a delivery."""
    app = desk().app
    return called(_recent().get("names", lambda: destinations.recipients(app)))


def recipient_name(name: str) -> str:
    """Return what one destination is called; one that nobody knows by its name in the settings."""
    return names().get(name, name)


def _recent() -> Recent:
    found: Recent = current_app.extensions[_NAME]
    return found
