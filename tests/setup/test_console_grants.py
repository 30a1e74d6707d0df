"""The web console's accounts, on real servers: all that people decide works with them, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox
from syncer.alerting.board import Board
from syncer.app import App
from syncer.console.sign_in.sessions import Sessions
from syncer.database import engines
from syncer.database.connections import reading
from syncer.decisions.extension import Extension
from syncer.decisions.guarded import StoppedChoice
from syncer.decisions.resync import Selection
from syncer.domain.deadlines import local_day
from syncer.domain.rights import Ground
from syncer.intake.submit import Submission, submit
from syncer.service.drain import drain
from tests.conftest import Clock
from tests.support.operate.console_keys import console_of
from tests.support.operate.guarded import FIVE, flood, stopped
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, event, put, rows, states, whats

on_servers = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
LOOKING = ("console_reader", "console")
WHY = "the archive was opened"


@pytest.fixture
def app(make_app: Callable[..., App], request: pytest.FixtureRequest) -> App:
    """An installation; a parameter of `app` holds other settings."""
    return make_app(**getattr(request, "param", {}))


def _held(app: App, activecampaign: ActiveCampaignSandbox, *addresses: str) -> None:
    """Let requests of these people be held at one destination."""
    activecampaign.admin = False
    for number, address in enumerate(addresses):
        activecampaign.add(address)
        put(app, "erasure", address, f"form {number}")
    drain(app)
    activecampaign.admin = True


@on_servers
def test_the_console_starts_held_work_over_without_seeing_its_address(
    app: App, accounts: Callable[[str], str], activecampaign: ActiveCampaignSandbox
) -> None:
    _held(app, activecampaign, PERSON)
    with console_of(app, accounts("console")) as console:
        plan = console.resync.plan(Selection(held=True))
        assert [(each.destination, str(each.to)) for each in plan.deliveries] == [("crm", "pending")]
        console.resync.apply(plan, WHY)
    drain(app)

    assert (event(app).state, states(app)["crm"][0]) == ("fulfilled", "confirmed")


@on_servers
@pytest.mark.parametrize("app", [{"recheck_days": "[]"}], indirect=True, ids=["no rechecks"])
def test_the_console_closes_the_last_delivery_and_the_address_is_shredded(
    app: App, accounts: Callable[[str], str], activecampaign: ActiveCampaignSandbox
) -> None:
    _held(app, activecampaign, PERSON)
    with console_of(app, accounts("console")) as console:
        console.interventions.exempt(event(app).id, "crm", Ground.LEGAL_CLAIMS, WHY)

    assert (event(app).state, event(app).email_sealed, event(app).sealed) == ("fulfilled", None, None)
    assert whats(app)[-2:] == ["event:fulfilled", "identity:shredded"]


@on_servers
def test_the_console_extends_pauses_resumes_and_reads_back(
    app: App, accounts: Callable[[str], str], activecampaign: ActiveCampaignSandbox
) -> None:
    _held(app, activecampaign, PERSON)
    with console_of(app, accounts("console")) as console:
        today = local_day(app.clock(), app.rule.zone)
        due = console.extensions.extend(Extension(event(app).id, "many systems", today))
        console.interventions.pause("crm", WHY)
        assert (lane := app.leases.get("crm")) is not None and lane.paused
        console.interventions.resume("crm", WHY)
        again = console.resync.plan(Selection(destination="newsletter"))
        console.resync.apply(again, WHY)

    assert (event(app).due_on, states(app)["newsletter"][0]) == (due.on, "applied")
    assert {row.due_on for row in rows(app, app.tables.delivery)} == {due.on}


@on_servers
@pytest.mark.parametrize("app", [{"guard": FIVE}], indirect=True, ids=["guarded"])
def test_the_console_releases_and_refuses_what_the_guard_stopped(app: App, accounts: Callable[[str], str]) -> None:
    flood(app, 7)
    drain(app)
    flood(app, 3, source="form", name="real")
    drain(app)
    assert stopped(app) == 10
    with console_of(app, accounts("console")) as console:
        decisions = console.guard_decisions
        mine, bogus = StoppedChoice(source="form"), StoppedChoice(source="shop")
        plan = decisions.plan(mine)
        decisions.release(mine, "real people", plan.digest, plan.deletions)
        decisions.refuse(bogus, "a robot filled the form", decisions.plan(bogus).digest)
        assert console.guard_decisions.standings(["newsletter"])["newsletter"].since is None

    assert stopped(app) == 0
    drain(app)
    assert app.verify().stands


@on_servers
def test_the_console_queues_a_letter_once_however_often_its_form_comes(
    app: App, accounts: Callable[[str], str]
) -> None:
    with console_of(app, accounts("console")) as console:
        for _ in range(2):
            letter = Submission("erasure", "letter", "form-1", app.clock(), app.clock())
            submit(console.queue, console.keyring, letter, [(1, OTHER)], console.withdrawals.withdrawn_among)

    assert [(row.kind, row.source, row.email) for row in rows(app, app.tables.queue)] == [("erasure", "letter", OTHER)]


@on_servers
@pytest.mark.parametrize("account", LOOKING)
def test_both_accounts_sign_people_in_and_write_down_who_looked(
    app: App, accounts: Callable[[str], str], account: str, activecampaign: ActiveCampaignSandbox
) -> None:
    _held(app, activecampaign, PERSON)
    app.notary.make()  # nothing of a dossier is proven without, and the console signs nothing
    user = app.tables.user
    with app.transactions.write() as tx:
        tx.connection.execute(user.insert().values(name="anna", roles="compliance", created_at=tx.now))
    with console_of(app, accounts(account)) as console:
        idle = timedelta(minutes=30)
        sessions = Sessions(console.engine, console.tables, console.clock, idle, idle)
        anna = console.acting_as({"kind": "console", "user": "anna"})
        with anna.transactions.write() as tx:
            cookie = sessions.open(tx, "anna", "passkey", "127.0.0.0/24", stepped_up=True)
        assert (person := sessions.find(cookie)) is not None
        with anna.transactions.write() as tx:
            cookie = sessions.step_up(tx, person)
        _keeps_its_tables(console)
        anna.access_log.looked_up(console.keyring.ref(PERSON), 1)
        assert [found.subject for found in console.reader.events(subject=console.keyring.refs(PERSON))]
        assert console.status.read() is not None
        assert console.verify().stands
        assert not console.verified.record(console.verify())  # it says how it stands, and leaves the record to others
        with console.propagation.report(None, None) as report:
            assert (report.deliveries, len(list(report.parts(1)))) == (2, 1)
        dossiers = console.dossiers
        assert dossiers.facts(dossiers.history(dossiers.of_person(console.keyring.ref(PERSON))))
        sessions.forget()

    assert whats(app)[-1] == "operator:looked_up"
    assert app.verify().stands


def _keeps_its_tables(console: App) -> None:
    """Write into each table of the console's own, lock its rows, and empty it."""
    t, now = console.tables, console.clock()
    rows_of: dict[sa.Table, tuple[dict[str, Any], dict[str, Any]]] = {
        t.bucket: ({"name": "all", "tokens": 5.0, "at": now}, {"tokens": 4.0}),
        t.once: ({"id": "form:1", "until": now}, {"until": now}),
        t.passkey: (
            {
                "id": "1",
                "user_name": "anna",
                "label": "key",
                "credential": "c",
                "public_key": "p",
                "sign_count": 0,
                "created_at": now,
            },
            {"sign_count": 1},
        ),
    }
    with console.transactions.write() as tx:
        for table, (row, change) in rows_of.items():
            tx.connection.execute(table.insert().values(row))
            tx.connection.execute(sa.select(table).with_for_update()).all()
            tx.connection.execute(table.update().values(change))
            tx.connection.execute(table.delete())
        tx.connection.execute(sa.select(t.user).with_for_update()).all()
        tx.connection.execute(t.user.update().values(last_seen_at=now, password="$argon2id$"))


