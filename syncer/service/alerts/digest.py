"""The digest: how things stand, on a day and time of the week, also when nothing happened."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from syncer.alerting import texts
from syncer.alerting.catalog import INFO, title
from syncer.clock import stamp
from syncer.database.alerting import board, outbox
from syncer.database.alerting import signs as sql
from syncer.database.alerting.board import AlertRow
from syncer.database.alerting.outbox import MessageRow
from syncer.database.connections import reading
from syncer.database.failures import retry_on_conflict
from syncer.domain.endings import UNSEEN
from syncer.log import get_logger
from syncer.privacy.masking import visible
from syncer.reports.wording.words import verification
from syncer.service.alerts.channels.sender import Attachment
from syncer.settings.alerting.channels import Channel, EmailChannel

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.reports.views import StatusView

DAY = timedelta(days=1)
#: days of the report that a digest brings along, and the most requests and bytes of it: a mail is no archive
REPORT_DAYS = 31
MOST_REQUESTS = 5_000
MOST_BYTES = 8 * 1024 * 1024


class Digests:
    """Writes the digests of one installation."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._log = get_logger("syncer.alerts")

    def write_due(self) -> None:
        """Write the digest to every channel that wants it, once its moment has come."""
        app, now = self._app, self._app.clock()
        moment = app.settings.alerts.digest_moment(now, app.settings.deadlines.zone)
        if moment is None:
            return
        with reading(app.engine) as connection:
            standing = outbox.channels(connection, app.tables)
        for name, channel in app.settings.channels.items():
            row = standing.get(name)
            before = row.digest_at if row is not None else None
            if "digest" not in channel.topics or (row is not None and row.off_at is not None):
                continue
            # a new channel's first digest comes when it is time, and the next one of a clock that was set back since
            if before is None or before - now > DAY:
                self._note(name, moment)
            elif before < moment:
                self._write(name, channel, moment, before)

    @retry_on_conflict
    def _note(self, name: str, moment: datetime) -> None:
        with self._app.transactions.write() as tx:
            outbox.digest_written(tx.connection, self._app.tables, name, moment)

    def _write(self, name: str, channel: Channel, moment: datetime, before: datetime) -> None:
        subject, body = self.text(before, report=isinstance(channel, EmailChannel) and channel.report)
        self._put(name, moment, subject, body)

    @retry_on_conflict
    def _put(self, name: str, moment: datetime, subject: str, body: str) -> None:
        app = self._app
        with app.transactions.write() as tx:
            message = MessageRow(0, name, texts.new_message_id(), None, texts.DIGEST, INFO, subject, body, "[]", tx.now)
            outbox.put(tx.connection, app.tables, message, tx.now)
            outbox.digest_written(tx.connection, app.tables, name, moment)

    # -- what it says ---------------------------------------------------------------------------------------

    def text(self, since: datetime, *, report: bool = False) -> tuple[str, str]:
        """Return subject and text; what happened is counted since a moment (UTC)."""
        app = self._app
        status = app.status.read()
        with reading(app.engine) as connection:
            alerts = board.open_alerts(connection, app.tables)
            back = sql.entries(connection, app.tables, "delivery:reappeared", stamp(since))
        open_ones = (
            f"{len(alerts)} {'alert is' if len(alerts) == 1 else 'alerts are'} open" if alerts else "all is well"
        )
        lines = [
            *_section("What needs somebody", _alerts(alerts)),
            *_section("Where things stand", _standing(status)),
            *_section("Deletions begun within 24 hours", _deletions(status)),
            *_section("People who came back since the last digest", _back(back)),
            *_section("The proof", _proof(status)),
        ]
        if report:
            lines += [f"Attached: the report of the last {REPORT_DAYS} days, unless it is too large for a mail.", ""]
        if app.settings.console is not None:
            lines += [f"The console: {app.settings.console.url}", ""]
        lines += [f"The log: {visible(status.audit.origin)}", ""]
        return texts.cut(f"[syncer] digest: {open_ones}"), "\n".join(lines)

    # -- what it brings along -------------------------------------------------------------------------------

    def attachment(self, message: MessageRow) -> Attachment | None:
        """Return the report that goes with a digest, where its channel wants it and it fits into a mail."""
        channel = self._app.settings.channels.get(message.channel)
        if message.kind != texts.DIGEST or not isinstance(channel, EmailChannel) or not channel.report:
            return None
        return self._report(message.created_at)

    def _report(self, until: datetime) -> Attachment | None:
        from syncer.reports.html.page import report_html

        app = self._app
        with app.propagation.report(until - timedelta(days=REPORT_DAYS), None) as report:
            if len(report.register) > MOST_REQUESTS:
                self._log.warning("digest.report_too_large", count=len(report.register))
                return None
            content = "".join(report_html(report.log, app.settings.controller.language)).encode()
            number = report.deliveries
        if len(content) > MOST_BYTES:
            self._log.warning("digest.report_too_large", count=len(content))
            return None
        app.access_log.exported("report", "html", number, hashlib.sha256(content).hexdigest(), [])
        return Attachment(f"syncer-report-{until:%Y-%m-%d}.html", content)


def _section(head: str, lines: Iterator[str]) -> Iterator[str]:
    yield head
    yield from (f"  {line}" for line in lines)
    yield ""


def _alerts(alerts: list[AlertRow]) -> Iterator[str]:
    for alert in alerts[: texts.SHOWN]:
        told = "not seen any more, ends by itself" if alert.gone_since else texts.facts(alert.facts)
        words = f"{alert.severity.upper()}: {visible(title(alert.condition, alert.scope))}"
        yield f"{words} ({told})" if told else words
    if len(alerts) > texts.SHOWN:
        yield f"… and {len(alerts) - texts.SHOWN} more: `syncer alerts`"
    if not alerts:
        yield "nothing"


def _standing(status: StatusView) -> Iterator[str]:
    events = status.events
    yield f"open requests: {events.open}, of which {events.overdue} late"
    yield f"waiting for a person's decision: {events.held}"
    yield f"closed: {events.fulfilled}, of which {events.answered_late} answered late"
    if status.queue.waiting:
        yield f"rows in the queue: {status.queue.waiting}"
    for name, lane in status.destinations.items():
        if unseen := sum(lane.by_state[state] for state in UNSEEN):
            yield f"{visible(name)}: {unseen} closed without being read back there"
        if lane.paused:
            yield f"{name} is paused"
    yield f"running daemons: {len(status.daemons)}"


def _deletions(status: StatusView) -> Iterator[str]:
    for name, lane in status.destinations.items():
        if (guard := lane.guard) is not None:
            limit = f"of {guard.limit} allowed" if guard.limit is not None else "THE GUARD IS OFF: [guard] enabled"
            waiting = f"; {guard.waiting} wait" + (" for a person" if guard.since else "") if guard.waiting else ""
            yield f"{visible(name)}: {guard.counted}, {limit}{waiting}"


def _back(found: Mapping[str, int]) -> Iterator[str]:
    for name, number in sorted(found.items()):
        yield f"{visible(name)}: {number}"
    if not found:
        yield "nobody"


def _proof(status: StatusView) -> Iterator[str]:
    audit = status.audit
    yield f"last full verification: {verification(audit.last_verification)}"
    yield f"entries in the log: {audit.entries}, signed up to {audit.checkpoint.size if audit.checkpoint else 'none'}"
    for name, anchor in audit.anchors.items():
        at = anchor.at.strftime("%Y-%m-%d %H:%MZ") if anchor.at else "never"
        yield f"notes at {visible(name)}: {at}" + (", failing" if anchor.failing_since else "")
