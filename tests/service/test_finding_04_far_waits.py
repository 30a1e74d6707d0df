"""Finding 4: somebody with the database, and no key, puts work off for a thousand years. It is brought back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.database.connections import reading
from syncer.delivery.leases import Leases
from syncer.domain.policy import LONGEST_WAIT
from syncer.service.drain import drain, prepare
from syncer.service.far_waits import FarWaits
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look_at
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, event, put, rows, states

NEVER = datetime(2999, 1, 1, tzinfo=UTC)


def forge(app: App, table: sa.Table, **values: object) -> None:
    """Change every row of a table as somebody with an account of the database can."""
    with app.engine.begin() as connection:
        connection.execute(table.update().values(**values))


def work_off(app: App, clock: Clock, hours: int = 0) -> dict[str, str]:
    clock.advance(hours=hours)
    drain(app, max_seconds=60)  # it would wait for the owner of a lane
    return {name: state for name, (state, _, _) in states(app).items()}


DONE = {"newsletter": "confirmed", "crm": "confirmed"}


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize(
    "forged",
    [{"next_attempt_at": NEVER}, {"next_attempt_at": None}, {"claim_rank": None}],
    ids=["far", "no time", "no rank"],
)
def test_finding_04_a_delivery_that_is_put_off_for_ever_is_carried_out(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, forged: dict[str, object]
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    forge(app, app.tables.delivery, **forged)

    assert work_off(app, clock) == DONE

    assert mailchimp.member(PERSON, AUDIENCES[0]) is None


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("column", ["cool_until", "probe_at"])
def test_finding_04_a_lane_that_is_to_rest_for_ever_goes_on(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, column: str
) -> None:
    app.leases.ensure(["newsletter", "crm"])
    mailchimp.fault(Fault(status=401, body="{}"))
    put(app, "erasure", PERSON, "k1")
    drain(app)
    assert app.leases.read()["newsletter"].paused
    with app.transactions.write() as tx:
        if column == "cool_until":
            app.leases.resume(tx, "newsletter", "operator", "the key is right again")
    forge(app, app.tables.lane, **{column: NEVER})

    assert work_off(app, clock, hours=2) == DONE


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_finding_04_a_recheck_that_is_put_off_for_ever_takes_place_and_the_address_goes(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    forge(app, app.tables.event, next_recheck_at=NEVER)

    for _ in range(3):
        clock.advance(days=8)
        drain(app)

    assert event(app).email_sealed is None


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_finding_04_a_recheck_that_was_taken_away_takes_place(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    with app.engine.begin() as connection:
        connection.execute(app.tables.event.update().values(next_recheck_at=None))
    mailchimp.add(PERSON, AUDIENCES[0])

    drain(app)

    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    assert FarWaits(app).find_lost() == 0


def test_finding_04_a_look_that_is_noted_for_the_future_is_taken_now_from_the_beginning(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    look_at(app, "newsletter")
    forge(app, app.tables.watch, looked_at=NEVER, listed_at=NEVER, listed=10**6)
    back = clock().replace(microsecond=0) + timedelta(minutes=1)
    mailchimp.add(PERSON, AUDIENCES[0], last_changed=back.isoformat())
    clock.advance(hours=1)

    assert app.watch.due("newsletter", timedelta(hours=24))
    look = look_at(app, "newsletter")

    assert look.since == event(app).received_at
    assert len(look.incidents) == 1
    assert not app.watch.due("newsletter", timedelta(hours=24))


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_finding_04_a_lane_that_is_given_to_nobody_for_ever_is_taken(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    app.leases.ensure(["newsletter", "crm"])
    forge(app, app.tables.lane, owner="elsewhere|boot|1|1", lease_until=NEVER)

    assert work_off(app, clock) == DONE


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_finding_04_a_daemon_that_was_never_there_gets_no_share(app: App) -> None:
    with app.engine.begin() as connection:
        connection.execute(
            app.tables.daemon.insert().values(owner="elsewhere|boot|1|1", started_at=app.clock(), seen_until=NEVER)
        )

    assert app.presence.running() == []


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_finding_04_what_waits_by_the_rules_goes_on_waiting(app: App, clock: Clock) -> None:
    app.leases.ensure(["newsletter", "crm"])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    latest = app.clock() + timedelta(seconds=LONGEST_WAIT)
    forge(app, app.tables.delivery, next_attempt_at=latest)
    forge(app, app.tables.lane, cool_until=latest, probe_at=app.clock() + timedelta(minutes=15))
    forge(app, app.tables.event, next_recheck_at=app.clock() + timedelta(days=7))
    before = [rows(app, table) for table in (app.tables.delivery, app.tables.lane, app.tables.event)]

    assert FarWaits(app).bring_back() == 0
    assert FarWaits(app).find_lost() == 0

    assert [rows(app, table) for table in (app.tables.delivery, app.tables.lane, app.tables.event)] == before
    longest_lease = Leases(app.transactions, "elsewhere|boot|1|1", 3600)
    assert longest_lease.acquire("crm")
    assert app.leases.acquire("crm") is None


def test_finding_04_a_deletion_that_the_provider_blocks_is_asked_for_daily_and_not_at_every_look(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.add(PERSON, lists={"1": 1})
    activecampaign.allowance = 0
    put(app, "erasure", PERSON, "k1")

    for _ in range(3):  # within one day
        drain(app)
        clock.advance(hours=7)

    assert states(app)["crm"] == ("retrying", None, "delete_blocked")
    asked = [request.method for request in activecampaign.requests if "/contacts/" in request.path]
    assert asked.count("DELETE") == 1
    clock.advance(hours=4)
    activecampaign.allowance = 1
    drain(app)
    assert states(app)["crm"][0] == "confirmed"


def test_finding_04_a_look_for_far_waits_reads_no_row_that_waits_as_it_should(app: App) -> None:
    asked: list[tuple[str, object]] = []

    @sa.event.listens_for(app.engine, "before_cursor_execute")
    def _note(_: object, __: object, statement: str, parameters: object, *___: object) -> None:
        asked.append((statement, parameters))

    FarWaits(app).bring_back()
    selects = [(sql, given) for sql, given in asked if sql.startswith("SELECT") and "_at >" in sql]
    with reading(app.engine) as connection:
        plans = [
            " ".join(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", given))  # type: ignore[arg-type]
            for sql, given in selects
            if "lane" not in sql
        ]

    assert len(plans) == 3  # two destinations, and the rechecks
    assert all("INDEX ix_" in plan and "SCAN" not in plan for plan in plans), plans
