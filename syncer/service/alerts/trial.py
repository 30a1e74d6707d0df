"""A message to try a channel with, sent at once by whoever asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncer.alerting.trial import put_trial
from syncer.service.alerts.post import post_of

if TYPE_CHECKING:
    from syncer.app import App


def send_trial(app: App, channel: str) -> str | None:
    """Send a trial to a channel; return why it was not accepted, None where it was. One that was off is on again."""
    log = app.origins.current()
    with app.transactions.write() as tx:
        message = put_trial(tx, app.tables, channel, log, None)
    return post_of(app).send(message)
