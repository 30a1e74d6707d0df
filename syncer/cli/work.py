"""Commands that do the work: submit, run, drain, demo."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from syncer.cli.common import JSON, Context, common, legible, moment_of, read_addresses
from syncer.cli.help.shape import Command
from syncer.cli.output import stdout
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.app import App


@click.command(cls=Command)
@click.argument("right", metavar="RIGHT", type=click.Choice(["erasure", "objection"]))
@click.option("--file", "file", type=click.File("rb"), help="A list or a CSV export of addresses; default: stdin.")
@click.option(
    "--source",
    default="cli",
    show_default=True,
    callback=legible,
    help="Where the requests came from; at most 64 characters.",
)
@click.option(
    "--ref", callback=legible, help="Your own reference, at most 191 characters; the same again is the same request."
)
@click.option("--received", help="When you received them: YYYY-MM-DD, or ISO 8601; default: now.")
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
    """Queue requests; the addresses come from stdin or a file.

    RIGHT is `erasure` (Art. 17) or `objection` (Art. 21). One address a line, or a CSV export with a column of them.
    Prints the event key of each. An address that cannot be used is named by its line, queued, and held for a person.
    """
    from syncer.cli.output import console
    from syncer.cli.output.results import SubmitResult
    from syncer.intake.submit import Submission, require_usable
    from syncer.intake.submit import submit as queue

    with context.app() as app:
        app.trust.require()
        moment = moment_of(app, received, "--received") if received else app.clock()
        submission = Submission(right, source, ref, moment, app.clock(), as_written)
        require_usable(submission)  # before anybody types an address
        lines = read_addresses(file)
        keys, doubtful = queue(app.queue, app.keyring, submission, lines, app.withdrawals.withdrawn_among)
    for number, why in doubtful:
        stdout.remark(f"line {number}: the address cannot be used ({why}); it will be held for a person")
    console.answer(SubmitResult(tuple(keys)), as_json, lambda result: console.lines(result.event_keys))


#: what lets every destination be read only
SHADOW = click.option("--shadow", is_flag=True, help="Read everything, write nothing: see what would happen.")


@click.command(cls=Command)
@SHADOW
@common
def run(context: Context, shadow: bool) -> int:
    """Run the daemon: it takes, delivers and reads back, for good.

    SIGTERM and SIGINT let it finish the calls in hand and end, SIGHUP read its settings anew. It waits for a database
    that is away. It ends with 2 for what a person must mend, and with 1 for an error of its own, which a new start may
    get past.
    """
    from syncer.service.reload.orders import Orders

    with Orders() as orders:  # before all else takes its time: SIGHUP would end the process
        from syncer.cli.operate.shadow import settings_of

        settings = settings_of(context, shadow=shadow)
        from syncer.service.daemon import serve

        try:
            return serve(settings, orders, debug=context.debug, shadow=shadow)
        except UserError:
            raise
        except Exception as error:  # noqa: BLE001 — the supervisor must tell it from what only a person can mend
            stdout.remark(stdout.internal(error))
            return 1


@click.command(cls=Command)
@click.option(
    "--max-seconds", type=click.FloatRange(min=0), help="Stop after this many seconds, with what is left still due."
)
@SHADOW
@common
def drain(context: Context, max_seconds: float | None, shadow: bool) -> int:
    """Do what is due now, and end.

    What waits for a later try, or for a recheck, stays for the next run. A running daemon does the work in its stead.
    """
    from syncer.cli.operate.shadow import settings_of, tell
    from syncer.cli.output import console
    from syncer.log import configure
    from syncer.reports.status import needs_attention
    from syncer.service.drain import drain as work

    with context.app(settings=settings_of(context, shadow=shadow)) as app:
        if sys.stderr.isatty() and not context.debug:
            configure("error")  # the bar says how it goes
            result = _with_bar(app, max_seconds)
        else:
            result = work(app, max_seconds)
        app.notary.finish()
        status = app.status.read()
    tell(result.modes)
    console.line(
        f"taken {result.taken}; deliveries confirmed {result.confirmed}"
        + (f", passed on {result.passed_on}" if result.passed_on else "")
        + (f", not applicable {result.not_applicable}" if result.not_applicable else "")
        + f"; now held {result.held},"
        f" retrying {result.retrying}, still due {result.still_due}"
        + (f", waiting in the queue {result.waiting}" if result.waiting else "")
        + ("; another daemon did the work" if result.waited_for_owner else "")
    )
    for name, lane in status.destinations.items():
        if lane.shadow_since:
            console.line(f"{name}: in shadow mode, {lane.previewed} previewed and not carried out")
    if result.waiting:
        stdout.remark("time was up before every row was taken from the queue; run it again, or longer")
    if needs_attention(status):
        stdout.remark("something needs attention: `syncer status`, `syncer events --state held`")
        return 1
    return 1 if result.waiting else 0


def _with_bar(app: App, max_seconds: float | None) -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from syncer.service.drain import drain as work

    columns = (TextColumn("deliveries"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        return work(app, max_seconds, lambda now: bar.update(task, completed=now.through, total=now.through + now.open))


@click.command(cls=Command)
@click.option("--console", "with_console", is_flag=True, help="Fill three months, and open the web console on them.")
def demo(with_console: bool) -> int:
    """Try everything against the sandbox; no account needed.

    This machine plays the providers, with made-up people. It takes half a minute, and says which folder it leaves.

    With --console three months of requests are played, and the web console is opened on them at localhost, with a link
    to sign in for each role, until Ctrl-C; nothing is left then.
    """
    from syncer.cli.output.terminal import demo_console

    if with_console:
        from syncer.cli.operate.demo import run as show

        return show(demo_console())
    from syncer.setup.demo import run as play

    return play(demo_console())
