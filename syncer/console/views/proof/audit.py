"""`/audit/`: whether the log can be trusted, what is in it, and its proofs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, abort, request, url_for
from werkzeug.wrappers import Response

from syncer.audit.chain import WHATS
from syncer.audit.ledger import LogEntry
from syncer.console.access import needs, person
from syncer.console.desk import desk
from syncer.console.pages import announce, page, seen_other
from syncer.console.reading.audit_pages import AuditPages
from syncer.console.reading.unreadable import readable
from syncer.console.taking.export import Taken, handed_out
from syncer.console.taking.verifying import begin_verification, verifications
from syncer.console.views.look import words as wording
from syncer.console.views.look.asked import FOLLOWED
from syncer.console.views.proof.asked import audit_filter, one_of, words
from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.language.texts import N_
from syncer.reports.as_json import as_json
from syncer.reports.takeout.documents import AUDIT_FORMATS, audit_pieces
from syncer.reports.wording.words import in_brief

views = Blueprint("audit", __name__)
BEGUN = announce("verifying", N_("The verification has begun. This page says how it ended once it has."))


@dataclass(frozen=True, slots=True)
class EntryLine:
    """An entry in words."""

    entry: LogEntry
    said: str
    actor: str | None


@views.get("/audit/")
@needs(Permission.VIEW)
def audit() -> Response:
    """Show how the log stands, and its entries, newest first."""
    asked, app = words(("what", "by", "subject", "since", "until", "before", "follow")), desk().app
    wanted, follows = audit_filter(asked), one_of(asked, "follow", ("", FOLLOWED), "")
    found = AuditPages(app.engine, app.tables).page(wanted)
    with readable():
        standing = app.status.audit()
    running = verifications().last
    answer = page(
        "proof/audit.html",
        wanted=wanted,
        given=_given(),
        lines=[line_of(entry) for entry in found.entries],
        found=found,
        older=_older(found.older),
        standing=standing,
        verifying=running,
        kinds=[(what, _kind(what)) for what in sorted(WHATS)],
        formats=AUDIT_FORMATS,
    )
    if running is not None and running.running and follows:
        answer.headers["Refresh"] = follows
    return answer


@views.get("/audit/<int:seq>")
@needs(Permission.VIEW)
def entry(seq: int) -> Response:
    """Show one entry with all that the log has of it."""
    app = desk().app
    whole = AuditPages(app.engine, app.tables).whole(seq) if seq < 2**63 else None
    if whole is None:
        abort(404)
    with readable():
        newest, last = app.checkpoints.newest(), app.ledger.head()[0]
    signed = newest is not None and newest.size >= seq
    return page(
        "proof/entry.html",
        line=line_of(whole.entry),
        kind=_kind(whole.entry.what),
        whole=whole,
        signed=signed,
        is_last=seq >= last,
    )


@views.post("/audit/verify")
@needs(Permission.EXPORT)
def verify() -> Response:
    """Begin to verify the whole log."""
    begin_verification(desk().acting(), person().name)
    return seen_other("audit.audit", said=BEGUN)


@views.post("/audit/export")
@needs(Permission.EXPORT)
def export() -> Response:
    """Hand out every entry of the log."""
    fmt = one_of(words(("format",), request.form), "format", AUDIT_FORMATS, "jsonl")

    def make(_opened: ExitStack) -> Taken:
        pieces = audit_pieces(desk().app.ledger.rows(), fmt)
        return Taken("audit", fmt, "syncer-audit", pieces, lambda count: count - (fmt != "jsonl"))

    return handed_out(make)


@views.post("/audit/<int:seq>/proof")
@needs(Permission.EXPORT)
def prove(seq: int) -> Response:
    """Hand out the proof that an entry stands in the signed log."""
    app = desk().app
    if seq >= 2**63 or AuditPages(app.engine, app.tables).whole(seq) is None:
        abort(404)
    try:
        proof = app.checkpoints.prove(seq)
    except UserError:
        return page("proof/unsigned.html", 409, seq=seq, every=app.settings.checkpoints.every_minutes)
    text = as_json(proof) + "\n"
    return handed_out(lambda _opened: Taken("proof", "json", f"syncer-proof-{seq}", [text], lambda count: count))


def line_of(entry: LogEntry) -> EntryLine:
    """Return an entry in words."""
    return EntryLine(entry, wording.entry(entry), None if entry.actor is None else wording.who(entry.actor))


def _kind(what: str) -> str:
    """Return a kind of entry in a few words, without what differs from entry to entry."""
    return in_brief(what)


def _given() -> dict[str, str]:
    """Return the filter as it was typed, for its form."""
    return {name: request.args.get(name, "") for name in ("what", "by", "subject", "since", "until")}


def _older(before: int | None) -> str | None:
    """Return the way to the next page, with the same filter."""
    if before is None:
        return None
    kept: dict[str, Any] = {name: value for name, value in _given().items() if value}
    return url_for("audit.audit", **kept, before=before)
