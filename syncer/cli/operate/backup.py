"""Commands for backups: make one, check one, put one back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.common import Context, common
from syncer.cli.help.shape import Command
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.setup.backup.make import Backup

FILE = click.Path(path_type=Path, dir_okay=False)


@click.command(cls=Command)
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False, metavar="[DIR]")
@click.option("--keep", type=click.IntRange(min=1, max=10_000), metavar="N", help="Keep the N newest, remove older.")
@click.option("--check", "checked", type=FILE, metavar="FILE", help="Verify a backup again, instead of making one.")
@common
def backup(context: Context, folder: Path | None, keep: int | None, checked: Path | None) -> int:
    """Back the database up, and verify the backup.

    It is restored into a scratch database and its log verified before it counts. The key file is never in it. Keep
    it encrypted, and no longer than needed: it brings erased people back.
    """
    from syncer.cli.output import console

    if (folder is None) == (checked is None) or (checked is not None and keep is not None):
        raise UserError("backup: name a folder to write to, or --check FILE; --keep goes with the folder")
    from syncer.setup.backup.stopping import stopped_in_order

    if checked is not None:
        from syncer.setup.backup.restore import check

        with stopped_in_order():
            found = check(context.settings(), checked)
        console.line(f"{checked}: whole; {found.entries} entries verified, made {found.made}, schema {found.schema}")
        return 0
    assert folder is not None
    from syncer.setup.backup.make import make

    with stopped_in_order(), context.app() as app:
        made = make(app, folder, keep)
    _show(made)
    return 0 if made.unverified is None else 1


def _show(made: Backup) -> None:
    from syncer.cli.output import console, stdout

    manifest = made.manifest
    verified = "restored and verified" if made.unverified is None else "not verified"
    console.line(f"{made.file}: {manifest.size} octets, {manifest.entries} entries, {verified}")
    console.line(f"SHA-256 {manifest.sha256}")
    console.lines(f"{file}: removed" for file in made.removed)
    for remark in made.remarks:
        stdout.remark(f"warning: {remark}")
    if made.unverified is not None:
        stdout.remark(f"{made.file}: {made.unverified}; until then it does not count as a backup")


@click.command(cls=Command)
@click.argument("file", type=FILE)
@click.option("--into", required=True, metavar="URL", help="The empty database; its password stays in the settings.")
@common
def restore(context: Context, file: Path, into: str) -> None:
    """Put a backup into an empty database.

    Stop every daemon and console first. It refuses a database that is in use or filled, a newer schema, and a file
    that is not the one in its manifest; then it says what comes next.
    """
    from syncer.cli.output import console
    from syncer.setup.backup.restore import next_steps
    from syncer.setup.backup.restore import restore as put_back

    settings = context.settings()
    found = put_back(settings, file, into)
    console.line(f"restored: {found.entries} entries, as of {found.made}; next, before any daemon starts:")
    console.lines(f"  {step}" for step in next_steps(settings, file, found, into))
