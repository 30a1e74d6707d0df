"""Whether the channels and the heartbeat could be used: secrets, addresses, libraries; nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from importlib import util

from adapters.contract import Check
from syncer.errors import SettingsProblem
from syncer.settings.alerting.alerts import HeartbeatSettings
from syncer.settings.alerting.channels import AppriseChannel, Channel, EmailChannel, WebhookChannel
from syncer.settings.alerting.places import mail_password, web_address, webhook_key
from syncer.settings.checked import Settings
from syncer.settings.secret_file import secret


def run(settings: Settings) -> list[Check]:
    """Return a finding for each channel, and for the heartbeat; a warning is no failure."""
    return list(_findings(settings))


def _findings(settings: Settings) -> Iterator[Check]:
    for name, channel in settings.channels.items():
        yield _finding(f"channel {name}", partial(_channel, f"[channels.{name}]", channel))
    if settings.heartbeat is not None:
        yield _finding("heartbeat", partial(_heartbeat, settings.heartbeat))


def _finding(name: str, ask: Callable[[], str | None]) -> Check:
    try:
        doubt = ask()
    except SettingsProblem as problem:
        what, _, remedy = problem.problems[0].rpartition(";")
        return Check(name, False, what, remedy.strip())
    if doubt is not None:
        what, _, remedy = doubt.rpartition(";")
        return Check(name, True, what, remedy.strip(), warn=True)
    return Check(name, True, "can be used; nothing was sent")


def _channel(table: str, channel: Channel) -> str | None:
    """Return what is to be warned of. Raises SettingsProblem for what cannot be used."""
    if isinstance(channel, EmailChannel):
        mail_password(table, channel)
        if channel.travels_in_clear:
            return f'its mail leaves without TLS, so somebody on the way can read it; set {table} tls = "starttls"'
    elif isinstance(channel, WebhookChannel):
        web_address(table, channel.url_env, channel.url_file)
        webhook_key(table, channel)
    elif isinstance(channel, AppriseChannel):
        secret(f"{table} url", channel.url_env, channel.url_file, "address")
        if util.find_spec("apprise") is None:
            raise SettingsProblem([f"{table} kind: apprise is not installed; install list-syncer[apprise]"])
    return None


def _heartbeat(settings: HeartbeatSettings) -> None:
    web_address("[heartbeat]", settings.url_env, settings.url_file)
