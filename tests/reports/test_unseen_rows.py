"""A database in which nobody read back what became of a request: nothing is known to stay there, or to be gone."""

from __future__ import annotations

import json

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.cli.dossier import look_up
from syncer.reports.as_json import as_json
from syncer.reports.dossier import DossierFacts
from syncer.reports.html.dossier_view import DossierView
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support import eventful
from tests.support.documents.reports import whole
from tests.support.walk import put

UNPROVEN = "what a recipient that lets nobody look made of an order, and that it answered what a person says"


def dossier(app: App) -> DossierFacts:
    return look_up(app, app.dossiers.of_person(app.keyring.ref(eventful.PLAIN)))


def left(found: DossierFacts) -> list[str]:
    """What is said to stay at Mailchimp."""
    view = DossierView(found)
    return [item.text for each in (view.kept(), view.left()) for item in each.get("Mailchimp", [])]


def nobody_read(app: App, key: str) -> None:
    """Let the newsletter's row of a request say that it was passed on; what else it holds stays as it was."""
    events, deliveries = app.tables.event, app.tables.delivery
    with app.engine.begin() as connection:
        event = connection.scalar(events.select().with_only_columns(events.c.id).where(events.c.event_key == key))
        row = (deliveries.c.event_id == event) & (deliveries.c.destination == "newsletter")
        connection.execute(deliveries.update().where(row).values(state="accepted"))


@pytest.fixture
def objected(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> App:
    """Somebody who objected, and was then erased."""
    mailchimp.add(eventful.PLAIN, "a1b2c3d4e5")
    put(app, "objection", eventful.PLAIN, "objection")
    drain(app)
    clock.advance(minutes=5)
    put(app, "erasure", eventful.PLAIN, "erasure")
    drain(app)
    return app


def test_nothing_is_known_to_stay_where_nobody_looked(objected: App) -> None:
    nobody_read(objected, "objection")
    nobody_read(objected, "erasure")

    assert "What it holds about you, if anything, we could not see." in left(dossier(objected))
    assert not [text for text in left(dossier(objected)) if "Your entry" in text]


def test_an_erasure_that_nobody_saw_removed_nothing_that_is_known_to_stay(objected: App) -> None:
    assert not [text for text in left(dossier(objected)) if "Your entry stays" in text]

    nobody_read(objected, "erasure")

    assert [text for text in left(dossier(objected)) if "Your entry stays" in text]


def test_the_report_names_what_nobody_looked_at_among_what_is_not_proven(objected: App) -> None:
    assert UNPROVEN not in whole(objected).integrity.not_proven

    nobody_read(objected, "erasure")

    log = whole(objected)
    assert log.integrity.not_proven[-1] == UNPROVEN
    assert log.summary.answered == 1
    assert json.loads(as_json(log))["recipients"]["newsletter"]["evidence"] == "read_back"
