"""Daemons of two neighbouring versions on one database, under load: the older one runs on the schema of the newer.

The newer version is this code that calls its schema 0017; its migration only adds, as the rule is.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App
from syncer.database.failures import retry_on_conflict
from tests.conftest import AUDIENCES
from tests.support.processes import command, run, until
from tests.support.servers import ENGINES
from tests.support.walk import put, rows

#: requests that are there before the schema changes, and that come afterwards
PART = 40
NEWER = """\
import sys
from syncer.cli.main import main
from syncer.database import revisions
revisions.REVISION = "0017"
main(sys.argv[1:])
"""


@retry_on_conflict
def _migrate(app: App) -> None:
    """What a revision 0017 could be: columns and a table more. Tried again as `revisions.upgrade` is."""
    with app.engine.begin() as connection:
        for statement in (
            "ALTER TABLE syncer_event ADD COLUMN later_word VARCHAR(16)",
            "ALTER TABLE syncer_delivery ADD COLUMN later_number INTEGER DEFAULT 0",
            "ALTER TABLE syncer_lane ADD COLUMN later_flag SMALLINT",
            "CREATE TABLE syncer_later (id INTEGER PRIMARY KEY)",
            "UPDATE syncer_alembic_version SET version_num = '0017'",
            "UPDATE syncer_schema SET compatible_from = '0014'",
        ):
            connection.exec_driver_sql(statement)


@contextmanager
def _daemon(words: list[str], log: Path) -> Iterator[None]:
    with log.open("wb") as out, subprocess.Popen([*words, "run"], stdout=out, stderr=out, cwd=log.parent) as process:
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == 0, log.read_text(encoding="utf-8")
        finally:
            process.kill()


def _queue(app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, first: int) -> None:
    for number in range(first, first + PART):
        address = f"person{number}@neighbours.test"
        mailchimp.add(address, AUDIENCES[number % 3])
        activecampaign.add(address)
        put(app, "erasure", address, f"k{number}")


def _owners(app: App) -> set[str]:
    """Return the processes that own a lane."""
    return {row.owner for row in rows(app, app.tables.lane) if row.owner}


def _fulfilled(app: App) -> int:
    event = app.tables.event.c
    with app.engine.connect() as connection:
        query = sa.select(sa.func.count()).select_from(app.tables.event).where(event.state == "fulfilled")
        return int(connection.execute(query).scalar_one())


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_an_older_daemon_works_on_while_the_schema_changes_and_beside_a_newer_one(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    path = app.settings.path
    older, newer = command(path), [sys.executable, "-c", NEWER, "--settings", str(path)]
    _queue(app, mailchimp, activecampaign, 0)
    with _daemon(older, tmp_path / "older.log"):
        until(lambda: _fulfilled(app) > 0, 60)
        _migrate(app)
        with _daemon(newer, tmp_path / "newer.log"):
            _queue(app, mailchimp, activecampaign, PART)
            until(lambda: len(_owners(app)) == 2, 60)
            until(lambda: _fulfilled(app) == 2 * PART, 120)

    assert (mailchimp.members(), activecampaign.contacts()) == ([], [])
    for log in ("older.log", "newer.log"):
        text = (tmp_path / log).read_text(encoding="utf-8")
        assert not [line for line in text.splitlines() if "[error" in line or "Traceback" in line]
    verified = run(path, "audit", "verify", "--full")
    assert verified.returncode == 0, verified.stdout + verified.stderr
