"""Commands that set up: init, check, db."""

from __future__ import annotations

import click

from syncer.cli.common import JSON, Context, common


@click.command()
@common
def init(context: Context) -> None:
    """Create the key file, the tables and the queue table; running it again is harmless."""
    from syncer.setup.install import steps

    for line in steps(context.settings()):
        click.echo(line)


@click.command()
@JSON
@common
def check(context: Context, as_json: bool) -> int:
    """Check settings, key file, database and every destination; name the remedy for what fails."""
    from syncer.cli.output import console, printing
    from syncer.cli.output.results import CheckLine, CheckResult
    from syncer.setup import check as checks

    lines = tuple(CheckLine(item.name, item.ok, item.detail, item.remedy) for item in checks.run(context.settings()))
    result = CheckResult(all(item.ok for item in lines), lines)
    console.answer(result, as_json, printing.checks)
    return 0 if result.ok else 1


@click.group()
def db() -> None:
    """The database: migrations and accounts."""


@db.command()
@common
def upgrade(context: Context) -> None:
    """Bring the database's tables up to date."""
    from syncer.setup.install import upgrade as upgrade_database

    click.echo(upgrade_database(context.settings()))


@db.command()
@click.option("--host", default="localhost", show_default=True, help="Where a MariaDB account connects from.")
@common
def grants(context: Context, host: str) -> None:
    """Print the accounts with the least privileges they need, as SQL for the server's administrator."""
    from syncer.setup.grants import installation_statements

    click.echo(installation_statements(context.settings(), host), nl=False)
