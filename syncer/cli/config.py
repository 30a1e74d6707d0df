"""The command that shows the settings in force."""

from __future__ import annotations

import click

from syncer.cli.common import JSON, Context, common
from syncer.cli.help.shape import Command


@click.command(cls=Command)
@JSON
@common
def config(context: Context, as_json: bool) -> None:
    """Show the settings in force, and where each came from.

    That is the file, the environment or the default. It needs neither secrets nor a database. Passwords are not shown.
    """
    from syncer.app import effective_settings
    from syncer.cli.output import console, overview
    from syncer.cli.output.results import ConfigResult, LookupLine

    found = effective_settings(context.path)
    places = tuple(LookupLine(item.place, str(item.path) if item.path else None, item.found) for item in found.places)
    console.answer(ConfigResult(str(found.file), places, found.values), as_json, overview.settings)
