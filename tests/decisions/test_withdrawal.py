"""Withdrawing a request that was submitted by mistake: nobody is asked any further, and what was done is told."""

from __future__ import annotations

import pytest

from syncer.app import App
from syncer.service.drain import drain, prepare
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, event, put, states, whats

REASON = "the wrong person was typed"


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_of_a_request_that_nobody_was_asked_about_nothing_is_ever_sent(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)

    plan = app.withdrawals.withdraw(event(app).id, REASON)

    assert {(item.destination, item.from_, item.to, item.happened) for item in plan.deliveries} == {
        ("crm", "pending", "exempt", "never_asked"),
        ("newsletter", "pending", "exempt", "never_asked"),
    }
    drain(app, max_seconds=20)
    assert "delivery:attempted" not in whats(app)
    assert set(states(app).values()) == {("exempt", None, "withdrawn")}
    ended = event(app)
    assert (ended.state, ended.email_sealed, ended.next_recheck_at) == ("fulfilled", None, None)
    assert app.verify().ok
