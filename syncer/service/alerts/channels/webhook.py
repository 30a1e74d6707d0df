"""A message as a signed POST of JSON, as https://www.standardwebhooks.com says it."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import datetime

from syncer.audit.anchors.cutoff import WHOLE
from syncer.audit.anchors.web import NoAnswer, exchange
from syncer.clock import stamp
from syncer.database.alerting.outbox import MessageRow
from syncer.service.alerts.channels.sender import Attachment, SwitchedOff, Undelivered
from syncer.settings.alerting.channels import WebhookChannel
from syncer.settings.alerting.places import web_address, webhook_key


class WebhookSender:
    """A receiver and the secret that it shares. `table` names the settings, for errors."""

    def __init__(
        self, settings: WebhookChannel, table: str, clock: Callable[[], datetime], seconds: float = WHOLE
    ) -> None:
        self._url = web_address(table, settings.url_env, settings.url_file)
        self._key = webhook_key(table, settings)
        self._clock = clock
        self._seconds = seconds

    def send(self, message: MessageRow, attachment: Attachment | None) -> None:
        """Post a message; an attachment stays away. Raises Undelivered, and SwitchedOff for 410."""
        content = _payload(message)
        # of this attempt, not of the message: receivers refuse what is older than minutes
        at = str(int(self._clock().timestamp()))
        signed = hmac.digest(self._key, b".".join((message.message_id.encode(), at.encode(), content)), "sha256")
        headers = {
            "content-type": "application/json",
            "user-agent": "syncer",
            "webhook-id": message.message_id,
            "webhook-timestamp": at,
            "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
        }
        try:
            status, _ = exchange("POST", self._url, content, headers, self._seconds)
        except NoAnswer as error:
            raise Undelivered(f"the receiver {error}") from None
        if status == 410:
            raise SwitchedOff("the receiver answered 410: it wants no message any more")
        if not 200 <= status < 300:
            raise Undelivered(f"the receiver answered {status}")


def _payload(message: MessageRow) -> bytes:
    """Return the body; a retry has the same."""
    content = {
        "type": f"syncer.alert.{message.kind}",
        "timestamp": stamp(message.created_at),
        "data": {
            "severity": message.severity,
            "subject": message.subject,
            "text": message.body,
            "answers": message.answers,
            "alerts": json.loads(message.alerts),
        },
    }
    return json.dumps(content, separators=(",", ":")).encode()
