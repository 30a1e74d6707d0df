"""The propagation log and the dossier, each as one HTML file: no script, nothing from elsewhere, all escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from syncer.domain.codes import meaning
from syncer.privacy.masking import visible
from syncer.reports.html.dossier_view import ASKED, DossierView
from syncer.reports.html.report_view import ReportView, rechecking
from syncer.reports.words import RIGHTS, STATES, sentence, step_line

#: what a cell says: shorter than STATES, which stands in the legend; the style sheet puts a sign before each
BRIEF = {
    "pending": "waiting",
    "retrying": "tried again",
    "applied": "being read back",
    "confirmed": "confirmed",
    "held": "needs a person",
    "exempt": "exempt",
    "open": "under way",
    "fulfilled": "carried out",
}


def report_html(found: dict[str, Any]) -> Iterator[str]:
    """Yield the propagation log as pieces of one HTML file, ready to be written."""
    yield from _page("report", ("report.css",), found=found, view=ReportView(found))


def dossier_html(found: dict[str, Any]) -> Iterator[str]:
    """Yield a person's dossier as pieces of one HTML file, ready to be written."""
    yield from _page("dossier", ("report.css", "dossier.css"), found=found, view=DossierView(found))


def _page(name: str, sheets: Iterable[str], **values: Any) -> Iterator[str]:
    folder = files("syncer.reports.html").joinpath("templates")
    style = "".join(folder.joinpath(sheet).read_text(encoding="utf-8") for sheet in sheets)
    stream = (
        environment()
        .get_template(f"{name}.html")
        .stream(
            **values,
            # the policy of the file allows this very style sheet and nothing else
            style=Markup(style),  # noqa: S704 — our own files, shipped beside the templates
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii"),
        )
    )
    stream.enable_buffering(500)
    yield from stream


def _time(moment: str | None) -> str:
    # to the minute: the second stands in the audit
    return Markup("<time>{} {}Z</time>").format(moment[:10], moment[11:16]) if moment else "-"


def _code(text: str) -> Markup:
    """Mark what stands between backticks as a command."""
    parts = str(visible(text)).split("`")
    marked = (Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts))
    return Markup("").join(marked)


def environment() -> Environment:
    """Return the templates' environment: every value is escaped, masked and made visible; a missing one is a bug."""
    found = Environment(
        loader=PackageLoader("syncer.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    found.filters |= {"time": _time, "code": _code, "meaning": meaning, "sentence": sentence, "step": step_line}
    found.globals |= {"RIGHTS": RIGHTS, "ASKED": ASKED, "STATES": STATES, "BRIEF": BRIEF, "rechecking": rechecking}
    return found
