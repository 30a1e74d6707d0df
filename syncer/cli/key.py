"""Commands for the key: create, list, rotate."""

from __future__ import annotations

import click

from syncer.cli.common import JSON, REASON, Context, common, require_reason
from syncer.cli.help.shape import Group
from syncer.cli.output import stdout


@click.group(cls=Group)
def key() -> None:
    """Make, list and replace the key."""


@key.command()
@common
def create(context: Context) -> None:
    """Make the key file.

    It needs no database, and never overwrites a key. Back it up, apart from the database.
    """
    from syncer.cli.output import console
    from syncer.setup.install import make_key

    console.line(make_key(context.settings().identity.key_file))


@key.command("list")
@JSON
@common
def list_(context: Context, as_json: bool) -> None:
    """Show the ids, days and states of the keys, never a key."""
    from syncer.cli.output import console, printing
    from syncer.cli.output.results import ListedKey
    from syncer.privacy.keyring import Keyring

    versions = Keyring.load(context.settings().identity.key_file).versions
    shown = tuple(ListedKey(version.key_id, version.created, version.state) for version in versions)
    console.answer(shown, as_json, printing.keys)


@key.command()
@REASON
@click.option("--yes", is_flag=True, help="Carry the plan out.")
@common
def rotate(context: Context, reason: str, yes: bool) -> None:
    """Replace the key, as after a leak.

    Shows its plan, and changes nothing until --yes. Old requests are still found by address.
    Killed or failed half-way, the same command finishes it.
    """
    from syncer.cli.output import console
    from syncer.setup import rotation

    require_reason(reason)
    settings = context.settings()
    if yes:
        for line in rotation.carry_out(settings, reason):
            console.line(line)
        return
    plan = rotation.plan(settings)
    if plan.begun:
        console.line("a rotation was interrupted; this finishes it")
    console.lines(f"{number}. {step}" for number, step in enumerate(plan.steps, 1))
    stdout.remark("nothing was changed; --yes carries it out")
