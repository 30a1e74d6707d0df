"""The index of a report in several files: what each part holds, and by which digest it is known."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from syncer.clock import stamp
from syncer.domain.controller import Controller
from syncer.language.texts import ENGLISH, told_in
from syncer.privacy.masking import escaped
from syncer.reports.findings import find
from syncer.reports.propagation import Integrity, PropagationLog, Span, Summary
from syncer.reports.register.part import Part
from syncer.reports.wording.account import account, many
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.words import whose

COLUMNS = ("part", "of", "file", "requests", "first_received_at", "last_received_at", "sha256")


@dataclass(frozen=True, slots=True)
class PartFile:
    """A part, the name of its file beside the index, and the file's SHA-256 (hex)."""

    part: Part = field(metadata={"flat": True})
    file: str
    sha256: str


@dataclass(frozen=True, slots=True)
class ReportIndex:
    """What is said of all parts together, and which they are."""

    generated_at: datetime
    software: str
    controller: Controller
    timezone: str
    filter: Span
    summary: Summary
    parts: tuple[PartFile, ...]
    integrity: Integrity


def index_of(log: PropagationLog, files: tuple[PartFile, ...]) -> ReportIndex:
    """Return the index of the files that a propagation log was written to."""
    return ReportIndex(
        log.generated_at, log.software, log.controller, log.timezone, log.filter, log.summary, files, log.integrity
    )


def index_csv(files: tuple[PartFile, ...]) -> Iterator[str]:
    """Yield the lines of the index as CSV (RFC 4180); its times are UTC."""
    for item in (None, *files):
        out = io.StringIO(newline="")
        csv.writer(out).writerow(COLUMNS if item is None else _cells(item))
        yield out.getvalue()


def _cells(item: PartFile) -> tuple[str | int, ...]:
    part = item.part
    received = (stamp(part.first_received_at), stamp(part.last_received_at))
    return part.number, part.of, item.file, part.requests, *received, item.sha256


def index_text(log: PropagationLog, files: tuple[PartFile, ...]) -> Iterator[str]:
    """Yield the lines of the index for a reader who is not a programmer, on the controller's clock."""
    # scripts read it too, so it is English whatever is spoken
    return told_in(ENGLISH, lambda: (escaped(line) + "\n" for line in _lines(log, files)))


def _lines(log: PropagationLog, files: tuple[PartFile, ...]) -> Iterator[str]:
    at = Moments(ZoneInfo(log.timezone))
    yield "PROPAGATION LOG: INDEX OF ITS PARTS"
    if named := whose(log.controller):
        yield named
    yield f"made {at.exact(log.generated_at)} by syncer {log.software}"
    yield from ("", account(log.summary, log.stopped), "")
    for need in find(log).needs:
        number = f"{many(len(need.events), 'request', 'requests')}: " if need.events else ""
        yield f"  {number}{'LATE: ' if need.late else ''}{need.result}"
    yield from ("", "PARTS")
    for item in files:
        part = item.part
        received = f"received {at.exact(part.first_received_at)} to {at.exact(part.last_received_at)}"
        yield f"  {item.file}: {many(part.requests, 'request', 'requests')}, {received}"
        yield f"      SHA-256 {item.sha256}"
