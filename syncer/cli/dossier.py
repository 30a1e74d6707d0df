"""The command that hands a person's page out: dossier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from syncer.cli.common import JSON, OUT, Context, common, format_of, read_person, write_out
from syncer.cli.help.completion import events
from syncer.cli.help.shape import Command
from syncer.cli.output import stdout

if TYPE_CHECKING:
    from collections.abc import Iterable

    from syncer.app import App
    from syncer.reports.dossier import DossierFacts, Requests

#: seconds for the anchors when a checkpoint had to be made; the daemon brings the note to those that need longer
PATIENCE = 10.0


@click.command(cls=Command)
@click.argument("event", required=False, shell_complete=events)
@click.option("--format", "fmt", type=click.Choice(["html", "json"]), help="Default: html; JSON holds the full proofs.")
@OUT
@JSON
@common
def dossier(context: Context, event: str | None, fmt: str | None, out: Path | None, as_json: bool) -> int:
    """Write one page for one person.

    What was asked, who was told, what they did, and the proofs. The person is the one who made EVENT (its case
    number, or the first characters of its id); without it the address comes from stdin. All requests of the person
    are on the page, and the address is not. Look-up and export are audited.
    """
    from syncer.reports.dossier import needs_attention

    fmt = format_of(fmt, as_json, "html")
    with context.app() as app:
        app.trust.require()  # before the first line: this command writes that it was run
        if event is not None:
            requests = app.dossiers.of_event(event)
        else:
            requests = app.dossiers.of_person(*read_person(app, "dossier"))
        facts = look_up(app, requests)
        if not facts.events and fmt == "html":
            stdout.remark("no event for this address; no dossier was written")
            return 1
        _, sha256 = write_out(_rendered(facts, fmt), out, fmt)
        app.access_log.exported("dossier", fmt, len(facts.events), sha256)
    return 1 if needs_attention(facts) or not facts.events else 0


def look_up(app: App, requests: Requests) -> DossierFacts:
    """Audit that somebody looks the person up, see that what is to be proven is signed, and return the dossier.

    The anchors get a checkpoint that is made for it as they get every other.
    """
    nobody_known = requests.subject is None
    app.access_log.looked_up(requests.subject, len(requests.events), requests.events[0].id if nobody_known else None)
    history = app.dossiers.history(requests)
    if app.dossiers.unproven(history):
        app.checkpoints.make("dossier")
        app.notary.publish(seconds=PATIENCE)
    return app.dossiers.facts(history)


def _rendered(facts: DossierFacts, fmt: str) -> Iterable[str]:
    if fmt == "json":
        from syncer.reports.as_json import as_json

        return [as_json(facts) + "\n"]
    from syncer.reports.html.page import dossier_html

    return dossier_html(facts)
