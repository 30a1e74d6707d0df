"""Rows of alerts that somebody else wrote to: each is named in the log, and no alarm stops for it."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa

from syncer.alerting.catalog import CRITICAL, Sign
from syncer.app import App
from syncer.console.reading.alerts import read_alerts
from syncer.database.connections import writing
from syncer.log import configure
from syncer.service.alerts.alarms import Alarms
from syncer.service.alerts.post import post_of
from syncer.service.alerts.telling import telling_of
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.receivers.alerting import alarms_of, hold, mail_channel
from tests.support.receivers.smtp import Mailbox

pytestmark = pytest.mark.slow

#: what SQLite keeps in a column, and times that are some, with which no time zone can be reckoned
ODD = (
    "'soon'", "x'ff00'", "CAST(x'ffc3' AS TEXT)", "9223372036854775807", "-1", "1e300", "'a' || char(0) || 'b'",
    "'9999-12-31 23:59:59.000000'", "'0001-01-01 00:00:00.000000'",
)  # fmt: skip
COLUMNS = {
    "alert": "condition scope open_as topic severity facts raised_at cleared_at quiet_until gone_since",
    "alert_told": "alert_id channel message_id severity told_at",
    "alert_message": "channel message_id answers kind severity subject body alerts created_at next_try_at attempts"
    " sent_at given_up_at error",
    "alert_channel": "name failing_since off_at sent_at error digest_at",
    "duty": "name owner lease_until",
}
EVERY = [(table, column) for table, columns in COLUMNS.items() for column in columns.split()]


def late(number: int) -> Sign:
    return Sign("overdue", CRITICAL, {"requests": number}, f"place-{number}")


def is_told(app: App, clock: Clock, box: Mailbox, number: int) -> bool:
    """Let a condition hold, and say whether somebody is told within two minutes."""
    hold(app, late(number))
    clock.advance(minutes=2)
    telling_of(app).tell()
    carry = post_of(app)
    for _ in range(3):
        carry.work()
        carry.collect(5)
    return any(f"place-{number}" in raw.decode(errors="replace") or _named(raw, number) for raw in box.raw)


def _named(raw: bytes, number: int) -> bool:
    return f'"requests": {number}' in raw.decode(errors="replace") or f"requests: {number}" in raw.decode("utf-8")


def write(app: App, table: str, column: str, value: str) -> None:
    """Write to the newest row of a table, with other means than syncer's; a message is one that waits."""
    name = f"syncer_{table}"
    with writing(app.engine) as connection:
        newest = f"WHERE rowid = (SELECT max(rowid) FROM {name})"
        if table == "alert_message":
            connection.execute(sa.text(f"UPDATE {name} SET next_try_at = '2020-01-01 00:00:00.000000' {newest}"))
        assert connection.execute(sa.text(f"UPDATE {name} SET {column} = {value} {newest}")).rowcount == 1


@pytest.mark.parametrize(("table", "column"), EVERY)
def test_whatever_stands_in_a_row_the_round_goes_on_and_the_next_alert_is_told(
    with_channels: Make, clock: Clock, box: Mailbox, table: str, column: str
) -> None:
    app = with_channels(mail_channel(box))
    alarms_of(app).work()
    assert is_told(app, clock, box, 1)

    for number, value in enumerate(ODD, start=2):
        write(app, table, column, value)
        read_alerts(app.engine, app.tables, app.settings.channels, None)
        alarms: Alarms = alarms_of(app)
        alarms.work()
        alarms.finish()

        assert is_told(app, clock, box, number), value


def test_every_column_of_these_tables_is_tried_but_for_the_numbers_that_sqlite_gives(with_channels: Make) -> None:
    app = with_channels("")
    numbers = {("alert", "id"), ("alert_message", "id")}

    assert {(name, column.key) for name in COLUMNS for column in getattr(app.tables, name).c} - numbers == set(EVERY)


def test_a_damaged_row_is_named_in_the_log_once_and_its_alert_is_told_anew(
    with_channels: Make, clock: Clock, box: Mailbox
) -> None:
    app, out = with_channels(mail_channel(box)), io.StringIO()
    assert is_told(app, clock, box, 1)
    before = len(box.raw)
    write(app, "alert", "raised_at", "'never'")
    configure("info", out, json=True)

    for _ in range(2):
        alarms_of(app).look()
    configure("warning")

    assert out.getvalue().count('"alerts.row_damaged"') == 1
    assert "syncer_alert: raised_at" in out.getvalue()
    assert "never" not in out.getvalue()
    assert is_told(app, clock, box, 1) and len(box.raw) == before + 1
