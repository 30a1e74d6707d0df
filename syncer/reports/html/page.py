"""The propagation log and the dossier, each as one HTML file: no script, nothing from elsewhere, all escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from syncer.clock import stamp
from syncer.domain.codes import meaning
from syncer.privacy.masking import escaped, visible
from syncer.reports.dossier import DossierFacts
from syncer.reports.html.dossier_texts import ASKED
from syncer.reports.html.dossier_view import DossierView
from syncer.reports.html.report_view import ReportView
from syncer.reports.propagation import PropagationLog
from syncer.reports.views import EventView
from syncer.reports.wording.cases import case
from syncer.reports.wording.words import RIGHTS, STATES, sentence, step_line, verification, who

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


def report_html(log: PropagationLog) -> Iterator[str]:
    """Yield the propagation log as pieces of one HTML file, ready to be written."""
    yield from _page("report", ("report.css",), log=log, view=ReportView(log))


def dossier_html(facts: DossierFacts) -> Iterator[str]:
    """Yield a person's dossier as pieces of one HTML file, ready to be written."""
    yield from _page("dossier", ("report.css", "dossier.css"), facts=facts, view=DossierView(facts))


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


def _time(moment: datetime | str | None) -> str:
    # to the minute: the second stands in the audit
    text = stamp(moment) if isinstance(moment, datetime) else moment
    return Markup("<time>{} {}Z</time>").format(text[:10], text[11:16]) if text else "-"


def _code(text: str) -> Markup:
    """Mark what stands between backticks as a command."""
    parts = str(visible(text)).split("`")
    marked = (Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts))
    return Markup("").join(marked)


def _case(event: EventView) -> str:
    return case(event.case, event.id)


def _own(line: str) -> Markup:
    """Return a line of the settings as it stands there: the controller's own address is nobody's secret."""
    return escape(escaped(line))


def environment() -> Environment:
    """Return the templates' environment: every value is escaped, masked and made visible; a missing one is a bug."""
    templates = Environment(
        loader=PackageLoader("syncer.reports.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=visible,
    )
    templates.filters |= {"time": _time, "code": _code, "meaning": meaning, "sentence": sentence, "step": step_line}
    templates.filters |= {"verification": verification, "who": who, "own": _own, "case": _case}
    templates.globals |= {"RIGHTS": RIGHTS, "ASKED": ASKED, "STATES": STATES, "BRIEF": BRIEF}
    return templates
