"""People of the console, and an erasure about which nobody decides alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox
from syncer.app import App
from syncer.decisions.four_eyes.wanted import WantedExemption
from syncer.domain.permissions import Permission
from syncer.domain.rights import Ground
from syncer.service.drain import drain
from syncer.settings.console.table import FOUR_EYES, ConsoleSettings
from tests.support.walk import PERSON, event, put, states

WHY, SEEN = "needed for a court case", "saw the letter of the court"
ALL = frozenset(Permission)


def eyed(app: App, *kinds: str) -> App:
    """Ask for a second person for these kinds of decisions, or for all."""
    console = ConsoleSettings(url="http://localhost:8484/", four_eyes=kinds or FOUR_EYES)
    app.settings = replace(app.settings, console=console)
    return app


def at_the_console(app: App, name: str, allowed: frozenset[Permission] = ALL) -> App:
    """Return the installation for somebody of the console, who has an account."""
    user = app.tables.user
    with app.transactions.write() as tx:
        if tx.connection.execute(sa.select(user.c.name).where(user.c.name == name)).first() is None:
            tx.connection.execute(user.insert().values(name=name, roles="admin", created_at=tx.now))
    return app.acting_as({"kind": "console", "user": name, "via": "passkey", "from": "203.0.113.0/24"}, allowed)


@pytest.fixture
def held(app: App, activecampaign: ActiveCampaignSandbox) -> App:
    """An erasure that is held at the crm, where every decision needs a second person."""
    activecampaign.add(PERSON)
    activecampaign.admin = False
    put(app, "erasure", PERSON, "k1")
    drain(app)
    activecampaign.admin = True
    assert states(app)["crm"][0] == "held"
    return eyed(app)


def exemption(app: App) -> WantedExemption:
    return WantedExemption(event(app).id, "crm", Ground.LEGAL_CLAIMS)
