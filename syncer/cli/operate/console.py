"""The command of the web console."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from syncer.cli.common import Context, common, settle_down
from syncer.cli.help.shape import ActingGroup
from syncer.cli.operate.console_key import key
from syncer.cli.output import stdout
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.settings.checked import Settings

MISSING = "syncer console needs what is not installed here; install it with: pip install list-syncer[console]"


@click.group(cls=ActingGroup, invoke_without_command=True)
@common
def console(context: Context) -> int:
    """Run the web console: pages for people who have no shell.

    The table [console] of the settings says where. It prints its address, waits for a database that is away, and ends
    by SIGTERM and SIGINT. It needs no key of a provider and does no work of the daemon's: `syncer run` does that.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return 0
    settings = context.settings()
    try:
        from syncer.console.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in ("syncer", "adapters"):
            raise
        raise UserError(MISSING) from None
    settle_down()
    try:
        serve(settings, lambda: _tell(settings))
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 — systemd must tell it from what only a person can mend
        stdout.remark(stdout.internal(error))
        return 1
    return 0


console.add_command(key)


def _tell(settings: Settings) -> None:
    from syncer.cli.output import console as output

    assert settings.console is not None  # or nothing would serve
    output.line(f"{settings.console.url} (listening on {settings.console.listen})")
    sys.stdout.flush()