@on_servers
def test_the_console_proposes_and_takes_alerts_and_the_reader_among_the_two_does_not(
    app: App, accounts: Callable[[str], str], clock: Clock
) -> None:
    t = app.tables
    proposal = {
        "kind": "exempt",
        "facts": "{}",
        "digest": "d",
        "reason": "r",
        "proposer": "{}",
        "proposed_at": clock(),
        "until": clock(),
    }
    alert = {"condition": "late", "scope": "", "open_as": "late:", "topic": "work", "severity": "page", "facts": "{}"}
    with app.transactions.write() as tx:
        tx.connection.execute(t.alert.insert().values(alert | {"raised_at": clock()}))
    (number,) = [row.id for row in rows(app, t.alert)]
    with console_of(app, accounts("console")) as console:
        with console.transactions.write() as tx:
            tx.connection.execute(t.proposal.insert().values(proposal))
            tx.connection.execute(sa.select(t.proposal).with_for_update()).one()
            tx.connection.execute(t.proposal.update().values(outcome="lapsed", decided_at=clock()))
        assert Board(console.transactions).acknowledge(number, clock() + timedelta(days=1), WHY) is not None
    with console_of(app, accounts("console_reader")) as console:
        for statement in (t.proposal.insert().values(proposal), t.proposal.update().values(outcome=None)):
            with pytest.raises(sa.exc.DBAPIError, match="denied"), console.transactions.write() as tx:
                tx.connection.execute(statement)


