"""The command that hands a person's page out: dossier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from syncer.cli.common import JSON, Context, common, read_person, write_out
from syncer.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command()
@click.argument("event", required=False)
@click.option("--format", "fmt", type=click.Choice(["html", "json"]), help="Default: html; JSON holds the full proofs.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Default: stdout.")
@JSON
@common
def dossier(context: Context, event: str | None, fmt: str | None, out: Path | None, as_json: bool) -> int:
    """Write one page for one person: what was asked, who was told, what they did, and the proofs.

    The person is the one who made EVENT (the first characters of its id suffice); without it the address comes from
    stdin. All requests of the person are on the page, and the address is not. Look-up and export are audited.
    """
    from syncer.reports import dossier as dossiers

    if as_json and fmt == "html":
        raise UserError("dossier: --json and --format html are two things; give one of them")
    fmt = "json" if as_json else fmt or "html"
    app = context.app()
    try:
        app.rollback.require_not_behind()  # before the first line: this command writes that it was run
        found = (
            dossiers.of_event(app, event) if event is not None else dossiers.of_person(app, read_person(app, "dossier"))
        )
        if not found["events"] and fmt == "html":
            click.echo("no event for this address; no dossier was written", err=True)
            return 0
        _, sha256 = write_out(_rendered(found, fmt), out)
        app.access_log.exported("dossier", fmt, len(found["events"]), sha256)
    finally:
        app.close()
    return 1 if dossiers.needs_attention(found) else 0


def _rendered(found: dict[str, Any], fmt: str) -> Iterable[str]:
    from syncer.cli import printing

    if fmt == "json":
        return [printing.as_json(found) + "\n"]
    from syncer.reports.html.page import dossier_html

    return dossier_html(found)
