"""The propagation log and the dossier, each as one HTML file: no script, nothing from elsewhere, all escaped."""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from adapters.contract import Inapplicable
from syncer.audit.ledger import Facts, LogEntry
from syncer.domain.codes import meaning
from syncer.domain.model import State
from syncer.language.templates import install
from syncer.language.texts import ENGLISH, N_, _, digits, one_place, spoken, told_in
from syncer.privacy.masking import escaped, visible
from syncer.reports.dossier import DossierFacts
from syncer.reports.evidence import StepView
from syncer.reports.findings import find
from syncer.reports.html.dossier_texts import ASKED
from syncer.reports.html.dossier_view import DossierView
from syncer.reports.html.report_view import ReportView
from syncer.reports.html.unseen import how_sure
from syncer.reports.propagation import PropagationLog
from syncer.reports.register.index import PartFile
from syncer.reports.views import DeliveryView, EventView, TimelineEntry, VerificationView
from syncer.reports.wording import kept
from syncer.reports.wording.account import account
from syncer.reports.wording.cases import case
from syncer.reports.wording.deliveries import tries
from syncer.reports.wording.moments import NONE, Moments, in_register
from syncer.reports.wording.sureness import kind_of
from syncer.reports.wording.words import (
    ACTORS,
    STATES,
    action_word,
    right_words,
    sentence,
    step_line,
    verification,
    who,
    whose,
)

#: what a cell says: shorter than STATES, which stands in the legend; the style sheet puts a sign before each
BRIEF = {
    "pending": "waiting",
    "retrying": "tried again",
    "applied": "being read back",
    "confirmed": "confirmed",
    "held": "needs a person",
    "exempt": "exempt",
    "accepted": "passed on",
    "attested": "settled by a person",
    "not_applicable": "cannot be found there",
    "right_not_offered": "does not apply",
}
#: what the legend says of those that nobody read back
LEGEND = {
    State.ACCEPTED: N_("its machine took the order; it shows nobody what it then does"),
    State.ATTESTED: N_("a person says what it answered"),
    Inapplicable.NO_IDENTIFIER: N_("nothing is known by which it could find the person; it may hold something"),
    Inapplicable.RIGHT_NOT_OFFERED: N_("the right has no meaning there"),
}


def report_html(log: PropagationLog, language: str = ENGLISH) -> Iterator[str]:
    """Yield the propagation log as pieces of one HTML file in a language, ready to be written."""
    return told_in(language, lambda: _report(log))


def index_html(log: PropagationLog, files: tuple[PartFile, ...], language: str = ENGLISH) -> Iterator[str]:
    """Yield the index of a propagation log in several files as pieces of one HTML file, ready to be written."""
    return told_in(language, lambda: _index(log, files))


def dossier_html(facts: DossierFacts, language: str = ENGLISH) -> Iterator[str]:
    """Yield a person's dossier as pieces of one HTML file in the person's language, ready to be written."""
    return told_in(language, lambda: _dossier(facts))


def _report(log: PropagationLog) -> Iterator[str]:
    view = ReportView(log)
    values = {"log": log, "view": view, "moments": view.moments, "sure": tuple(how_sure(log, view.called))}
    yield from _page("report", ("report.css", "states.css"), _numbered(), **values)


def _index(log: PropagationLog, files: tuple[PartFile, ...]) -> Iterator[str]:
    moments, sentence = Moments(ZoneInfo(log.timezone)), account(log.summary, log.stopped)
    values = {"log": log, "files": files, "moments": moments, "sentence": sentence, "needs": find(log).needs}
    yield from _page("index", ("report.css", "states.css"), _numbered(), **values)


def _dossier(facts: DossierFacts) -> Iterator[str]:
    moments = Moments(ZoneInfo(facts.timezone))
    yield from _page(
        "dossier", ("report.css", "dossier.css", "states.css"), facts=facts, view=DossierView(facts), moments=moments
    )


