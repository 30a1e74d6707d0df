"""A message to try a channel with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from syncer.alerting import texts
from syncer.alerting.catalog import INFO
from syncer.audit.transaction import Transaction
from syncer.database.alerting import outbox
from syncer.database.alerting.outbox import MessageRow
from syncer.database.tables import Tables

_BODY = """\
This is a trial: nothing has happened. Alerts of syncer reach you by the channel "{channel}".

The log: {log}
"""


def put_trial(tx: Transaction, tables: Tables, channel: str, log: str, next_try_at: datetime | None) -> MessageRow:
    """Write a trial to a channel and return it; a daemon sends it at `next_try_at` (UTC), none does for None.

    `log` is the name of the log, which every message bears.
    """
    subject = "[syncer] a trial: nothing has happened"
    body = _BODY.format(channel=channel, log=log)
    message = MessageRow(0, channel, texts.new_message_id(), None, texts.TEST, INFO, subject, body, "[]", tx.now)
    return replace(message, id=outbox.put(tx.connection, tables, message, next_try_at))
