"""Commands of alerts: what is open, a trial of a channel, an acknowledgement, the digest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from syncer.cli.common import JSON, REASON, Context, common, day_of, legible, require_reason
from syncer.cli.help.shape import ActingGroup, Command
from syncer.cli.output import stdout
from syncer.errors import UserError

if TYPE_CHECKING:
    from datetime import datetime

    from syncer.alerting.overview import AlertsView
    from syncer.app import App

#: days for which an alert can be silenced at most
LONGEST = 90
NO_CHANNEL = "no [channels.NAME] in the settings: nobody is told of anything; see docs/alerts.md"


@click.group(cls=ActingGroup, invoke_without_command=True)
@JSON
@common
def alerts(context: Context, as_json: bool) -> int | None:
    """Show what people are told of, and try the channels.

    Alone it lists the open alerts, who was told of them, and how each channel stands.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return None
    from syncer.alerting.overview import overview
    from syncer.cli.output import console

    with context.app() as app:
        view = overview(app.engine, app.tables, app.settings.channels)
    console.answer(view, as_json, _show)
    if not view.channels:
        stdout.remark(NO_CHANNEL)
    failing = any(channel.off or channel.failing_since for channel in view.channels)
    return 1 if view.alerts or failing else 0


def _show(view: AlertsView) -> None:
    from syncer.alerting.texts import facts
    from syncer.cli.output import console

    for alert in view.alerts:
        console.line(f"{alert.id}  {alert.severity.upper()}  {alert.title}")
        seen = facts(alert.facts)
        if alert.gone_since:
            seen = f"not seen any more since {alert.gone_since:%Y-%m-%d %H:%MZ}, the daemon ends it"
        told = f"told: {', '.join(alert.told)}" if alert.told else "nobody was told yet"
        quiet = f"; no reminder before {alert.quiet_until:%Y-%m-%d %H:%MZ}" if alert.quiet_until else ""
        console.line(f"   since {alert.raised_at:%Y-%m-%d %H:%MZ}; {seen}{'; ' if seen else ''}{told}{quiet}")
        console.line(f"   {alert.todo}")
    if not view.alerts:
        console.line("no alert is open")
    for channel in view.channels:
        last = f"last message {channel.sent_at:%Y-%m-%d %H:%MZ}" if channel.sent_at else "no message yet"
        waiting = f"; {channel.waiting} waiting" if channel.waiting else ""
        state = f"; {_trouble(channel.failing_since, channel.error, off=channel.off)}"
        console.line(f"channel {channel.name} ({channel.kind}): {last}{waiting}{state if len(state) > 2 else ''}")


def _trouble(since: datetime | None, error: str | None, *, off: bool) -> str:
    if off:
        return "OFF: its receiver wants no message any more; `syncer alerts test` tries it again"
    return f"FAILING since {since:%Y-%m-%d %H:%MZ}: {error}" if since else ""


@alerts.command(cls=Command)
@click.argument("name", required=False, callback=legible)
@common
def test(context: Context, name: str | None) -> int:
    """Send a trial by every channel, or by NAME alone, now.

    A channel that its receiver switched off is on again once a trial is accepted.
    """
    from syncer.cli.output import console
    from syncer.service.alerts.trial import send_trial

    with context.app() as app:
        channels = app.settings.channels
        if not channels:
            raise UserError(f"alerts test: {NO_CHANNEL}")
        if name is not None and name not in channels:
            raise UserError(f"alerts test: there is no [channels.{name}]; there is {', '.join(channels)}")
        failed = False
        for each in [name] if name is not None else channels:
            reason = send_trial(app, each)
            failed = failed or reason is not None
            console.line(f"{each}: {'sent' if reason is None else f'not sent: {reason}'}")
    return 1 if failed else 0


@alerts.command(cls=Command)
@click.argument("alert", type=click.IntRange(1, 2**63 - 1), metavar="ID")
@click.option("--until", required=True, help="The day before which nobody is reminded: YYYY-MM-DD.")
@REASON
@common
def ack(context: Context, alert: int, until: str, reason: str) -> int:
    """Take an alert: nobody is reminded of it before a day.

    Whoever was told still hears when it is over. ID is its number in `syncer alerts`.
    """
    from syncer.alerting.board import Board
    from syncer.cli.output import console

    require_reason(reason)
    with context.app() as app:
        taken = Board(app.transactions).acknowledge(alert, _until(app, until), reason)
    if taken is None:
        raise UserError(f"alerts ack: no alert {alert} is open; `syncer alerts` lists them")
    console.line(f"alert {alert}: no reminder before {until}")
    return 0


def _until(app: App, text: str) -> datetime:
    from datetime import UTC, datetime, time, timedelta

    day, zone = day_of(text, "--until"), app.settings.deadlines.zone
    today = app.clock().astimezone(zone).date()
    if not today < day <= today + timedelta(days=LONGEST):
        raise UserError(f"--until: name a day after today, and within {LONGEST} days")
    return datetime.combine(day, time(), zone).astimezone(UTC)


@alerts.command(cls=Command)
@click.option("--print", "printed", is_flag=True, help="Print it; nothing is sent.")
@common
def digest(context: Context, printed: bool) -> int:
    """Print the digest as it would be sent now.

    The daemon sends it, as [alerts] digest and digest_at say.
    """
    from datetime import timedelta

    from syncer.cli.output import console
    from syncer.service.alerts.digest import Digests

    if not printed:
        raise UserError("alerts digest: the daemon sends it at its time; `syncer alerts digest --print` shows it")
    with context.app() as app:
        days = 1 if app.settings.alerts.digest == "daily" else 7
        subject, body = Digests(app).text(app.clock() - timedelta(days=days))
    console.block(f"{subject}\n\n{body}")
    return 0