def _numbered() -> str:
    """Return the style by which pages of paper are numbered: a sheet that is missing shows."""
    words = _("Page {page} of {pages}").format(page='" counter(page) "', pages='" counter(pages) "')
    return f'@page{{margin:16mm 14mm 18mm;@bottom-right{{content:"{words}";font:9px sans-serif;color:#444}}}}'


def _page(name: str, sheets: Iterable[str], on_paper: str = "", **values: Any) -> Iterator[str]:
    folder = files("syncer.reports.html").joinpath("templates")
    style = "".join(folder.joinpath(sheet).read_text(encoding="utf-8") for sheet in sheets) + on_paper
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


# a document has one clock, its context's; to the minute: the second stands in the audit
@pass_context
def _time(context: Context, moment: datetime | str | None) -> str:
    moments: Moments = context["moments"]
    if not moment:
        return NONE
    day_and_time, _blank, offset = moments.minute(moment).rpartition(" ")
    return Markup("<time><span>{}</span> {}</time>").format(day_and_time, offset)


@pass_context
def _sentence(context: Context, entry: LogEntry | TimelineEntry) -> str:
    return sentence(entry, context["moments"])


@pass_context
def _verification(context: Context, last: VerificationView) -> str:
    return verification(last, context["moments"])


def _step(step: StepView) -> str:
    return step_line(step, arrow="→")


def _code(text: str) -> Markup:
    """Mark what stands between backticks as a command."""
    parts = str(visible(text)).split("`")
    marked = (Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(parts))
    return Markup("").join(marked)


def _case(event: EventView) -> str:
    return case(event.case, event.id)


def _came(source: str) -> str:
    """Return by what a request came; `cli` is what `submit` writes where nobody names another source."""
    return _("entered by hand") if source == "cli" else _("by {source}").format(source=source)


def _kind(actor: Facts | None) -> str:
    """Return what acted, and on which machine."""
    actor = actor or {}
    kind = str(actor.get("kind", ""))
    return _("{kind} on {host}").format(kind=_(ACTORS.get(kind, kind)), host=actor.get("host", "?"))


def _figures(day: date | None) -> Markup | str:
    """Return a day in figures."""
    return Markup("<time>{}</time>").format(in_register(day)) if day else NONE


def _marked(name: str) -> Markup:
    """Return an id or another name that is long and made for machines, marked as that."""
    return Markup('<span class="id">{}</span>').format(visible(name))


def _brief(delivery: DeliveryView) -> str:
    """Return where a delivery stands as its cell says it; what only waits to be read again is confirmed meanwhile."""
    kind = kind_of(delivery)
    return _(BRIEF[kind if kind in BRIEF else delivery.state])


def _bold(word: str, style: str) -> Markup:
    """Return a word that the style sheet marks by how a request stands."""
    return Markup('<b class="{}">{}</b>').format(style, word)


def _beside(file: str) -> str:
    """Return the link to a file beside this one, whatever its name is made of."""
    return quote(os.fsencode(file))


def _own(line: str) -> Markup:
    """Return a line of the settings as it stands there: the controller's own address is nobody's secret."""
    return escape(escaped(line))


@cache
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
    install(templates)
    templates.filters |= {"time": _time, "code": _code, "meaning": meaning, "sentence": _sentence, "step": _step}
    templates.filters |= {"verification": _verification, "tries": tries, "who": who, "own": _own, "case": _case}
    templates.filters |= {"came": _came, "whose": whose, "beside": _beside, "figures": _figures, "kind": _kind}
    templates.filters |= {
        "right": right_words,
        "action": action_word,
        "one_place": one_place,
        "note": kept.told_by_adapter,
        "finding": kept.finding,
    }
    templates.filters |= {
        "rule": kept.rule,
        "not_proven": kept.not_proven,
        "marked": _marked,
        "bold": _bold,
        "count": digits,
    }
    templates.filters |= {"plain_figures": in_register}
    templates.filters |= {"brief": _brief}
    templates.globals |= {"ASKED": ASKED, "STATES": STATES, "BRIEF": BRIEF, "LEGEND": LEGEND, "language": spoken}
    return templates
