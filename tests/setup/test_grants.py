"""Accounts of least privilege, made by what `syncer db grants` prints, tried on real servers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, load_settings, make_tables, open_app
from syncer.database import engines
from syncer.events.shredding import AddressesHidden
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, put

on_servers = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)


def _as(app: App, account_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SYNCER_DATABASE__URL", account_url)
    return app.settings.path


@on_servers
def test_the_daemons_account_does_all_the_work_and_check_is_content(
    app: App, accounts: Callable[[str], str], mailchimp: MailchimpSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    settings = _as(app, accounts("daemon"), monkeypatch)

    assert run(settings, "submit", "erasure", stdin=PERSON).returncode == 0
    done = run(settings, "drain")
    assert done.returncode == 0, done.stderr
    assert [event["state"] for event in as_json(settings, "events")] == ["fulfilled"]
    checked = {item["name"]: item for item in as_json(settings, "check")["checks"]}

    assert checked["audit is append-only"]["ok"], checked
    assert (checked["account"]["ok"], checked["account"]["remedy"]) == (True, "")
    assert checked["account"]["detail"].startswith("the account may do no more than it needs: ")


@on_servers
def test_check_warns_of_an_account_that_may_too_much(app: App) -> None:
    findings = {item["name"]: item for item in as_json(app.settings.path, "check")["checks"]}

    assert (findings["account"]["ok"], findings["account"]["level"]) == (True, "warn")
    assert findings["account"]["detail"].startswith("the account may also ")
    assert "delete rows of syncer_queue" in findings["account"]["detail"]
    assert "`syncer db grants`" in findings["account"]["remedy"]


@on_servers
def test_the_producers_account_can_insert_and_nothing_else(app: App, accounts: Callable[[str], str]) -> None:
    with engines.opened(accounts("producer")) as producer:
        insert = "INSERT INTO syncer_queue (event_key, kind, email) VALUES ('k1', 'erasure', 'ada@lovelace.test')"
        with producer.begin() as connection:
            connection.exec_driver_sql(insert)

        for statement in (
            "SELECT email FROM syncer_queue",
            "UPDATE syncer_queue SET email = NULL",
            "DELETE FROM syncer_queue",
            "SELECT * FROM syncer_event",
            "SELECT * FROM syncer_audit",
        ):
            with pytest.raises(sa.exc.DBAPIError, match="denied"), producer.begin() as connection:
                connection.exec_driver_sql(statement)


@on_servers
def test_the_readers_account_reads_all_but_the_address_and_writes_nothing(
    app: App, accounts: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    settings = _as(app, accounts("reader"), monkeypatch)

    (event,) = as_json(settings, "events")
    assert as_json(settings, "show", event["id"])["audit"]
    assert as_json(settings, "status")["events"]["fulfilled"] == 1
    assert as_json(settings, "audit", "verify")["ok"]
    refused = run(settings, "drain")

    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    with engines.opened(accounts("reader")) as reader:
        for statement in (
            "SELECT email_sealed FROM syncer_event",
            "INSERT INTO syncer_lane (destination) VALUES ('x')",
        ):
            with pytest.raises(sa.exc.DBAPIError, match="denied"), reader.begin() as connection:
                connection.exec_driver_sql(statement)


@on_servers
def test_fault_105_a_resync_by_an_account_without_the_right_is_refused_and_changes_nothing(
    app: App,
    accounts: Callable[[str], str],
    activecampaign: ActiveCampaignSandbox,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    activecampaign.admin = False
    activecampaign.add(PERSON)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    before = [row["seq"] for row in app.ledger.rows()]
    settings = _as(app, accounts("reader"), monkeypatch)

    refused = run(settings, "resync", "--held", "--reason", "I should like it to", "--yes")

    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert [row["seq"] for row in app.ledger.rows()] == before
    assert [event["state"] for event in as_json(settings, "events")] == ["held"]


@on_servers
def test_the_migrating_account_can_build_everything_from_nothing(
    app: App, engine: str, accounts: Callable[[str], str], tmp_path: Path
) -> None:
    # under another prefix in the same database
    text = app.settings.path.read_text(encoding="utf-8")
    text = re.sub(r'url = "(mysql|postgresql)[^"]*"', f'url = "{accounts("migrate")}"\nprefix = "other_"', text)
    path = tmp_path / "migrate.toml"
    path.write_text(
        text.replace(
            "[destinations.newsletter]", '[queue]\ntable = "other_queue"\n\n[destinations.newsletter]', 1
        ).replace("[deadlines]", '[identity]\nkey_file = "other.key"\n\n[deadlines]'),
        encoding="utf-8",
    )

    done = run(path, "init")

    assert done.returncode == 0, done.stderr
    assert make_tables(load_settings(path)).audit.name == "other_audit"
    assert run(path, "status").returncode == 0


def test_sqlite_says_that_files_have_modes_not_accounts(app: App) -> None:
    assert "chmod 600" in run(app.settings.path, "db", "grants").stdout


@on_servers
def test_the_retention_account_purges_and_can_do_nothing_else(
    app: App, clock: Clock, accounts: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock.advance(days=-50 * 31)  # the triggers ask the server's clock, so the entries are truly old
    put(app, "erasure", PERSON, "k1")
    drain(app)
    clock.advance(days=10)
    for _ in range(3):
        prepare(app)
        drain(app)
    app.notary.make()
    clock.advance(days=40 * 31)
    settings = _as(app, accounts("retention"), monkeypatch)
    with open_app(load_settings(settings), clock=clock) as purging:
        done = purging.purge.carry_out()

        assert done.bodies is not None
        with pytest.raises(AddressesHidden, match="may not read addresses"):
            purging.shredding.overdue()
    told = run(settings, "retention")
    assert (told.returncode, "this database account may not see them" in told.stdout) == (0, True)
    assert app.verify().purged == done.bodies.count
    with engines.opened(accounts("retention")) as retention:
        for statement in (
            "SELECT email_sealed FROM syncer_event",
            "UPDATE syncer_event SET state = 'fulfilled'",
            "UPDATE syncer_audit SET leaf = mac",
            "DELETE FROM syncer_audit",
        ):
            with pytest.raises(sa.exc.DBAPIError, match="denied"), retention.begin() as connection:
                connection.exec_driver_sql(statement)
