"""The alerts' page: what is open, who was told, what became of messages; an alert is taken, a channel tried."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from syncer.alerting.catalog import CRITICAL, Sign
from syncer.app import App
from syncer.console.desk import furnish
from syncer.database.alerting import board, outbox
from syncer.domain.permissions import Role
from syncer.settings.alerting.channels import WebhookChannel
from tests.console.proof.conftest import Filled, SignedIn, take
from tests.support.looking.requests import damage
from tests.support.receivers.alerting import hold, rows

SIGN = Sign("held", CRITICAL, {"requests": 3}, "crm")
REASON = "the provider answers on Monday"


@pytest.fixture
def told(filled: Filled) -> App:
    """The installation, with one open alert, and a channel."""
    app, _ = filled
    channel = WebhookChannel(kind="webhook", url_env="NOWHERE", secret_env="NOWHERE")
    app.settings = replace(app.settings, channels={"ops": channel})
    hold(app, SIGN)
    return app


def alert_of(app: App) -> sa.Row[tuple[object, ...]]:
    """The alert that is open."""
    (only,) = [row for row in rows(app, app.tables.alert) if row.open_as is not None]
    return only  # type: ignore[no-any-return]


def acknowledge(client: FlaskClient, app: App, until: str, reason: str = REASON, alert: int | None = None) -> int:
    number = alert_of(app).id if alert is None else alert
    return take(client, f"/alerts/{number}/acknowledge", until=until, reason=reason).status


def day(app: App, days: int) -> str:
    zone = furnish(app).zone
    return (app.clock().astimezone(zone).date() + timedelta(days=days)).isoformat()


@pytest.mark.slow
def test_the_page_shows_what_is_open_and_what_to_do(told: App, signed_in: SignedIn) -> None:
    shown = signed_in(Role.READER).get("/alerts/").text

    for said in ("Requests wait for a person", "requests: 3", "Nobody was told yet", "No daemon is running", "ops"):
        assert said in shown
    assert "acknowledge" not in shown, "a reader takes none"


@pytest.mark.slow
def test_an_alert_is_taken_under_the_name_of_who_took_it(told: App, signed_in: SignedIn) -> None:
    assert acknowledge(signed_in(Role.OPS), told, day(told, 3)) == 303

    (entry,) = told.ledger.entries(("alert:acknowledged",))
    assert entry.actor is not None
    assert entry.facts is not None
    assert (entry.actor["user"], entry.facts["reason"]) == ("anna", REASON)
    assert alert_of(told).quiet_until is not None


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (0, REASON), (-1, REASON), (91, REASON), (3, "no"), (3, "ask anna@example.org"), (3, "a\tb\u202ecd"),
        (3, "x" * 1001), (3, ""),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_comes_back_with_what_was_typed(
    told: App, signed_in: SignedIn, days: int, reason: str
) -> None:
    ops, number = signed_in(Role.OPS), alert_of(told).id
    answer = ops.post(f"/alerts/{number}/acknowledge", data={"until": day(told, days), "reason": reason})

    assert answer.status_code == 422
    assert f'value="{day(told, days)}"' in answer.text
    assert 'href="#f-' in answer.text
    assert told.ledger.entries(("alert:acknowledged",)) == []


def test_what_is_no_day_comes_back_too(told: App, signed_in: SignedIn) -> None:
    assert acknowledge(signed_in(Role.OPS), told, "tomorrow") == 422


@pytest.mark.parametrize("number", [999, 2**63])
def test_an_alert_that_is_over_is_said_to_be(told: App, signed_in: SignedIn, number: int) -> None:
    assert acknowledge(signed_in(Role.OPS), told, day(told, 3), alert=number) == 409


def test_a_trial_is_written_once_however_often_it_is_asked_for(told: App, signed_in: SignedIn) -> None:
    ops = signed_in(Role.OPS)
    for _ in range(3):
        assert take(ops, "/alerts/test/ops").status == 303

    (message,) = rows(told, told.tables.alert_message)
    assert (message.kind, message.next_try_at) == ("test", told.clock())
    assert take(ops, "/alerts/test/nowhere").status == 404
    assert "waiting" in ops.get("/alerts/").text


def test_messages_come_newest_first_and_page_by_page(told: App, signed_in: SignedIn) -> None:
    for number in range(40):
        with told.transactions.write() as tx:
            row = outbox.MessageRow(0, "ops", f"msg_{number}", None, "digest", "info", f"no {number}", "", "[]", tx.now)
            outbox.put(tx.connection, told.tables, row, None)
    reader = signed_in(Role.READER)

    first = reader.get("/alerts/").text
    last = rows(told, told.tables.alert_message)[10].id
    second = reader.get(f"/alerts/?before={last}").text

    assert "no 39" in first
    assert f"before={last}" in first
    assert "no 9<" in second
    assert "no 10<" not in second
    assert reader.get("/alerts/?before=x").status_code == 400


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE syncer_alert SET raised_at = 'soon'", "UPDATE syncer_alert SET raised_at = x'ff'",
        "UPDATE syncer_alert SET facts = x'ff', severity = x'ff', topic = ''",
        "UPDATE syncer_alert SET condition = 'x{y', scope = x'ff'", "UPDATE syncer_alert_message SET created_at = 'x'",
        "UPDATE syncer_alert_message SET subject = x'ff', kind = x'ff', error = x'ff', attempts = 'many'",
        "UPDATE syncer_alert_told SET told_at = 'x', channel = x'ff'",
    ],
)  # fmt: skip
def test_an_altered_alert_breaks_no_page(told: App, signed_in: SignedIn, statement: str) -> None:
    take(signed_in(Role.OPS), "/alerts/test/ops")  # which writes a message
    with told.transactions.write() as tx:
        board.tell(tx.connection, told.tables, "ops", board.open_alerts(tx.connection, told.tables), "m1", tx.now)
    damage(told, statement)

    assert signed_in(Role.OPS).get("/alerts/").status_code == 200
