"""What a daemon says that must not write any more: the log is not the one that was signed. Nothing of it is a row."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import TYPE_CHECKING

from syncer.alerting import texts
from syncer.alerting.catalog import CRITICAL
from syncer.database.alerting.outbox import MessageRow
from syncer.domain.deadlines import local_day
from syncer.errors import SyncerError, UntrustedLog
from syncer.log import get_logger
from syncer.privacy.masking import visible
from syncer.service.alerts.channels.build import build
from syncer.service.alerts.channels.sender import Undelivered

if TYPE_CHECKING:
    from syncer.app import App

#: seconds that the end of the daemon waits for them
SECONDS = 20.0
_BODY = """\
CRITICAL: syncer has stopped and calls nobody any more: its log is not the one that was signed.

  {reason}

Requests wait, and their days run on. Keep database and files as they are, as evidence; docs/audit.md says what to do.

The log: {log}
"""


def say(app: App, error: UntrustedLog) -> None:
    """Tell every channel that wants to know of the proof, once; no channel and no failure stops another."""
    wanted = [name for name, channel in app.settings.channels.items() if "proof" in channel.topics]
    threads = [threading.Thread(target=_send, args=(app, name, error), daemon=True) for name in wanted]
    for thread in threads:
        thread.start()
    until = time.monotonic() + SECONDS
    for thread in threads:
        thread.join(max(until - time.monotonic(), 0.0))


def _send(app: App, name: str, error: UntrustedLog) -> None:
    log = get_logger("syncer.alerts")
    try:
        sender = build(name, app.settings.channels[name], app.clock, SECONDS - 1)
        sender.send(_message(app, name, error), None)
    except (Undelivered, SyncerError) as failure:
        log.error("alert.not_sent", channel=name, reason=str(failure))
    except Exception as failure:  # noqa: BLE001 — whatever a way out does, the daemon ends as it would have
        log.error("alert.not_sent", channel=name, error=type(failure).__name__)


def _message(app: App, name: str, error: UntrustedLog) -> MessageRow:
    now, reason, origin = app.clock(), str(visible(str(error))), app.settings.checkpoints.origin or "syncer"
    # the same name for the same trouble on the same day: of two daemons, and of one that is started again
    day = local_day(now, app.rule.zone)
    digest = hashlib.sha256(f"{origin} {day} {type(error).__name__} {reason}".encode()).hexdigest()
    subject = "[syncer] critical: stopped, the log is not the one that was signed"
    body = _BODY.format(reason=reason, log=visible(origin))
    return MessageRow(0, name, f"msg_{digest[:32]}", None, texts.RAISED, CRITICAL, subject, body, "[]", now)
