"""What is previewed of requests: nothing that a person closed, since nothing of it starts over."""

from __future__ import annotations

import pytest

from syncer.app import App
from syncer.service.drain import prepare
from tests.support.walk import PERSON, event, put


@pytest.mark.parametrize(("state", "code"), [("exempt", "legal_claims"), ("attested", "done")])
def test_what_a_person_closed_is_passed_over(app: App, state: str, code: str) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    d = app.tables.delivery
    with app.transactions.write() as tx:
        tx.connection.execute(d.update().where(d.c.destination == "crm").values(state=state, code=code))

    found = app.previews.of_events([event(app).id], held=False)

    assert [each.destination for each in found] == ["newsletter"]
