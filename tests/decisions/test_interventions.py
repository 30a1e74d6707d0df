"""Exempting a held delivery: only with a ground that the law knows for this right."""

from __future__ import annotations

import pytest

from adapters.sandbox import ActiveCampaignSandbox
from syncer.app import App
from syncer.domain.rights import GROUNDS, Ground, Right, fitting
from syncer.service.drain import drain
from tests.support.processes import inside as run
from tests.support.walk import PERSON, event, put, states, whats


def held(app: App, activecampaign: ActiveCampaignSandbox, right: str) -> str:
    """Put a request that is held at the crm; return its event's id."""
    activecampaign.add(PERSON)
    activecampaign.admin = False
    put(app, right, PERSON, "k1")
    drain(app)
    if right == "objection":  # nothing of an objection is held by itself here
        with app.engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE syncer_delivery SET state = 'held', code = 'rejected' WHERE destination = 'crm'"
            )
    assert states(app)["crm"][0] == "held"
    return str(event(app).id)


def exempt(app: App, named: str, ground: str) -> tuple[int, str]:
    words = ("--destination", "crm", "--ground", ground, "--reason", "as counsel advised")
    done = run(app.settings.path, "exempt", named, *words)
    return done.returncode, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("ground", ["legal_claims", "legal_obligation", "disproportionate"])
def test_an_exception_from_erasure_is_none_from_an_objection(
    app: App, activecampaign: ActiveCampaignSandbox, ground: str
) -> None:
    code, said = exempt(app, held(app, activecampaign, "objection"), ground)

    assert code == 2
    assert said == f"exempt: {ground} is no ground against this objection; grounds that fit: impossible, other\n"
    assert "delivery:exempt" not in whats(app)
    assert states(app)["crm"][0] == "held"


@pytest.mark.parametrize("ground", ["impossible", "other"])
def test_an_objection_that_cannot_be_told_may_be_exempted(
    app: App, activecampaign: ActiveCampaignSandbox, ground: str
) -> None:
    assert exempt(app, held(app, activecampaign, "objection"), ground)[0] == 0
    assert states(app)["crm"][0] == "exempt"


def test_an_erasure_knows_every_ground_but_that_of_a_withdrawal(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    named = held(app, activecampaign, "erasure")

    assert exempt(app, named, "withdrawn")[0] == 2
    assert exempt(app, named, "legal_claims")[0] == 0
    assert fitting(Right.ERASURE) == fitting(None) == GROUNDS
    assert set(Ground) - set(GROUNDS) == {Ground.WITHDRAWN}
