"""What the console notes of who signs in becomes an alert; and every message leads to the console."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncer.alerting.catalog import CRITICAL, KINDS, Sign
from syncer.alerting.trial import put_trial
from syncer.app import App
from syncer.service.alerts.conditions.signs import Signs
from syncer.settings.console.table import ConsoleSettings
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.receivers.alerting import alarms_of, hold, hook_channel, mail_channel, rows, turn
from tests.support.receivers.hooks import Receiver
from tests.support.receivers.smtp import Mailbox

CONSOLE = ConsoleSettings(url="https://privacy.example.org/syncer/")


def noted(app: App, what: str, times: int = 1, **facts: Any) -> None:
    for _ in range(times):
        with app.transactions.write() as tx:
            tx.audit.add(what, facts=facts)


def security(app: App) -> dict[str, dict[str, Any]]:
    """The security conditions that hold, with their facts."""
    signs = Signs(app).look().signs
    return {sign.condition: dict(sign.facts) for sign in signs if KINDS[sign.condition].topic == "security"}


@pytest.fixture
def consoled(app: App) -> App:
    app.settings = replace(app.settings, console=CONSOLE)
    return app


def test_five_refused_sign_ins_of_a_day_are_told_and_four_are_not(consoled: App, clock: Clock) -> None:
    noted(consoled, "console:refused", 4, why="name or password")
    assert security(consoled) == {}
    noted(consoled, "console:refused", why="too many tries")

    assert security(consoled) == {"sign_ins_refused": {"times": 5}}
    clock.advance(hours=25)
    assert security(consoled) == {}


def test_strangers_who_leave_no_try_to_anybody_new_are_told_at_once(consoled: App) -> None:
    noted(consoled, "console:refused", why="too many tries of everybody together")

    assert security(consoled) == {"sign_ins_throttled": {"times": 1}}
    assert [sign.severity for sign in Signs(consoled).look().signs if sign.condition == "sign_ins_throttled"] == [
        CRITICAL
    ]


def came(app: App, user: object, via: object) -> None:
    """Somebody signed in to the console."""
    noted(app.acting_as({"kind": "console", "user": user, "via": via, "from": "192.0.2.0/24"}), "console:signed_in")


def test_who_signs_in_by_a_way_that_is_new_for_them_is_told_for_a_day(consoled: App, clock: Clock) -> None:
    signs = Signs(consoled)

    def people() -> int:
        (found,) = [each.facts["people"] for each in signs.look().signs if each.condition == "new_way"] or [0]
        return int(found)

    came(consoled, "anna", "password")
    assert people() == 1
    clock.advance(hours=23)
    came(consoled, "anna", "password")
    assert people() == 1
    clock.advance(hours=2)
    assert people() == 0
    for user, via in (("anna", "password"), ("anna", "passkey"), ("wp:1:1", "wordpress"), ("wp:1:1", "wordpress")):
        came(consoled, user, via)

    assert people() == 2
    # a daemon that starts anew has read nothing yet, and knows as much
    assert security(consoled) == {"new_way": {"people": 2}}


def test_an_entry_of_a_sign_in_that_names_nobody_ends_no_look(consoled: App) -> None:
    came(consoled, ["anna"], None)

    assert security(consoled) == {}


def test_a_disabled_account_that_is_used_is_told_at_once(consoled: App) -> None:
    noted(consoled, "console:refused", why="the account is disabled", user="bert")

    assert security(consoled) == {"disabled_used": {"times": 1}}


def test_a_passkey_that_there_may_be_two_of_is_told_at_once(consoled: App) -> None:
    noted(consoled, "console:refused", why="the counter of a passkey went back: there may be two of it", user="bert")

    assert security(consoled) == {"passkey_copied": {"times": 1}}
    assert [sign.severity for sign in Signs(consoled).look().signs if sign.condition == "passkey_copied"] == [CRITICAL]


def test_pages_that_roles_do_not_allow_are_told_from_the_fifth_on(consoled: App) -> None:
    noted(consoled, "console:denied", 5, page="users.users")

    assert security(consoled) == {"pages_denied": {"times": 5}}


def test_each_change_of_an_account_is_told_and_a_new_administrator_by_name_of_the_thing(consoled: App) -> None:
    noted(consoled, "user:added", user="anna", roles="compliance")
    noted(consoled, "user:changed", user="anna", changed="roles from admin to reader")
    assert security(consoled) == {"accounts_changed": {"accounts": 2}}

    noted(consoled, "user:added", user="bert", roles="ops admin")
    noted(consoled, "user:changed", user="anna", changed="roles from compliance to compliance admin")
    assert security(consoled)["new_admin"] == {"accounts": 2}


@pytest.mark.slow
def test_facts_of_an_entry_that_say_something_else_end_no_look(consoled: App) -> None:
    noted(consoled, "user:added", user=["x"], roles=["admin"])
    noted(consoled, "user:changed", changed={"to": "admin"})
    noted(consoled, "console:refused")

    assert security(consoled) == {"accounts_changed": {"accounts": 2}}


def test_without_a_console_nothing_of_it_is_told(app: App) -> None:
    noted(app, "user:added", user="bert", roles="admin")

    assert security(app) == {}


def test_a_message_leads_to_the_console_and_names_no_person(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    app = with_channels(mail_channel(box))
    app.settings = replace(app.settings, console=CONSOLE)
    alarms = alarms_of(app)
    noted(app, "user:added", user="bert", roles="admin")
    for _ in range(2):
        turn(alarms)
        clock.advance(minutes=2)
    turn(alarms)

    (message,) = box.mails[:1]
    text = message.get_content()
    assert "The console: https://privacy.example.org/syncer/alerts/" in text
    assert "Somebody became an administrator" in text
    assert "bert" not in str(message)


def test_a_trial_that_the_console_wrote_is_sent_by_the_daemon(with_channels: Make, hooks: Receiver) -> None:
    app = with_channels(hook_channel())
    with app.transactions.write() as tx:
        put_trial(tx, app.tables, "ops", "log", tx.now)

    alarms = alarms_of(app)
    turn(alarms)

    (message,) = rows(app, app.tables.alert_message)
    assert message.sent_at is not None


def test_a_trial_that_fails_is_tried_once(with_channels: Make, hooks: Receiver, clock: Clock) -> None:
    app = with_channels(hook_channel())
    hooks.status = 500
    with app.transactions.write() as tx:
        put_trial(tx, app.tables, "ops", "log", tx.now)
    alarms = alarms_of(app)
    for _ in range(3):
        turn(alarms)
        clock.advance(hours=1)

    (message,) = [row for row in rows(app, app.tables.alert_message) if row.kind == "test"]
    assert (message.attempts, message.sent_at, message.next_try_at) == (1, None, None)
    assert message.given_up_at is not None


def test_a_condition_of_another_topic_leads_to_the_console_too(with_channels: Make, clock: Clock, box: Mailbox) -> None:
    app = with_channels(mail_channel(box))
    app.settings = replace(app.settings, console=CONSOLE)
    hold(app, Sign("held", CRITICAL, {"requests": 3}, "crm"))
    alarms = alarms_of(app)
    alarms._telling.tell()
    clock.advance(minutes=2)
    alarms._telling.tell()

    (row,) = rows(app, app.tables.alert_message)
    assert "https://privacy.example.org/syncer/alerts/" in row.body
