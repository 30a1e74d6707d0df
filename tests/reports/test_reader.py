"""Reading events whose rows somebody else wrote."""

from __future__ import annotations

import pytest

from syncer.app import App
from syncer.errors import UserError
from syncer.service.drain import prepare
from tests.support.processes import inside
from tests.support.walk import PERSON, put


@pytest.mark.parametrize(
    "values", [{"state": "lost"}, {"action": "erase"}, {"outcome": "gone"}], ids=["state", "action", "outcome"]
)
def test_a_delivery_with_a_word_that_syncer_never_writes_is_named(app: App, values: dict[str, str]) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    (event,) = app.reader.events()
    with app.engine.begin() as connection:
        connection.execute(app.tables.delivery.update().values(values))

    with pytest.raises(UserError, match=event.id):
        app.reader.events()
    done = inside(app.settings.path, "events", "--json")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "syncer audit verify" in done.stderr


@pytest.mark.parametrize("values", [{"state": "lost"}, {"right": "oblivion"}], ids=["state", "right"])
def test_an_event_with_a_word_that_syncer_never_writes_is_named(app: App, values: dict[str, str]) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    (event,) = app.reader.events()
    with app.engine.begin() as connection:
        connection.execute(app.tables.event.update().values(values))

    with pytest.raises(UserError, match=event.id):
        app.reader.events()
