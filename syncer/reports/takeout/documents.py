"""Documents in their formats, in pieces: what a command writes, and what a page of the console hands out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

from syncer.language.texts import ENGLISH

if TYPE_CHECKING:
    from syncer.reports.dossier import DossierFacts
    from syncer.reports.propagation import PropagationLog

REPORT_FORMATS = ("html", "csv", "json", "text")
DOSSIER_FORMATS = ("html", "json")
AUDIT_FORMATS = ("jsonl", "json", "csv")


def report_pieces(log: PropagationLog, fmt: str, language: str = ENGLISH) -> Iterable[str]:
    """Return the pieces of a propagation log in one of REPORT_FORMATS; the language is that of HTML."""
    if fmt == "html":
        from syncer.reports.html.page import report_html

        return report_html(log, language)
    if fmt == "text":
        from syncer.reports.as_text import report_text

        return report_text(log)
    if fmt == "csv":
        from syncer.reports.as_csv import report_csv

        return report_csv(log)
    from syncer.reports.as_json import json_pieces

    return chain(json_pieces(log), ["\n"])


def dossier_pieces(facts: DossierFacts, fmt: str, language: str = ENGLISH) -> Iterable[str]:
    """Return the pieces of a dossier in one of DOSSIER_FORMATS; the language is that of HTML."""
    if fmt == "json":
        from syncer.reports.as_json import as_json

        return [as_json(facts) + "\n"]
    from syncer.reports.html.page import dossier_html

    return dossier_html(facts, language)


def audit_pieces(rows: Iterable[dict[str, Any]], fmt: str) -> Iterable[str]:
    """Return the pieces of the audit in one of AUDIT_FORMATS: each entry is one, and but for `jsonl` one is the frame.

    That of CSV is its head, that of an array its closing bracket.
    """
    if fmt == "csv":
        from syncer.reports.as_csv import audit_csv

        return audit_csv(rows)
    return _array(rows) if fmt == "json" else (json.dumps(row) + "\n" for row in rows)


def _array(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    before = "[\n"
    for row in rows:
        yield before + json.dumps(row)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"
