"""One request as its page tells it: how it stands, what each recipient made of it, and all that the log says."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from syncer.app import App
from syncer.audit.ledger import LogEntry
from syncer.console.reading.requests.log import timeline
from syncer.console.reading.requests.people import of_person
from syncer.console.reading.requests.rows import UNREADABLE, listed
from syncer.database.connections import reading
from syncer.reports.dossier import DossierEvent, Requests
from syncer.reports.views import EventView

#: requests of the same person with which one is read: a later erasure removes what an earlier objection left
TOGETHER = 20


@dataclass(frozen=True, slots=True)
class RequestStory:
    """A request and its timeline.

    `told` has the evidence of each recipient; None where its rows or its entries hold what syncer never writes, and
    `view` is None where not even the request's own row can be read. `more` says that the log has further entries.
    """

    id: str
    view: EventView | None
    told: DossierEvent | None
    entries: tuple[LogEntry, ...]
    more: bool


def story(app: App, event_id: str) -> RequestStory | None:
    """Return a request by its id; None where there is none."""
    e = app.tables.event.c
    with reading(app.engine) as connection:
        if connection.execute(sa.select(e.id).where(e.id == event_id)).first() is None:
            return None
        view = listed(app.reader, connection, [event_id])[0].view
    entries, more = timeline(app, event_id)
    return RequestStory(event_id, view, _told(app, view), tuple(entries), more)


def _told(app: App, view: EventView | None) -> DossierEvent | None:
    if view is None:
        return None
    try:
        history = app.dossiers.history(Requests(view.subject, _together(app, view)))
    except UNREADABLE:  # an entry whose body is no JSON
        return None
    return next((event for event in history.events if event.id == view.id), None)


def _together(app: App, view: EventView) -> tuple[EventView, ...]:
    if not isinstance(view.subject, str):
        return (view,)
    others = of_person(app, [view.subject], TOGETHER)
    known = {row.view.id: row.view for row in others.requests if row.view is not None}
    return (view,) if others.more else tuple((known | {view.id: view}).values())
