"""The style sheet and the script, under addresses that name what they hold."""

from __future__ import annotations

from flask import Blueprint, Response, abort

from syncer.console.access import for_machines
from syncer.console.pages import MEDIA, static_content, static_digest
from syncer.console.reading.requests.rows import UNREADABLE

views = Blueprint("static_files", __name__)


@views.get("/static/<digest>/<name>")
@for_machines
def file(digest: str, name: str) -> Response:
    """Return a file of ours; what is asked for under another digest is not here."""
    try:
        content = static_content(name)
    except FileNotFoundError:
        abort(404)
    if digest != static_digest(name):
        abort(404)
    answer = Response(content, mimetype=None, content_type=MEDIA[name.rpartition(".")[2]])
    answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer


@views.get("/healthz")
@for_machines
def health() -> Response:
    """Say whether pages can be answered, and nothing else."""
    from syncer.console.desk import desk

    try:
        desk().app.ledger.head()  # what is an outage becomes a 503
    except UNREADABLE:  # as does a log whose end nobody can read
        abort(503)
    return Response("ok\n", content_type="text/plain; charset=utf-8")
