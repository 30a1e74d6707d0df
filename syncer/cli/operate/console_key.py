"""`syncer console key`: the key file of the web console, derived from the installation's."""

from __future__ import annotations

from pathlib import Path

import click

from syncer.cli.common import Context, common
from syncer.cli.help.shape import Command


@click.command(cls=Command)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The file to make.")
@common
def key(context: Context, out: Path) -> None:
    """Make the key file of the web console.

    It finds people and writes the log; it opens no address and signs no checkpoint. A file is never overwritten. It
    must belong to the user that the console runs as. After `syncer key rotate` make it anew.
    """
    from syncer.cli.output import console
    from syncer.privacy import console_key
    from syncer.privacy.keyring import Keyring

    versions = Keyring.load(context.settings().identity.key_file).versions
    console_key.create(out, versions)
    console.line(f"{out}: made from key {versions[-1].key_id}; let [console] key_file name it")
