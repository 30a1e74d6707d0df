"""`/reports/`: the propagation log to take out, and what was taken out before."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from flask import Blueprint, request
from werkzeug.wrappers import Response

from syncer.audit.ledger import LogEntry
from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import page
from syncer.console.reading.audit_pages import AuditFilter, AuditPages
from syncer.console.taking.export import Taken, handed_out
from syncer.console.views.look.words import who
from syncer.console.views.proof.asked import number, one_of, span, words
from syncer.domain.permissions import Permission
from syncer.language.texts import N_, _, spoken
from syncer.reports.takeout.documents import REPORT_FORMATS, report_pieces

views = Blueprint("reports", __name__)
FORMATS = {
    "html": N_("A page to read and print (HTML)"),
    "csv": N_("A table for a spreadsheet (CSV)"),
    "json": N_("For machines (JSON)"),
    "text": N_("Plain text"),
}
KINDS = {
    "report": N_("Report"),
    "dossier": N_("A person's dossier"),
    "proofs": N_("A request with its proofs"),
    "audit": N_("The whole audit"),
    "proof": N_("Proof of one entry"),
}


@dataclass(frozen=True, slots=True)
class ExportLine:
    """An export that was made before. All but number and moment is None where the entry was purged."""

    entry: LogEntry
    actor: str | None
    kind: str | None
    fmt: str | None
    rows: int | None
    sha256: str | None


@views.get("/reports/")
@needs(Permission.VIEW)
def reports() -> Response:
    """Show the form of a report, and the exports that were made."""
    app = desk().app
    wanted = AuditFilter(what="report:exported", before=number(words(("before",)).get("before")))
    found = AuditPages(app.engine, app.tables).page(wanted)
    return page(
        "proof/reports.html",
        exports=[_line(entry) for entry in found.entries],
        older=found.older,
        formats=[(fmt, _(FORMATS[fmt])) for fmt in REPORT_FORMATS],
    )


@views.post("/reports/")
@needs(Permission.EXPORT)
def make() -> Response:
    """Hand out the propagation log of a span of days of receipt."""
    asked = words(("since", "until", "format"), request.form)
    since, until = span(asked, desk().zone)
    fmt = one_of(asked, "format", REPORT_FORMATS, "html")

    def made(opened: ExitStack) -> Taken:
        report = opened.enter_context(desk().app.propagation.report(since, until))
        name = "-".join(["syncer-report", *(asked[each] for each in ("since", "until") if each in asked)])
        return Taken("report", fmt, name, report_pieces(report.log, fmt, spoken()), lambda _count: report.deliveries)

    return handed_out(made)


def _line(entry: LogEntry) -> ExportLine:
    facts = entry.facts or {}
    kind, fmt, rows, sha256 = (facts.get(name) for name in ("kind", "format", "rows", "sha256"))
    return ExportLine(
        entry,
        None if entry.actor is None else who(entry.actor),
        _(KINDS[kind]) if isinstance(kind, str) and kind in KINDS else kind,
        fmt,
        rows,
        sha256,
    )
