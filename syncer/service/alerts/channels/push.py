"""A message by whatever apprise reaches; the only module that loads it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from syncer.audit.anchors.cutoff import WHOLE
from syncer.database.alerting.outbox import MessageRow
from syncer.errors import SettingsProblem
from syncer.service.alerts.channels.sender import Attachment, Undelivered
from syncer.settings.alerting.channels import AppriseChannel
from syncer.settings.secret_file import secret

_TYPES = {"info": "info", "warning": "warning", "critical": "failure"}


class AppriseSender:
    """One or several of apprise's addresses, one a line. `table` names the settings, for errors."""

    def __init__(self, settings: AppriseChannel, table: str, seconds: float = WHOLE) -> None:
        apprise = _library(table)
        self._seconds = seconds
        self._services: Any = apprise.Apprise()
        url = secret(f"{table} url", settings.url_env, settings.url_file, "address")
        assert url is not None  # the settings name one place
        named: str | Path | None = settings.url_env or settings.url_file
        if not all(self._services.add(line.strip()) for line in url.splitlines() if line.strip()):
            raise SettingsProblem([f"{table} url: what {named} holds is no address that apprise knows; correct it"])

    def send(self, message: MessageRow, attachment: Attachment | None) -> None:
        """Send a message; an attachment stays away. Raises Undelivered."""
        result = self._services.notify(
            body=message.body,
            title=message.subject,
            notify_type=_TYPES.get(message.severity, "info"),
            body_format="text",
            interpret_escapes=False,
            timeout=self._seconds,
        )
        if not result:
            # each service by its kind and what became of it; its address is a secret
            failed = [f"{each.name} {each.status.name.lower()}" for each in result if not each]
            raise Undelivered(f"apprise says: {', '.join(failed) or 'not sent'}"[:255])


def _library(table: str) -> Any:
    try:
        import apprise
    except ImportError:
        remedy = "install list-syncer[apprise], or use email or webhook"
        raise SettingsProblem([f"{table} kind: apprise is not installed; {remedy}"]) from None
    if not hasattr(apprise, "AppriseResult") and not hasattr(apprise, "NotifyResult"):
        raise SettingsProblem([f"{table} kind: this apprise is too old; install apprise 2 or newer"])
    # its log prints the message when it looks closely, and hosts in its warnings; what became of a try is in the result
    log = logging.getLogger("apprise")
    log.setLevel(logging.WARNING)
    log.propagate = False
    log.addHandler(logging.NullHandler())
    return apprise
