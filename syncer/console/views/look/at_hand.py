"""What these screens read together: how the installation stands and the figures, kept for a few seconds."""

from __future__ import annotations

from flask import Response as Answer
from flask import current_app, request
from flask.sansio.app import App
from werkzeug.wrappers import Response

from syncer.console.desk import desk
from syncer.console.guardrails import SAFE
from syncer.console.pages import page
from syncer.console.reading.standing import destinations, figures, overview
from syncer.console.reading.standing.figures import WeeklyFigures
from syncer.console.reading.standing.overview import HowItStands
from syncer.console.reading.standing.recent import FIGURES_COUNT, Recent
from syncer.console.reading.unreadable import Uncountable, UnreadableTables, readable
from syncer.log import get_logger
from syncer.reports.wording.recipients import called

_NAME = "syncer.recent"


def furnish(site: App) -> None:
    """Let a site keep what it read; whoever changes something by it sees that at once."""
    kept = Recent()
    site.extensions[_NAME] = kept

    def forget(answer: Answer) -> Answer:
        if request.method not in SAFE:
            kept.forget()
        return answer

    site.after_request(forget)
    site.register_error_handler(UnreadableTables, _damaged)
    site.jinja_env.globals["recipient_name"] = site.jinja_env.filters["recipient"] = recipient_name


def _damaged(error: UnreadableTables) -> Response:
    """Say what the matter is; whatever was asked for was not done."""
    cause = error.__cause__
    get_logger("syncer.console").error(
        "page.damaged", path=request.endpoint or "", error=type(cause).__name__, exc_info=cause
    )
    return page(
        "look/damaged.html", 200 if request.method in SAFE else 409, nothing_counted=isinstance(error, Uncountable)
    )


def how_it_stands() -> HowItStands:
    """Return how the installation stands, as it was read within the last seconds. Raises Uncountable."""
    app = desk().app
    with readable(Uncountable):
        return _recent().get("standing", lambda: overview.read(app))


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
