"""A report where it goes: to standard output or one file, or, where it has many requests, to several and an index."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from syncer.cli.common import write_out
from syncer.language.texts import ENGLISH
from syncer.reports.takeout.documents import report_pieces

if TYPE_CHECKING:
    from syncer.reports.propagation import PropagationLog, Report
    from syncer.reports.register.index import PartFile

#: requests of one file; more are slow to open
MOST = 10_000


def write_report(
    report: Report, out: Path | None, fmt: str, language: str = ENGLISH, most: int = MOST
) -> tuple[str, list[str]]:
    """Write a report; return the SHA-256 (hex) of what was written, and those of its parts where it has several.

    Standard output, and what stands for something open, gets all in one. The language is that of HTML.
    """
    if out is None or len(report.register) <= most or _is_open_already(out):
        return write_out(report_pieces(report.log, fmt, language), out, fmt)[1], []
    files = tuple(_parts(report, out, fmt, language, most))
    _, sha256 = write_out(_index(report.log, files, fmt, language), out, fmt)
    return sha256, [item.sha256 for item in files]


def _parts(report: Report, out: Path, fmt: str, language: str, most: int) -> Iterable[PartFile]:
    from syncer.reports.register.index import PartFile

    for log in report.parts(most):
        assert log.part is not None
        file = out.with_name(f"{out.stem}-{log.part.number:03}{out.suffix}")
        _, sha256 = write_out(report_pieces(log, fmt, language), file, fmt)
        yield PartFile(log.part, file.name, sha256)


def _index(log: PropagationLog, files: tuple[PartFile, ...], fmt: str, language: str) -> Iterable[str]:
    from syncer.reports.register import index

    if fmt == "html":
        from syncer.reports.html.page import index_html

        return index_html(log, files, language)
    if fmt == "text":
        return index.index_text(log, files)
    if fmt == "csv":
        return index.index_csv(files)
    from syncer.reports.as_json import as_json

    return [as_json(index.index_of(log, files)) + "\n"]


def _is_open_already(out: Path) -> bool:
    from syncer.privacy.files import stands_for_something_open

    return stands_for_something_open(out)
