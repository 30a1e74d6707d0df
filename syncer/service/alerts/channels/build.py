"""Builds the sender that a table of the settings names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from syncer.audit.anchors.cutoff import WHOLE
from syncer.service.alerts.channels.sender import Sender
from syncer.settings.alerting.channels import Channel, EmailChannel, WebhookChannel


def build(name: str, channel: Channel, clock: Callable[[], datetime], seconds: float = WHOLE) -> Sender:
    """Return the sender of [channels.NAME], reading its secrets. Raises SettingsProblem."""
    table = f"settings.toml: [channels.{name}]"
    if isinstance(channel, EmailChannel):
        from syncer.service.alerts.channels.mail import MailSender

        return MailSender(channel, table, seconds)
    if isinstance(channel, WebhookChannel):
        from syncer.service.alerts.channels.webhook import WebhookSender

        return WebhookSender(channel, table, clock, seconds)
    from syncer.service.alerts.channels.push import AppriseSender

    return AppriseSender(channel, table, seconds)
