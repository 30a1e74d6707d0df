"""Commands for WordPress: install the plugin, print the grants, sweep, dismiss an alarm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.common import HOST, JSON, REASON, Context, common, require_reason
from syncer.cli.help.shape import Group
from syncer.cli.output import stdout
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.intake.wordpress.bridge import WordPress


@click.group(cls=Group)
def wordpress() -> None:
    """Connect WordPress: plugin, grants, sweep."""


@wordpress.command()
@click.option("--wp-content", "content", required=True, help="WordPress' wp-content folder, or - for stdout.")
def install(content: str) -> None:
    """Copy the must-use plugin into wp-content/mu-plugins.

    Again is harmless, and is how the plugin is upgraded.
    """
    from syncer.cli.output.stdout import document
    from syncer.intake.wordpress.plugin import install as copy
    from syncer.intake.wordpress.plugin import plugin

    document(plugin() if content == "-" else f"{copy(Path(content))}\n")


@wordpress.command()
@click.option("--site", "sites", type=click.IntRange(min=1), multiple=True, help="A site of a network; repeat it.")
@HOST
@common
def grants(context: Context, sites: tuple[int, ...], host: str) -> None:
    """Print the SQL that gives syncer its rights in WordPress' database.

    A new account stays locked until it has a password.
    """
    from syncer.cli.output import console
    from syncer.intake.wordpress.grants import statements, unlocking

    settings = context.settings()
    console.lines(statements(settings, sorted(set(sites)) or [1], host))
    stdout.remark(f"if the account is new, it is locked; choose a password: {unlocking(settings, host)}")


@wordpress.command()
@click.option("--dry-run", is_flag=True, help="Only say how many would be queued.")
@JSON
@common
def sweep(context: Context, dry_run: bool, as_json: bool) -> int:
    """Queue the erasure requests of WordPress that were missed.

    Every request there is compared with what was queued. The daemon does it every few minutes.
    """
    from syncer.cli.output import console, overview
    from syncer.cli.output.results import SweepResult

    with _opened(context) as bridge:
        swept, state = bridge.preview() if dry_run else bridge.sweep(), bridge.state()
    console.answer(
        SweepResult(swept.sites, swept.requests, swept.missed, swept.refused, state.alarms),
        as_json,
        lambda result: overview.swept(result.missed, result.refused, state, dry=dry_run),
    )
    return 1 if state.alarms else 0


@wordpress.command()
@click.argument("request")
@REASON
@common
def dismiss(context: Context, request: str, reason: str) -> None:
    """Dismiss the alarm about a request, after a person looked into it.

    REQUEST (blog:request) vanished or was refused; `syncer status` names it.
    """
    from syncer.cli.output import console

    require_reason(reason)
    if not re.fullmatch(r"[0-9]{1,10}:[0-9]{1,20}", request):
        raise UserError("REQUEST: write it as `syncer status` does, like 1:344121")
    with _opened(context) as bridge:
        bridge.dismiss(request, reason)
    console.line(f"{request}: dismissed")


@contextmanager
def _opened(context: Context) -> Iterator[WordPress]:
    with context.app() as app:
        if app.wordpress is None:
            raise UserError(f"{app.settings.path}: there is no table [wordpress]; add it, an empty one will do")
        yield app.wordpress
