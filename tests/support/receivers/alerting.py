"""Alerts in tests: the lines of a settings file, rounds of the job, and conditions that hold for sure."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from syncer.alerting.board import Board
from syncer.alerting.catalog import KINDS, Observed, Sign
from syncer.app import App
from syncer.database.connections import reading
from syncer.service.alerts.alarms import Alarms
from tests.support.receivers.smtp import Mailbox

HOOK = """
[channels.{name}]
kind = "webhook"
url_env = "TEST_HOOK_URL"
secret_env = "TEST_HOOK_SECRET"
{more}
"""


def mail_channel(box: Mailbox, name: str = "dpo", more: str = "") -> str:
    """The lines of a channel to a mailbox."""
    return f"""
[channels.{name}]
kind = "email"
to = "{name}@house.test"
sender = "syncer@house.test"
host = "127.0.0.1"
port = {box.port}
{more}
"""


def hook_channel(name: str = "ops", more: str = "") -> str:
    """The lines of a channel to the receiver of the fixture `hooks`."""
    return HOOK.format(name=name, more=more)


def turn(alarms: Alarms) -> None:
    """One round of the job, and the end of what it began."""
    alarms.work()
    alarms.finish()


def alarms_of(app: App, **more: Any) -> Alarms:
    """The job of an installation; it looks at every round."""
    return Alarms(app, look_seconds=0, **more)


def hold(app: App, *signs: Sign) -> None:
    """Let exactly these conditions hold, whatever is true."""
    Board(app.transactions).update(Observed(signs, frozenset(KINDS)))


def whats(app: App, beginning: str = "alert:") -> list[str]:
    """The words of the log's entries that begin so, in order."""
    a = app.tables.audit.c
    with reading(app.engine) as connection:
        query = sa.select(a.what).where(a.what.like(f"{beginning}%")).order_by(a.seq)
        return list(connection.execute(query).scalars())


def rows(app: App, table: sa.Table) -> list[Any]:
    """Every row of a table."""
    with reading(app.engine) as connection:
        return list(connection.execute(sa.select(table)))
