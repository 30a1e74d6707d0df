"""Commands that set up: init, check, db."""

from __future__ import annotations

import click

from syncer.cli.common import HOST, JSON, Context, common
from syncer.cli.help.completion import destinations
from syncer.cli.help.shape import Command, Group
from syncer.errors import UserError

#: the accounts whose rights can be tried: all of `syncer.setup.grants` but `migrate`, which may do everything
ACCOUNTS = ("producer", "daemon", "reader", "console_reader", "console", "retention")


@click.command(cls=Command)
@common
def init(context: Context) -> None:
    """Create the key file, the tables and the queue table.

    Running it again is harmless.
    """
    from syncer.cli.output import console
    from syncer.setup.install import steps

    for line in steps(context.settings()):
        console.line(line)


@click.command(cls=Command)
@click.option(
    "--try",
    "tried",
    metavar="DESTINATION",
    shell_complete=destinations,
    help="Try a destination with one invented contact.",
)
@click.option("--domain", help="A domain of your own, for the invented contact's address.")
@click.option("--in", "place", metavar="ID", help="The audience or list to try it in, by its id there.")
@click.option("--yes", is_flag=True, help="Carry the trial out.")
@click.option("--account", type=click.Choice(ACCOUNTS), help="Log in as this account and try what it must be refused.")
@JSON
@common
def check(
    context: Context,
    tried: str | None,
    domain: str | None,
    place: str | None,
    yes: bool,
    account: str | None,
    as_json: bool,
) -> int:
    """Check settings, key file, database and every destination.

    FAIL comes with its remedy; `warn` works, and wants a look. What a failure at a destination would fail too is not
    tried.

    With --account only the rights of one account of `syncer db grants` are tried; its URL comes from
    SYNCER_DATABASE__URL, and SYNCER_QUEUE__URL where the queue lies elsewhere.
    """
    from syncer.cli.output import console, printing

    if tried is not None and account is None:
        return _try(context, tried, domain, place, yes, as_json)
    if domain is not None or place is not None or yes or tried is not None:
        raise UserError("check: --domain, --in and --yes belong to --try DESTINATION, and --account stands alone")
    from syncer.cli.output.results import CheckResult, check_line
    from syncer.setup import check as checks

    found = checks.run(context.settings()) if account is None else checks.run_as(context.settings(), account)
    lines = tuple(map(check_line, found))
    result = CheckResult(all(item.ok for item in lines), lines)
    console.answer(result, as_json, printing.checks)
    return 0 if result.ok else 1


def _try(context: Context, name: str, domain: str | None, place: str | None, yes: bool, as_json: bool) -> int:
    """Show what a trial will do and, on the operator's word, do it."""
    from syncer.cli.output import console, printing
    from syncer.cli.output.results import TrialResult
    from syncer.setup import trial

    if domain is None:
        raise UserError("check: --try needs --domain, a domain of your own for the invented contact's address")
    with context.app() as app:
        plan = trial.plan(app, name, domain, place)
        if not as_json:
            printing.trial_plan(name, plan.address, plan.sentences)
        steps = trial.carry_out(app, plan, (lambda _: None) if as_json else printing.trial_step) if yes else ()
    result = TrialResult(name, yes, all(step.ok for step in steps), plan.sentences, steps)
    console.answer(result, as_json, printing.trial_end)
    return 0 if result.ok else 1


@click.group(cls=Group)
def db() -> None:
    """Bring the database up to date, print its accounts."""


@db.command()
@click.option("--dry-run", is_flag=True, help="Print the statements and the rows they touch; change nothing.")
@common
def upgrade(context: Context, dry_run: bool) -> None:
    """Bring the database's tables up to date.

    After an upgrade of syncer. An SQLite file is backed up first, beside itself. Running it again is harmless, also
    where it was killed.
    """
    from syncer.cli.output import console
    from syncer.setup.install import upgrade as upgrade_database
    from syncer.setup.install import upgrade_plan

    if not dry_run:
        console.line(upgrade_database(context.settings()))
        return
    plan = upgrade_plan(context.settings())
    console.lines(f"{statement};" for statement in plan.statements)
    console.lines(f"-- touches {name}: {rows} rows" for name, rows in plan.touched)
    what = "nothing to do" if plan.before == plan.after else f"from {plan.before} to {plan.after}"
    console.line(f"-- {what}; nothing was changed")


@db.command()
@HOST
@common
def grants(context: Context, host: str) -> None:
    """Print the accounts with the least privileges they need, as SQL.

    It is for the server's administrator, and changes nothing by itself. SQLite has no accounts.
    """
    from syncer.cli.output import console
    from syncer.setup.grants import installation_statements

    console.block(installation_statements(context.settings(), host).removesuffix("\n"))
