"""The accounts of `db grants` may do what they need and nothing else, and `check` tries it, on real servers."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.domain.deadlines import local_day
from syncer.setup.refusals import TRIED, refusals
from tests.conftest import AUDIENCES
from tests.setup.accounts import let_in
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.servers import ENGINES, Server
from tests.support.walk import OTHER, PERSON, rows

on_servers = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
VERBS = ("SELECT", "INSERT", "UPDATE", "DELETE")
WHY = ("--reason", "tried by a test")


def _answers(url: str, statement: str) -> str:
    """Return what a server says to one statement of an account: "" when it was carried out."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(statement)
    except sa.exc.DBAPIError as error:
        return str(error.orig)
    return ""


@on_servers
def test_finding_09_nobody_gets_in_before_an_account_has_a_password(
    engine: str, locked: Callable[[str], str], request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    for account in (*TRIED, "migrate"):
        assert re.search("locked|not permitted to log in", _answers(locked(account), "SELECT 1")), account

        let_in(server, account)

        url = sa.make_url(locked(account)).set(password="a-password").render_as_string(hide_password=False)
        assert _answers(url, "SELECT 1") == ""


@on_servers
def test_finding_09_a_producer_cannot_hide_a_request(accounts: Callable[[str], str]) -> None:
    producer = accounts("producer")
    columns = "event_key, kind, email, received_at, source, source_ref, created_at"
    values = "'k1', 'erasure', 'ada@lovelace.test', NULL, 'shop', '1:7', '2026-01-02 03:04:05'"

    assert _answers(producer, f"INSERT INTO syncer_queue ({columns}) VALUES ({values})") == ""
    for column, value in (("id", "5"), ("taken_at", "'2026-01-02 03:04:05'")):
        insert = f"INSERT INTO syncer_queue ({columns}, {column}) VALUES ({values.replace('k1', column)}, {value})"
        assert "denied" in _answers(producer, insert), column


@on_servers
def test_finding_09_the_daemons_account_cannot_rewrite_what_was_asked_for_or_planned(
    accounts: Callable[[str], str], engine: str
) -> None:
    daemon, quote = accounts("daemon"), "`" if engine == "mariadb" else '"'
    fixed = {
        "syncer_event": ("id", "event_key", "right", "received_at", "source", "source_ref", "queue_id", "created_at"),
        "syncer_delivery": ("id", "event_id", "destination", "adapter", "action"),
        "syncer_lane": ("destination",),
        "syncer_watch": ("destination",),
        "syncer_daemon": ("owner", "started_at"),
        "syncer_audit_head": ("id",),
        "syncer_anchor": ("name", "host"),
        "syncer_checkpoint": ("size", "root", "note"),
    }
    for table, columns in fixed.items():
        for column in columns:
            statement = f"UPDATE {table} SET {quote}{column}{quote} = NULL WHERE 1 = 0"
            assert "denied" in _answers(daemon, statement), (table, column)


@on_servers
def test_finding_09_the_daemons_account_does_every_piece_of_work(
    app: App,
    accounts: Callable[[str], str],
    mailchimp: MailchimpSandbox,
    activecampaign: ActiveCampaignSandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    settings = app.settings.path
    monkeypatch.setenv("SYNCER_DATABASE__URL", accounts("daemon"))
    mailchimp.add(PERSON, AUDIENCES[0])
    activecampaign.add(PERSON)
    activecampaign.admin = False  # no right to the archive: held until there is one

    def works(*words: str, stdin: str = "", code: int = 0) -> None:
        done = run(settings, *words, stdin=stdin)
        assert (done.returncode, done.stderr.count("Traceback")) == (code, 0), (words, done.stdout, done.stderr)

    works("submit", "erasure", stdin=PERSON)
    works("drain", code=1)
    app.queue.insert([{"event_key": "unreadable", "kind": "erasure", "email": "nobody", "created_at": app.clock()}])
    works("drain", code=1)
    held, unreadable = [event["id"] for event in as_json(settings, "events")]
    if [row for row in rows(app, app.tables.event) if row.id == held][0].event_key == "unreadable":
        held, unreadable = unreadable, held
    activecampaign.admin = True
    file = tmp_path / "addresses"
    file.write_text(f"{unreadable} {OTHER}\n", encoding="utf-8")
    works("resync", "--file", str(file), *WHY, "--yes")
    works("resync", "--event", held, *WHY, "--yes")
    works("extend", held, "--informed", local_day(app.clock(), app.rule.zone).isoformat(), *WHY)
    works("pause", "crm", *WHY)
    works("resume", "crm", *WHY)
    works("drain")
    works("resync", "--event", held, *WHY, "--yes")
    works("watch")
    works("find", stdin=PERSON)
    works("report", "--out", str(tmp_path / "report"))
    works("audit", "checkpoint")
    works("audit", "verify")
    works("status")
    app.queue.insert([{"event_key": "no right", "kind": "?", "email": PERSON, "created_at": app.clock()}])
    works("drain", code=1)
    no_right = next(row.id for row in rows(app, app.tables.event) if row.event_key == "no right")
    works("exempt", no_right, "--destination", "crm", "--ground", "other", *WHY)
    app.queue.insert([{"event_key": "mistake", "kind": "erasure", "email": OTHER, "created_at": app.clock()}])
    works("withdraw", "mistake", *WHY, "--yes")

    assert {row.event_key: row.subject is not None for row in rows(app, app.tables.event)}["unreadable"]
    assert as_json(settings, "check")["checks"]


@on_servers
def test_finding_09_a_reader_verifies_the_log_and_the_daemons_account_keeps_how_far_that_went(
    app: App, accounts: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    app.queue.insert([{"event_key": "k1", "kind": "erasure", "email": PERSON, "created_at": app.clock()}])
    app.intake.take_all()
    for account, kept in (("reader", 0), ("daemon", 1), ("reader", 1)):
        monkeypatch.setenv("SYNCER_DATABASE__URL", accounts(account))

        done = run(app.settings.path, "audit", "verify")

        assert (done.returncode, done.stderr) == (0, ""), account
        assert len(rows(app, app.tables.progress)) == kept


@on_servers
@pytest.mark.parametrize("account", TRIED)
def test_finding_09_check_tries_as_each_account_what_it_must_be_refused(
    app: App,
    engine: str,
    account: str,
    accounts: Callable[[str], str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    server: Server = request.getfixturevalue(engine)
    database = str(sa.make_url(app.settings.database.url).database)
    wanted = refusals(app.tables, account, "postgresql" if engine == "postgresql" else "mysql")
    who = f"'syncer_{account}'@'127.0.0.1'" if engine == "mariadb" else f"syncer_{account}"
    monkeypatch.setenv("SYNCER_DATABASE__URL", accounts(account))

    # one right too many of each kind that may be missing: the daemon reads every table
    more = [next((item for item in reversed(wanted) if item.verb == verb), None) for verb in VERBS]
    rights = [(f"{item.verb} ({item.column})" if item.column else item.verb, item.table) for item in more if item]

    content = run(app.settings.path, "check", "--account", account)
    for right, table in rights:
        server.sql(f"GRANT {right} ON {table} TO {who}", database)
    (found,) = as_json(app.settings.path, "check", "--account", account)["checks"]
    for right, table in rights:
        server.sql(f"REVOKE {right} ON {table} FROM {who}", database)
    again = run(app.settings.path, "check", "--account", account)

    assert (found["ok"], "`syncer db grants`" in found["remedy"]) == (False, True)
    assert found["detail"].count("syncer_") == len(rights), found
    assert all(f"{item.table} ({item.column})" in found["detail"] for item in more if item and item.column), found
    assert f"{len(wanted)} statements were tried and refused" in " ".join(content.stdout.split())
    assert (content.returncode, again.returncode) == (0, 0), again.stdout


@on_servers
def test_finding_09_check_warns_of_the_daemons_account_in_the_words_of_what_went_through(
    app: App, engine: str, accounts: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNCER_DATABASE__URL", accounts("migrate"))

    (account,) = [item for item in as_json(app.settings.path, "check")["checks"] if item["name"] == "account"]

    assert (account["ok"], account["level"]) == (True, "warn")
    assert "change syncer_event (id, event_key, right, 5 more)" in account["detail"]
    assert "delete rows of syncer_delivery" in account["detail"]
    assert ("TRIGGER" if engine == "mariadb" else "disable the audit's triggers") in account["detail"]


@on_servers
def test_finding_09_check_says_when_an_account_cannot_log_in(
    app: App, accounts: Callable[[str], str], monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    url = sa.make_url(accounts("reader")).set(username="syncer_nobody").render_as_string(hide_password=False)
    monkeypatch.setenv("SYNCER_DATABASE__URL", url)

    found = as_json(app.settings.path, "check", "--account", "reader")["checks"]

    assert "cannot log in" in found[0]["detail"]
    assert "SYNCER_DATABASE__URL" in found[0]["remedy"]


def test_finding_09_check_says_that_sqlite_has_no_accounts(app: App) -> None:
    done = run(app.settings.path, "check", "--account", "producer")

    assert (done.returncode, "SQLite has no accounts" in done.stdout) == (0, True)


def test_finding_09_the_names_of_the_accounts_are_those_that_grants_knows() -> None:
    from syncer.cli.install import ACCOUNTS

    assert ACCOUNTS == TRIED
