"""The propagation log and the audit as CSV (RFC 4180)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from syncer.clock import stamp
from syncer.domain.codes import meaning
from syncer.domain.endings import UNSEEN
from syncer.domain.model import State
from syncer.language.texts import ENGLISH, told_in
from syncer.privacy.masking import visible
from syncer.reports.evidence import ReportedDelivery, ReportedEvent
from syncer.reports.propagation import PropagationLog
from syncer.reports.wording import deliveries
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.recipients import called
from syncer.reports.wording.sureness import told_apart
from syncer.reports.wording.words import RIGHTS, standing, step_line

#: what a spreadsheet may take for the start of a formula, full-width forms included
_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")
#: what some of them pass over before it
_PASSED_OVER = " \u00a0\u200b\u3000\ufeff"
#: a formula's sign where a spreadsheet that separates cells otherwise begins a cell: Excel takes the semicolon in
#: German, French and most other languages of Europe, and then a quote inside a cell is a letter like any other
_INSIDE = re.compile(f'(?<=[;|\\t\\r\\n])(["{_PASSED_OVER}]*+)(?=[{re.escape("".join(_FORMULA))}])')


def csv_safe(value: str) -> str:
    """Return the value with an apostrophe wherever a spreadsheet would begin a formula.

    At its beginning, and behind what other spreadsheets take for the end of a cell: semicolon, tab, bar, line end.
    """
    safe = _INSIDE.sub(r"\1'", value)
    return f"'{safe}" if safe.lstrip(f'"{_PASSED_OVER}').startswith(_FORMULA) else safe


COLUMNS = (
    "event", "event_key", "source", "source_ref", "right", "subject", "received_at", "due_on", "overdue",
    "event_state", "fulfilled_at", "recipient", "adapter", "action", "state", "outcome", "code", "meaning",
    "attempts", "first_attempt_at", "last_attempt_at", "applied_at", "confirmed_at", "read_back", "request_ids",
    "decided_by", "reason", "next_attempt_at", "audit_seq", "case", "late", "ending",
    "recipient_name",
    # the record that the CCPA regulations ask for, § 7101(b), in their words
    "date_of_request", "nature_of_request", "manner_of_request", "date_of_response", "nature_of_response",
    "basis_of_denial",
    "what_would_have_happened",
    # the most that the recipient can show; and of what nobody reads back: what was passed on, what a person says, what
    # could not be asked
    "recipient_evidence", "closed_deliveries", "accepted_at", "settles_on", "passed_on", "passed_on_request_ids",
    "attested_at", "attested_by", "answered_on", "attested_reason", "evidence_sha256", "not_applicable_at", "lapses_on",
)  # fmt: skip


#: what a cell is made of; None is an empty cell
Cell = str | int | datetime | date | None
#: what stands in a sentence of a cell is UTC as well
UTC_MOMENTS = Moments(ZoneInfo("UTC"))


def report_csv(log: PropagationLog) -> Iterator[str]:
    """Yield the lines of the propagation log as CSV (RFC 4180), guarded against formulas; its times are UTC.

    One row for each delivery, and one for a request that no recipient was told of: nobody is left out. Scripts read it,
    so it is English whatever is spoken.
    """
    return told_in(ENGLISH, lambda: _lines(log))


def _lines(log: PropagationLog) -> Iterator[str]:
    yield _line(COLUMNS)
    names = called(log.recipients)
    evidence_of = {name: item.evidence for name, item in log.recipients.items()}
    for event in log.events:
        asked = _asked(event)
        for delivery in event.deliveries or (None,):
            row = asked | (_answered(delivery, names) if delivery else _nobody(event))
            if delivery:
                row["recipient_evidence"] = evidence_of[delivery.destination]
            yield _line(_cell(row.get(name)) for name in COLUMNS)


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out).writerow(cells)
    return out.getvalue()


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return csv_safe(str(visible(stamp(value) if isinstance(value, datetime) else value)))


def _asked(event: ReportedEvent) -> dict[str, Cell]:
    return {
        "event": event.id,
        "event_key": event.event_key,
        "source": event.source,
        "source_ref": event.source_ref,
        "right": event.right,
        "subject": event.subject,
        "received_at": event.received_at,
        "due_on": event.due_on,
        "overdue": event.overdue,
        "event_state": event.state,
        "fulfilled_at": event.fulfilled_at,
        "case": event.case,
        "late": event.late,
        "ending": event.ending,
        "closed_deliveries": told_apart(event.deliveries) if event.ending else None,
        "date_of_request": event.received_at,
        "nature_of_request": RIGHTS[event.right],
        "manner_of_request": event.source,
    }


def _nobody(event: ReportedEvent) -> dict[str, Cell]:
    """Return what there is of a request that no recipient was told of."""
    return {"code": event.code, "meaning": meaning(event.code), "nature_of_response": standing(event)}


def _answered(delivery: ReportedDelivery, names: Mapping[str, str]) -> dict[str, Cell]:
    return _delivered(delivery, names) | _unseen(delivery) | _response(delivery)


def _delivered(delivery: ReportedDelivery, names: Mapping[str, str]) -> dict[str, Cell]:
    evidence = delivery.evidence
    tried, exempted = evidence.attempts, evidence.exemption
    return {
        "recipient": delivery.destination,
        "recipient_name": names[delivery.destination],
        "adapter": delivery.adapter,
        "action": delivery.action,
        "state": delivery.state,
        "outcome": None if delivery.state in UNSEEN else delivery.outcome,  # nobody knows of one
        "code": delivery.code,
        "meaning": meaning(delivery.code),
        "attempts": delivery.attempts,
        "first_attempt_at": tried.first_attempt_at if tried else None,
        "last_attempt_at": tried.last_attempt_at if tried else None,
        "applied_at": delivery.applied_at,
        "confirmed_at": delivery.confirmed_at,
        "read_back": "; ".join(step_line(step) for step in evidence.read_back),
        "request_ids": " ".join(step.request_id for step in evidence.read_back if step.request_id),
        "decided_by": exempted.decided_by if exempted else None,
        "reason": exempted.reason if exempted else None,
        "next_attempt_at": delivery.next_attempt_at,
        "audit_seq": " ".join(map(str, evidence.audit_seq)),
        "what_would_have_happened": deliveries.would_have(delivery) or None,
    }


def _unseen(delivery: ReportedDelivery) -> dict[str, Cell]:
    """Return what is known of what nobody read back; of what the log says of an earlier time, too."""
    told, order = delivery.evidence, delivery.evidence.order
    taken, said, not_asked = told.acceptance, told.attestation, told.not_asked
    return {
        "accepted_at": taken.accepted_at if taken else None,
        "settles_on": delivery.settles_on,
        "passed_on": "; ".join(step_line(step) for step in order),
        "passed_on_request_ids": " ".join(step.request_id for step in order if step.request_id),
        "attested_at": said.attested_at if said else None,
        "attested_by": said.attested_by if said else None,
        "answered_on": said.answered_on if said else None,
        "attested_reason": said.attested_reason if said else None,
        "evidence_sha256": said.evidence_sha256 if said else None,
        "not_applicable_at": not_asked.not_applicable_at if not_asked else None,
        "lapses_on": delivery.lapses_on,
    }


def _response(delivery: ReportedDelivery) -> dict[str, Cell]:
    """Return what the CCPA calls the response: what was decided, answered or read back, and when."""
    found, before = deliveries.outcome(delivery), deliveries.before(delivery, UTC_MOMENTS)
    said = found or before or deliveries.why_unseen(delivery)
    return {
        "date_of_response": _responded_at(delivery),
        "nature_of_response": ": ".join(part for part in (deliveries.standing(delivery), said) if part),
        "basis_of_denial": _denial(delivery),
    }


def _responded_at(delivery: ReportedDelivery) -> Cell:
    """Return when a delivery was closed: what was read back, at the last look; empty for one that is open."""
    told = delivery.evidence
    if delivery.is_read_back:
        return delivery.confirmed_at
    if delivery.state is State.EXEMPT:
        return told.exemption.decided_at if told.exemption else None
    if delivery.state is State.ACCEPTED:
        return told.acceptance.accepted_at if told.acceptance else None
    if delivery.state is State.ATTESTED:
        return told.attestation.attested_at if told.attestation else None
    if delivery.state is State.NOT_APPLICABLE:
        return told.not_asked.not_applicable_at if told.not_asked else None
    return None


def _denial(delivery: ReportedDelivery) -> str | None:
    """Return why what was asked was denied: by a person here, by the recipient, or since it could not be asked."""
    exempted, said = delivery.evidence.exemption, delivery.evidence.attestation
    if delivery.state is State.EXEMPT:
        return f"{meaning(delivery.code)}: {(exempted and exempted.reason) or '-'}"
    if delivery.state is State.ATTESTED and delivery.code == "refused":
        return f"{meaning(delivery.code)}: {(said and said.attested_reason) or '-'}"
    return meaning(delivery.code) if delivery.state is State.NOT_APPLICABLE else None


def audit_csv(rows: Iterable[dict[str, Any]]) -> Iterable[str]:
    """Yield the audit as CSV lines, guarded against formulas."""
    names = ("seq", "at", "what", "event", "destination", "body", "leaf", "mac")
    for row in ({name: name for name in names}, *rows):
        yield _line(csv_safe("" if row[name] is None else str(row[name])) for name in names)
