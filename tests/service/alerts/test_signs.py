"""What is so becomes a sign: each condition by its real cause, and one that cannot be asked stops no other."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.alerting.board import Board
from syncer.alerting.catalog import CRITICAL, INFO, KINDS, WARNING, Observed, Sign
from syncer.app import App
from syncer.audit.chain import WHATS
from syncer.database.connections import writing
from syncer.service.alerts.conditions.signs import Signs
from syncer.service.alerts.conditions.surge import Surge
from syncer.service.drain import drain, prepare
from syncer.settings.alerting.channels import TOPICS
from syncer.settings.operation import GuardSettings
from tests.conftest import AUDIENCES, Clock
from tests.support.receivers.alerting import rows
from tests.support.walk import put


def signs(app: App, *but: str) -> dict[tuple[str, str], Sign]:
    """What is so, without what time alone makes so in a test."""
    found = Signs(app).look().signs
    return {(sign.condition, sign.scope): sign for sign in found if sign.condition not in ("verification", *but)}


def change(app: App, statement: sa.Update) -> None:
    with writing(app.engine) as connection:
        connection.execute(statement)


def test_a_sound_installation_says_nothing(app: App) -> None:
    assert signs(app) == {}
    assert Signs(app).look().asked == frozenset(KINDS)


def test_every_condition_has_a_topic_that_a_channel_can_choose() -> None:
    assert {kind.topic for kind in KINDS.values()} <= set(TOPICS)


def test_a_request_is_open_for_long_then_due_soon_then_late_and_counts_as_one_of_them(app: App, clock: Clock) -> None:
    put(app, "erasure", "ada@lovelace.test", "form 1", received_at=clock.now)
    put(app, "objection", "grace@hopper.test", "form 2", received_at=clock.now)
    app.intake.take_all(lambda: False)
    seen = {}
    for day in (1, 3, 15, 25, 32):
        clock.now += timedelta(days=day) - (clock.now - clock.start)
        seen[day] = {name: sign.facts["requests"] for (name, _), sign in signs(app, "unsigned").items()}

    assert seen == {
        1: {},
        3: {"objection_late": 1},
        15: {"open_long": 1, "objection_late": 1},
        25: {"due_soon": 1, "objection_late": 1},
        32: {"overdue": 2},
    }


def test_what_is_held_is_one_sign_for_each_destination(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    activecampaign.admin = False
    for number in range(30):
        activecampaign.add(f"held{number}@archive.test")
        put(app, "erasure", f"held{number}@archive.test", f"form {number}")
    drain(app)

    assert {key: sign.facts for key, sign in signs(app).items()} == {("held", "crm"): {"requests": 30}} | {
        key: sign.facts for key, sign in signs(app).items() if key[0] in ("surge", "guard_tripped", "guarded_due")
    }


@pytest.mark.slow
def test_a_pause_is_a_warning_and_after_a_day_critical(app: App, clock: Clock) -> None:
    app.leases.ensure(["crm"])
    app.interventions.pause("crm", "the account is under review")
    assert signs(app)["lane_paused", "crm"].severity == WARNING

    clock.advance(hours=25)

    assert signs(app)["lane_paused", "crm"].severity == CRITICAL


def test_a_trip_of_the_guard_says_how_much_waits_and_until_when(app: App, clock: Clock) -> None:
    put(app, "erasure", "ada@lovelace.test", "form 1")
    prepare(app)
    lane, delivery = app.tables.lane, app.tables.delivery
    tripped = {"guard_since": clock.now, "guard_limit": 10, "guard_counted": 3}
    change(app, lane.update().where(lane.c.destination == "crm").values(tripped))
    change(app, delivery.update().where(delivery.c.destination == "crm").values(code="guarded"))
    found = signs(app)
    assert found["guard_tripped", "crm"].severity == CRITICAL
    assert found["guard_tripped", "crm"].facts["deletions"] == 1
    assert ("guarded_due", "crm") not in found

    clock.advance(days=25)

    assert signs(app)["guarded_due", "crm"].severity == CRITICAL


@pytest.mark.slow
def test_a_second_trip_soon_after_a_release_is_another_alert_that_nobody_silenced(app: App, clock: Clock) -> None:
    lane, board, signs = app.tables.lane, Board(app.transactions), Signs(app)

    def trips() -> None:
        tripped = {"guard_since": clock.now, "guard_limit": 10, "guard_counted": 3}
        change(app, lane.update().where(lane.c.destination == "crm").values(tripped))
        for _ in range(2):
            board.update(signs.look())

    app.leases.ensure(["crm"])
    trips()
    (first,) = (row for row in rows(app, app.tables.alert) if row.condition == "guard_tripped")
    board.acknowledge(first.id, clock.now + timedelta(days=7), "the shop is asked")
    clock.advance(minutes=3)
    trips()

    before, now = (row for row in rows(app, app.tables.alert) if row.condition == "guard_tripped")
    assert (before.id, before.cleared_at is None) == (first.id, False)
    assert (now.cleared_at, now.quiet_until) == (None, None)


def test_a_forgotten_trial_is_said_from_the_third_day(app: App, clock: Clock) -> None:
    app.leases.ensure(["crm"])
    change(app, app.tables.lane.update().values(shadow_since=clock.now))
    clock.advance(days=2, hours=23)
    assert signs(app) == {}

    clock.advance(hours=1)

    assert ("shadow_long", "crm") in signs(app)


@pytest.mark.slow
def test_who_came_back_is_said_for_a_day(app: App, clock: Clock, mailchimp: MailchimpSandbox) -> None:
    mailchimp.add("ada@lovelace.test", AUDIENCES[0])
    put(app, "erasure", "ada@lovelace.test", "form 1")
    drain(app)
    mailchimp.add("ada@lovelace.test", AUDIENCES[1])
    clock.advance(days=1, minutes=1)
    drain(app)

    (sign,) = [sign for (name, _), sign in signs(app).items() if name == "reappeared"]
    assert (sign.severity, sign.scope, sign.facts) == (INFO, "newsletter", {"people": 1})
    clock.advance(days=1, minutes=1)
    assert "reappeared" not in {name for name, _ in signs(app)}


@pytest.mark.slow
def test_a_verification_that_is_missing_is_a_warning_and_one_that_failed_critical(app: App, clock: Clock) -> None:
    put(app, "erasure", "ada@lovelace.test", "form 1")
    prepare(app)
    clock.advance(days=3)
    by_name = {sign.condition: sign for sign in Signs(app).look().signs}
    assert by_name["verification"].severity == WARNING
    change(app, app.tables.delivery.update().values(state="confirmed"))

    app.verified.record(app.verify())

    by_name = {sign.condition: sign for sign in Signs(app).look().signs}
    assert (by_name["verification"].severity, by_name["verification"].facts["state"]) == (CRITICAL, "failed")


@pytest.mark.slow
def test_rows_that_nobody_takes_are_said_after_a_quarter_of_an_hour(app: App, clock: Clock) -> None:
    looks = Signs(app)

    def stale() -> bool:
        return "queue_stale" in {sign.condition for sign in looks.look().signs}

    put(app, "erasure", "ada@lovelace.test", "form 1")
    assert not stale()
    clock.advance(minutes=14)
    assert not stale()
    clock.advance(minutes=1)
    assert stale()

    app.intake.take_all(lambda: False)

    assert not stale()


@pytest.mark.slow
def test_many_times_the_best_day_is_a_surge_and_as_much_as_usual_is_none(app: App, clock: Clock) -> None:
    app.settings = replace(app.settings, guard=GuardSettings())

    def arrive(number: int) -> None:
        for each in range(number):
            put(app, "objection", f"p{each}.{clock.now:%m%d}@surge.test", f"form {clock.now:%m%d} {each}")
        app.intake.take_all(lambda: False)

    def surges() -> list[Sign]:
        return list(Surge(app).look())

    arrive(3)
    clock.advance(days=1, hours=1)
    arrive(15)
    assert surges() == []
    clock.advance(days=1, hours=1)
    arrive(76)

    (sign,) = surges()
    assert (sign.scope, sign.facts) == ("objection", {"requests": 76, "usual": 15})
    clock.advance(days=1, hours=1)
    assert surges() == []


def test_no_backup_is_missed_where_there_never_was_one(app: App, clock: Clock) -> None:
    clock.advance(days=30)
    assert "backup_old" not in {name for name, _ in signs(app)}


@pytest.mark.skipif("backup:made" not in WHATS, reason="there are no backups yet")
def test_a_backup_is_missed_after_its_hours(app: App, clock: Clock) -> None:
    with app.transactions.write() as tx:
        tx.audit.add("backup:made")
    clock.advance(hours=25, minutes=59)
    assert "backup_old" not in {name for name, _ in signs(app)}
    clock.advance(minutes=1)
    assert "backup_old" in {name for name, _ in signs(app)}


@pytest.mark.slow
def test_a_destination_that_only_a_row_names_is_told_of_without_its_name(app: App, clock: Clock) -> None:
    put(app, "erasure", "no address", "form 1")
    prepare(app)
    named = sa.cast(app.tables.delivery.c.id, sa.String).concat(" eve@evil.test")
    change(app, app.tables.delivery.update().values(destination=named))

    assert {scope for name, scope in signs(app) if name == "held"} == {""}


def test_a_question_that_fails_stops_no_other_and_clears_nothing(app: App, clock: Clock) -> None:
    app.leases.ensure(["crm"])
    app.interventions.pause("crm", "the account is under review")
    board = Board(app.transactions)
    listing = Sign("listing_incomplete", WARNING, {}, "crm")
    board.update(Observed((listing,), frozenset(KINDS)))
    with writing(app.engine) as connection:
        connection.execute(sa.text(f"ALTER TABLE {app.tables.watch.name} RENAME COLUMN unfinished TO gone"))
    clock.advance(hours=1)

    seen = Signs(app).look()
    board.update(seen)
    clock.advance(hours=12)
    board.update(Signs(app).look())

    assert "listing_incomplete" not in seen.asked
    assert {sign.condition for sign in seen.signs} == {"lane_paused"}
    open_ones = {row.condition for row in rows(app, app.tables.alert) if row.open_as is not None}
    assert {"listing_incomplete", "lane_paused"} <= open_ones
