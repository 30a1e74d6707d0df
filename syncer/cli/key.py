"""Commands for the key file: create, list."""

from __future__ import annotations

import click

from syncer.cli.common import JSON, Context, common


@click.group()
def key() -> None:
    """The key file: make one, and see which keys it holds."""


@key.command()
@common
def create(context: Context) -> None:
    """Make the key file; it needs no database, and never overwrites one."""
    from syncer.cli.output import console
    from syncer.setup.install import make_key

    console.line(make_key(context.settings().identity.key_file))


@key.command("list")
@JSON
@common
def list_(context: Context, as_json: bool) -> None:
    """Show the ids, days and states of the keys in the file; never a key."""
    from syncer.cli.output import console, printing
    from syncer.cli.output.results import ListedKey
    from syncer.privacy.keyring import Keyring

    versions = Keyring.load(context.settings().identity.key_file).versions
    shown = tuple(ListedKey(version.key_id, version.created, version.state) for version in versions)
    console.answer(shown, as_json, printing.keys)
