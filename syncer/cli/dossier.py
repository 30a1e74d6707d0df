"""The command that hands a person's page out: dossier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.common import (
    JSON,
    LANGUAGE,
    OUT,
    Context,
    common,
    format_of,
    language_of,
    read_person,
    write_out,
)
from syncer.cli.help.completion import events
from syncer.cli.help.shape import Command
from syncer.cli.output import stdout

if TYPE_CHECKING:
    from syncer.app import App
    from syncer.reports.dossier import DossierFacts, Requests

#: seconds for the anchors when a checkpoint had to be made; the daemon brings the note to those that need longer
PATIENCE = 10.0


@click.command(cls=Command)
@click.argument("event", required=False, shell_complete=events)
@click.option("--format", "fmt", type=click.Choice(["html", "json"]), help="Default: html; JSON holds the full proofs.")
@LANGUAGE
@OUT
@JSON
@common
def dossier(
    context: Context, event: str | None, fmt: str | None, language: str | None, out: Path | None, as_json: bool
) -> int:
    """Write one page for one person.

    What was asked, who was told, what they did, and the proofs. The person is the one who made EVENT (its case
    number, or the first characters of its id); without it the address comes from stdin. All requests of the person
    are on the page, and the address is not. Choose the person's language. Look-up and export are audited.
    """
    from syncer.reports.dossier import needs_attention
    from syncer.reports.takeout.documents import dossier_pieces

    fmt = format_of(fmt, as_json, "html")
    with context.app() as app:
        spoken = language_of(app, language, fmt)
        app.trust.require()  # before the first line: this command writes that it was run
        if event is not None:
            requests = app.dossiers.of_event(event)
        else:
            requests = app.dossiers.of_person(*read_person(app, "dossier"))
        facts = look_up(app, requests)
        if not facts.events and fmt == "html":
            stdout.remark("no event for this address; no dossier was written")
            return 1
        _, sha256 = write_out(dossier_pieces(facts, fmt, spoken), out, fmt)
        app.access_log.exported("dossier", fmt, len(facts.events), sha256)
    return 1 if needs_attention(facts) or not facts.events else 0


def look_up(app: App, requests: Requests) -> DossierFacts:
    """Audit that somebody looks the person up, see that what is to be proven is signed, and return the dossier.

    The anchors get a checkpoint that is made for it as they get every other.
    """
    from syncer.reports.takeout import looking_up

    def sign() -> None:
        app.checkpoints.make("dossier")
        app.notary.publish(seconds=PATIENCE)

    return looking_up.look_up(app.dossiers, app.access_log, requests, sign)
