"""Commands that read and prove: status, events, show, find, metrics, report."""

from __future__ import annotations

from pathlib import Path

import click

from syncer.cli.common import (
    EVENT,
    JSON,
    LANGUAGE,
    OUT,
    Context,
    common,
    format_of,
    language_of,
    legible,
    list_events,
    read_person,
    span_of,
)
from syncer.cli.help.completion import destinations
from syncer.cli.help.shape import Command
from syncer.domain.rights import ACCEPTED_RIGHTS, Right

# -- reading ------------------------------------------------------------------------------------------------


@click.command(cls=Command)
@click.option(
    "--watch",
    "every",
    type=click.IntRange(1, 86400),
    is_flag=False,
    flag_value=5,
    metavar="[SECONDS]",
    help="Show it again and again, every 5 seconds or as given, until Ctrl-C.",
)
@JSON
@common
def status(context: Context, every: int | None, as_json: bool) -> int:
    """Show what is open, held, late and paused.

    One screen: the requests, each destination, the daemons, WordPress, the log's proof. A destination counts apart what
    was closed there without being read back. With --watch and --json, each status is one line.
    """
    if every is not None:
        from syncer.cli.operate.status_watch import watch

        return watch(context, every, as_lines=as_json)
    from syncer.cli.output import console, overview
    from syncer.reports.status import needs_attention

    with context.app() as app:
        view = app.status.read()
    console.answer(view, as_json, overview.status)
    return 1 if needs_attention(view) else 0


@click.command(cls=Command)
@click.option(
    "--state",
    type=click.Choice(["open", "held", "fulfilled", "overdue", "late"]),
    help="Only these; overdue: open past the day, late: overdue, or answered late.",
)
@click.option("--since", help="Received on or after: YYYY-MM-DD, or ISO 8601.")
@click.option("--until", help="Received before: YYYY-MM-DD, or ISO 8601.")
@click.option("--destination", callback=legible, shell_complete=destinations, help="Only events that were sent there.")
@click.option("--right", type=click.Choice([right.value for right in sorted(ACCEPTED_RIGHTS)]), help="Only this right.")
@click.option("--limit", type=click.IntRange(min=1), help="The newest so many.")
@JSON
@common
def events(
    context: Context,
    state: str | None,
    since: str | None,
    until: str | None,
    destination: str | None,
    right: str | None,
    limit: int | None,
    as_json: bool,
) -> int:
    """List requests and where they stand.

    Each is an event with one delivery for each destination, the oldest first.
    """
    from syncer.decisions.interventions import require_lane
    from syncer.events.reading.selection import EventFilter

    with context.app() as app:
        first, end = span_of(app, since, until)
        if destination is not None:
            require_lane(app.leases, app.settings.destinations, destination)
        wanted = EventFilter(
            state, first, end, destination=destination, right=Right(right) if right is not None else None
        )
        return list_events(app.reader.stream(wanted, limit), as_json)


@click.command(cls=Command)
@EVENT
@JSON
@common
def show(context: Context, event: str, as_json: bool) -> int:
    """Show one request with its whole timeline.

    EVENT is its case number, or the first characters of its id.
    """
    from syncer.cli.output import console, printing

    with context.app() as app:
        history = app.reader.show(app.reader.resolve(event))
    console.answer(history, as_json, printing.show)
    return 1 if history.waits_for_a_person else 0


@click.command(cls=Command)
@JSON
@common
def find(context: Context, as_json: bool) -> int:
    """Find a person's requests; the address comes from stdin.

    The command line would show the address to others on this machine. The look-up is audited, by pseudonym.
    """
    from syncer.cli.output import console

    with context.app() as app:
        refs = read_person(app, "find")
        views = app.reader.events(subject=refs)
        app.access_log.looked_up(refs[0], len(views))
    if not views and not as_json:
        console.line("no event for this address")
    waits = list_events(views, as_json) if views or as_json else 0
    return waits if views else 1


@click.command(cls=Command)
@OUT
@click.option(
    "--textfile", hidden=True, type=click.Path(path_type=Path, dir_okay=False), help="An older name of --out."
)
@common
def metrics(context: Context, out: Path | None, textfile: Path | None) -> None:
    """Print the figures for Prometheus.

    The daemon hands out the same with `[metrics] listen`. A file is written in one step, as node_exporter wants it.
    """
    from syncer.cli.output import console
    from syncer.service import metrics as figures

    with context.app() as app:
        if file := out or textfile:
            figures.write(app, file)
        else:
            console.block(figures.text(app).rstrip("\n"))


# -- the propagation log -------------------------------------------------------------------------------------


@click.command(cls=Command)
@click.option("--format", "fmt", type=click.Choice(["text", "json", "csv", "html"]), help="Default: text.")
@click.option("--since", help="Received on or after: YYYY-MM-DD, or ISO 8601.")
@click.option("--until", help="Received before: YYYY-MM-DD, or ISO 8601.")
@LANGUAGE
@OUT
@JSON
@common
def report(
    context: Context,
    fmt: str | None,
    since: str | None,
    until: str | None,
    language: str | None,
    out: Path | None,
    as_json: bool,
) -> int:
    """Write the propagation log for compliance.

    What was asked, what each destination did and how that was read back, what is late or waits for a person, what
    people decided, and what proves it. It holds no address. The export is audited with its SHA-256. Of more than 10,000
    requests, FILE is an index of FILE-001, FILE-002 and so on, each with 10,000; standard output gets all in one.
    """
    from syncer.cli.output.report_files import write_report
    from syncer.reports.propagation import needs_attention

    fmt = format_of(fmt, as_json, "text")
    with context.app() as app:
        period, spoken = span_of(app, since, until), language_of(app, language, fmt)
        app.trust.require()  # before the first line: this command writes that it was run
        with app.propagation.report(*period) as report:
            sha256, parts = write_report(report, out, fmt, spoken)
        app.access_log.exported("report", fmt, report.deliveries, sha256, parts)
    return 1 if needs_attention(report.log) else 0