#: what somebody with one of the accounts would like to do, and what section 3 of the design gives neither
BEYOND = (
    "SELECT email_sealed FROM syncer_event",
    "SELECT id FROM syncer_event WHERE email_sealed LIKE 'v2%%'",
    "SELECT id FROM syncer_event ORDER BY email_sealed",
    "UPDATE syncer_event SET code = email_sealed",
    "SELECT email FROM syncer_queue",
    "UPDATE syncer_queue SET taken_at = NULL",
    "DELETE FROM syncer_queue",
    "UPDATE syncer_event SET subject = 'p1:x'",
    "INSERT INTO syncer_event (id) VALUES ('x')",
    "DELETE FROM syncer_event",
    "UPDATE syncer_delivery SET action = 'delete'",
    "UPDATE syncer_delivery SET applied_at = NULL",
    "UPDATE syncer_lane SET fence = 0",
    "UPDATE syncer_lane SET shadow_since = NULL",
    "INSERT INTO syncer_checkpoint (size) VALUES (1)",
    "UPDATE syncer_audit SET body = NULL",
    "DELETE FROM syncer_audit",
    "UPDATE syncer_audit_head SET key_check = 'x'",
    "UPDATE syncer_verification SET ok = NULL",
    "INSERT INTO syncer_user (name) VALUES ('mallory')",
    "DELETE FROM syncer_user",
    "UPDATE syncer_proposal SET facts = '{}'",
    "INSERT INTO syncer_alert_message (id) VALUES (1)",
    "INSERT INTO syncer_alert_message (sent_at) VALUES (NULL)",
    "UPDATE syncer_alert_message SET body = 'b'",
    "DELETE FROM syncer_alert_message",
)


@on_servers
@pytest.mark.parametrize("account", LOOKING)
def test_neither_account_reads_an_address_or_does_what_no_page_does(
    app: App, accounts: Callable[[str], str], account: str
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    with engines.opened(accounts(account)) as engine:
        for statement in BEYOND:
            with pytest.raises(sa.exc.DBAPIError, match="denied"), engine.begin() as connection:
                connection.exec_driver_sql(statement)
        with reading(engine) as connection:
            assert connection.exec_driver_sql("SELECT sealed FROM syncer_event").scalars().all() == [1]


@on_servers
def test_the_readers_account_does_not_see_how_people_sign_in(app: App, accounts: Callable[[str], str]) -> None:
    with engines.opened(accounts("reader")) as engine:
        for table in ("user", "session", "passkey", "bucket", "once"):
            with pytest.raises(sa.exc.DBAPIError, match="denied"), engine.begin() as connection:
                connection.exec_driver_sql(f"SELECT * FROM syncer_{table}")  # noqa: S608


@on_servers
def test_a_console_that_only_shows_decides_nothing_even_if_it_tries(
    app: App, accounts: Callable[[str], str], activecampaign: ActiveCampaignSandbox
) -> None:
    _held(app, activecampaign, PERSON)
    before = whats(app)
    with console_of(app, accounts("console_reader")) as console:
        tries: list[Callable[[], object]] = [
            lambda: console.interventions.exempt(event(app).id, "crm", Ground.OTHER, WHY),
            lambda: console.interventions.pause("crm", WHY),
            lambda: console.resync.apply(console.resync.plan(Selection(held=True)), WHY),
        ]
        for attempt in tries:
            with pytest.raises(sa.exc.DBAPIError, match="denied"):
                attempt()

    assert whats(app) == before


@on_servers
@pytest.mark.parametrize("account", LOOKING)
def test_all_that_the_account_reads_holds_no_address_sealed_or_not(
    app: App, accounts: Callable[[str], str], account: str, activecampaign: ActiveCampaignSandbox
) -> None:
    _held(app, activecampaign, PERSON)
    put(app, "erasure", "waiting@queue.test", "k2")  # in the queue, not yet sealed
    read: list[str] = []
    with engines.opened(accounts(account)) as engine:
        quote = engine.dialect.identifier_preparer.quote
        for table in (app.tables.queue, *app.tables.own):
            for column in table.c:
                statement = f"SELECT {quote(column.name)} FROM {table.name}"  # noqa: S608
                try:
                    with engine.connect() as connection:
                        read += map(str, connection.exec_driver_sql(statement).scalars())
                except sa.exc.DBAPIError:
                    continue
    everything = "\n".join(read)

    assert len(read) > 100
    assert rows(app, app.tables.event)[0].subject in everything
    for secret in (event(app).email_sealed, PERSON, "waiting@queue.test"):
        assert secret not in everything
