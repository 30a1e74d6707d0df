"""Commands that set up and do the work: init, check, db, submit, run, drain, demo."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from syncer.cli.common import JSON, Context, common, legible, moment_of, read_addresses
from syncer.cli.output import stdout
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.app import App

# -- set-up -------------------------------------------------------------------------------------------------


# -- the work -----------------------------------------------------------------------------------------------


@click.command()
@click.argument("right", type=click.Choice(["erasure", "objection"]))
@click.option("--file", "file", type=click.File("rb"), help="A list or a CSV export; default: stdin.")
@click.option("--source", default="cli", show_default=True, callback=legible, help="Where the requests came from.")
@click.option("--ref", callback=legible, help="Your own reference; the same again is the same request.")
@click.option("--received", help="When you received them, ISO 8601; default: now.")
@click.option("--as-written", is_flag=True, help="You vouch that addresses which look damaged are right.")
@JSON
@common
def submit(
    context: Context,
    right: str,
    file: BinaryIO | None,
    source: str,
    ref: str | None,
    received: str | None,
    as_written: bool,
    as_json: bool,
) -> None:
    """Queue requests; addresses come from stdin or a file, one a line or in one column. Prints the event keys."""
    from syncer.cli.output import console
    from syncer.cli.output.results import SubmitResult
    from syncer.intake.submit import Submission
    from syncer.intake.submit import submit as queue

    with context.app() as app:
        app.trust.require()
        moment = moment_of(app, received, "--received") if received else app.clock()
        lines = read_addresses(file)
        submission = Submission(right, source, ref, moment, app.clock(), as_written)
        keys, doubtful = queue(app.queue, app.keyring, submission, lines)
    for number, why in doubtful:
        stdout.remark(f"line {number}: the address cannot be used ({why}); it will be held for a person")
    console.answer(SubmitResult(tuple(keys)), as_json, lambda result: console.lines(result.event_keys))


@click.command()
@common
def run(context: Context) -> int:
    """Run the daemon: take, deliver, read back, until SIGTERM.

    It ends with 2 for what a person must mend, and with 1 for an error of its own, which a new start may get past.
    """
    from syncer.service.daemon import serve

    settings = context.settings()
    try:
        return serve(settings)
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 — the supervisor must tell it from what only a person can mend
        stdout.remark(stdout.internal(error))
        return 1


@click.command()
@click.option("--max-seconds", type=click.FloatRange(min=0), help="Stop after this many seconds.")
@common
def drain(context: Context, max_seconds: float | None) -> int:
    """Work until nothing is due now."""
    from syncer.cli.output import console
    from syncer.log import configure
    from syncer.reports.status import needs_attention
    from syncer.service.drain import drain as work

    with context.app() as app:
        if sys.stderr.isatty() and not context.debug:
            configure("error")  # the bar says how it goes
            result = _with_bar(app, max_seconds)
        else:
            result = work(app, max_seconds)
        app.notary.finish()
        status = app.status.read()
    console.line(
        f"taken {result.taken}, confirmed {result.confirmed}; now held {result.held}, retrying {result.retrying},"
        f" still due {result.still_due}" + ("; another daemon did the work" if result.waited_for_owner else "")
    )
    if needs_attention(status):
        stdout.remark("something needs attention: `syncer status`, `syncer events --state held`")
        return 1
    return 0


def _with_bar(app: App, max_seconds: float | None) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from syncer.service.drain import drain as work

    columns = (TextColumn("deliveries"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        return work(app, max_seconds, lambda now: bar.update(task, completed=now.done, total=now.done + now.open))


@click.command()
def demo() -> int:
    """Try the whole thing against the sandbox; no account needed."""
    from syncer.cli.output.console import demo_console
    from syncer.setup.demo import run as play

    return play(demo_console())
