"""Commands that read and prove: status, events, show, find, metrics, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.common import JSON, Context, common, list_events, moment_of, read_person, write_out

if TYPE_CHECKING:
    from collections.abc import Iterable

# -- reading ------------------------------------------------------------------------------------------------


@click.command()
@JSON
@common
def status(context: Context, as_json: bool) -> int:
    """Show what is open, held, late and paused."""
    from syncer.cli import printing
    from syncer.reports.reader import Reader, needs_attention

    app = context.app()
    try:
        found = Reader(app).status()
    finally:
        app.close()
    if as_json:
        printing.line(printing.as_json(found))
    else:
        printing.status(found)
    return 1 if needs_attention(found) else 0


@click.command()
@click.option("--state", type=click.Choice(["open", "held", "fulfilled", "overdue"]))
@click.option("--since", help="Received on or after: YYYY-MM-DD, or ISO 8601.")
@JSON
@common
def events(context: Context, state: str | None, since: str | None, as_json: bool) -> int:
    """List events with their deliveries."""
    from syncer.reports.reader import Reader

    app = context.app()
    try:
        moment = moment_of(app, since, "--since") if since else None
        found = Reader(app).events(state=state, since=moment)
    finally:
        app.close()
    return list_events(found, as_json)


@click.command()
@click.argument("event")
@JSON
@common
def show(context: Context, event: str, as_json: bool) -> int:
    """Show one event, its deliveries and its whole timeline. The first characters of its id suffice."""
    from syncer.cli import printing
    from syncer.reports.reader import Reader

    app = context.app()
    try:
        reader = Reader(app)
        found = reader.show(reader.resolve(event))
    finally:
        app.close()
    if as_json:
        printing.line(printing.as_json(found))
    else:
        printing.show(found)
    return 1 if found["state"] == "held" or found["overdue"] else 0


@click.command()
@JSON
@common
def find(context: Context, as_json: bool) -> int:
    """Find the events of a person: the address comes from stdin, and the look-up is audited."""
    from syncer.reports.reader import Reader

    app = context.app()
    try:
        ref = read_person(app, "find")
        found = Reader(app).events(subject=ref)
        app.access_log.looked_up(ref, len(found))
    finally:
        app.close()
    if not found and not as_json:
        click.echo("no event for this address")
        return 0
    return list_events(found, as_json)


@click.command()
@click.option("--textfile", type=click.Path(path_type=Path, dir_okay=False), help="For node_exporter; default: stdout.")
@common
def metrics(context: Context, textfile: Path | None) -> None:
    """Print the figures that the daemon hands out to Prometheus."""
    from syncer.cli import printing
    from syncer.service import metrics as figures

    app = context.app()
    try:
        if textfile is not None:
            figures.write(app, textfile)
        else:
            printing.line(figures.text(app).rstrip("\n"))
    finally:
        app.close()


# -- the propagation log -------------------------------------------------------------------------------------


@click.command()
@click.option("--format", "fmt", type=click.Choice(["text", "json", "csv", "html"]), default="text", show_default=True)
@click.option("--since", help="Received on or after: YYYY-MM-DD, or ISO 8601.")
@click.option("--until", help="Received before.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout.")
@common
def report(context: Context, fmt: str, since: str | None, until: str | None, out: Path | None) -> int:
    """Write the propagation log for compliance."""
    from syncer.reports.reader import Reader

    app = context.app()
    try:
        app.rollback.require_not_behind()  # before the first line: this command writes that it was run
        found = Reader(app).report(
            moment_of(app, since, "--since") if since else None, moment_of(app, until, "--until") if until else None
        )
        _, sha256 = write_out(_rendered(found, fmt), out)
        app.access_log.exported("report", fmt, sum(len(e["deliveries"]) for e in found["events"]), sha256)
    finally:
        app.close()
    counts = found["summary"]
    return 1 if counts["held"] or counts["overdue"] or not found["integrity"]["verified"] else 0


def _rendered(found: dict[str, Any], fmt: str) -> Iterable[str]:
    from syncer.cli import printing
    from syncer.reports import as_csv, as_text

    if fmt == "html":
        from syncer.reports.html.page import report_html

        return report_html(found)
    if fmt == "text":
        return [as_text.report_text(found)]
    return [as_csv.report_csv(found) if fmt == "csv" else printing.as_json(found) + "\n"]
