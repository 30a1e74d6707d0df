"""A person's dossier, and the proofs of one request, for whoever asks what became of them."""

from __future__ import annotations

import time
from contextlib import ExitStack

from flask import Blueprint, abort, request
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import page
from syncer.console.reading.unreadable import readable
from syncer.console.taking.export import Taken, handed_out
from syncer.console.views.proof.asked import is_pseudonym, one_of, words
from syncer.domain.permissions import Permission
from syncer.errors import UserError
from syncer.language.texts import LANGUAGES, spoken
from syncer.reports.dossier import DossierFacts, Requests
from syncer.reports.takeout.documents import DOSSIER_FORMATS, dossier_pieces
from syncer.reports.takeout.looking_up import look_up

views = Blueprint("dossier", __name__)
proof_views = Blueprint("proofs", __name__)
#: pseudonyms that somebody can have had: no key is replaced more often
MOST_REFS = 50
#: seconds that somebody waits for a signature, of which the daemon makes one within ten, and between two looks
PATIENCE, LOOKS_EVERY = 20.0, 0.5


class NotSigned(Exception):
    """Raised where an entry that is to be proven is not signed yet, and this process cannot sign."""


@views.post("/dossier")
@views.post("/people/<ref>/dossier")
@views.post("/requests/<event_id>/dossier")
@needs(Permission.EXPORT)
def dossier(ref: str | None = None, event_id: str | None = None) -> Response:
    """Hand out the dossier of a person, or of whoever made a request; the address names them, or the form does.

    `also` are pseudonyms, separated by commas, that the person had under older keys.
    """
    asked = words(("format", "language", "ref", "also", "event_id"), request.form)
    ref, event_id = ref or asked.get("ref"), event_id or asked.get("event_id")
    fmt = one_of(asked, "format", DOSSIER_FORMATS, "html")
    language = one_of(asked, "language", LANGUAGES, spoken())
    requests = _of_event(event_id) if event_id is not None else _of_person(ref, asked.get("also", ""))
    if not requests.events:
        abort(404)
    return _handed_out("dossier", requests, fmt, language)


@proof_views.post("/proofs")
@proof_views.post("/requests/<event_id>/proofs")
@needs(Permission.EXPORT)
def proofs(event_id: str = "") -> Response:
    """Hand out one request with the proofs of its entries, as `syncer audit check-proof` reads it."""
    event_id = event_id or words(("event_id",), request.form).get("event_id", "")
    requests = _of_event(event_id)
    wanted = desk().app.reader.resolve(event_id)
    one = tuple(event for event in requests.events if event.id == wanted)
    return _handed_out("proofs", Requests(requests.subject, one), "json", spoken())


def _of_person(ref: str | None, also: str) -> Requests:
    refs = [each for each in (ref or "", *also.split(",")) if each]
    if not refs or len(refs) > MOST_REFS or not all(map(is_pseudonym, refs)):
        abort(404)
    with readable():
        return desk().app.dossiers.of_person(*refs)


def _of_event(event_id: str) -> Requests:
    try:
        with readable():
            return desk().app.dossiers.of_event(event_id)
    except UserError:  # there is none, or several begin so
        abort(404)


def _handed_out(kind: str, requests: Requests, fmt: str, language: str) -> Response:
    name = f"syncer-{kind}-{requests.events[-1].case or requests.events[-1].id}"

    def make(_opened: ExitStack) -> Taken:
        facts = _looked_up(requests)
        return Taken(kind, fmt, name, dossier_pieces(facts, fmt, language), lambda _count: len(facts.events))

    try:
        return handed_out(make)
    except NotSigned:
        return page("proof/unsigned.html", 409, seq=None, every=desk().app.settings.checkpoints.every_minutes)


def _looked_up(requests: Requests) -> DossierFacts:
    """Audit the look-up and return the dossier. Raises NotSigned where nobody signs in time."""
    app = desk().acting()

    def sign() -> None:
        """Wait for the daemon, which has the key. Raises NotSigned where none runs, or it is busy."""
        size = app.checkpoints.size()
        app.checkpoints.wish()
        deadline = time.monotonic() + PATIENCE
        while app.presence.running() and time.monotonic() < deadline:
            if (newest := app.checkpoints.newest()) is not None and newest.size >= size:
                return
            time.sleep(LOOKS_EVERY)
        raise NotSigned

    return look_up(app.dossiers, app.access_log, requests, sign)
