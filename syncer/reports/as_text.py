"""The propagation log as text, for readers who are not programmers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from syncer.domain.codes import meaning
from syncer.domain.model import State
from syncer.language.texts import ENGLISH, told_in
from syncer.privacy.masking import escaped, visible
from syncer.reports.evidence import ReportedDelivery, ReportedEvent
from syncer.reports.findings import find
from syncer.reports.propagation import Integrity, PropagationLog
from syncer.reports.register.part import Part
from syncer.reports.wording import deliveries
from syncer.reports.wording.account import account, many
from syncer.reports.wording.cases import case
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.needs import Need, missed_target_only
from syncer.reports.wording.recipients import called
from syncer.reports.wording.words import RIGHTS, sentence, standing, step_line, verification, who, whose

#: requests that are named where something needs a person; all stand in the register
NAMED = 20

# -- the propagation log ------------------------------------------------------------------------------------


def report_text(log: PropagationLog) -> Iterator[str]:
    """Yield the lines of the propagation log for a reader who is not a programmer, on one clock: the controller's."""
    # scripts read it too, so it is English whatever is spoken
    return told_in(ENGLISH, lambda: _lines(log))


def _lines(log: PropagationLog) -> Iterator[str]:
    # what stands in a table cannot begin a line of its own, and no terminal obeys it
    return (escaped(line) + "\n" for line in _Text(log).lines())


class _Text:
    """The lines of one report."""

    def __init__(self, log: PropagationLog) -> None:
        self._log = log
        self._moments = Moments(ZoneInfo(log.timezone))
        self._names = called(log.recipients)
        self._found = find(log)

    def lines(self) -> Iterator[str]:
        log, at = self._log, self._moments
        yield "PROPAGATION LOG"
        if named := whose(log.controller):
            yield named
        yield (
            f"made {at.exact(log.generated_at)} by syncer {log.software}; days and times are those of"
            f" {at.clock(log.generated_at)}, each time with its offset from UTC"
        )
        yield from ("", account(log.summary, log.stopped), "")
        if log.part:
            yield from (self._part(log.part), "")
        yield from self._needs()
        yield from self._answered_late()
        yield "REQUESTS AND RECIPIENTS"
        for event in log.events:
            yield ""
            yield from self._event(event)
        yield from ("", "DECISIONS OF PEOPLE, LOOK-UPS AND EXPORTS")
        did = self._found.people_did
        for entry in did:
            where = self._names.get(entry.destination or "")
            at_recipient = f" ({where})" if where else ""
            yield f"  {at.exact(entry.at)}  {who(entry.actor)}: {sentence(entry, at)}{at_recipient}"
        if not did:
            yield "  none"
        yield ""
        yield from self._integrity(log.integrity)

    def _part(self, part: Part) -> str:
        first, last = self._moments.exact(part.first_received_at), self._moments.exact(part.last_received_at)
        return (
            f"This is part {part.number} of {part.of}, with {many(part.requests, 'request', 'requests')} received from"
            f" {first} to {last}. The numbers above are those of all parts; the requests that are named below are"
            " those of this part."
        )

    # -- what needs a person --------------------------------------------------------------------------------

    def _needs(self) -> Iterator[str]:
        found = self._found.needs
        if not found:
            return
        yield "WHAT NEEDS A PERSON"
        for need in found:
            yield from self._need(need)
        yield ""

    def _answered_late(self) -> Iterator[str]:
        late = self._found.answered_late
        if not late:
            return
        yield f"ANSWERED LATE: {len(late)}"
        yield "  These are closed, and nothing is to be done about them here."
        for event in late:
            closed = f", closed {self._moments.exact(event.fulfilled_at)}" if event.fulfilled_at else ""
            target = self._target(event.target_at) if event.target_only else ""
            yield f"  {case(event.case, event.id)}, {target or f'due {event.due_on}'}{closed}"
        yield ""

    def _missed_target(self, event: ReportedEvent) -> str:
        """Return the target that a late objection missed; empty where it, or any other request, missed its due day."""
        return self._target(event.target_at) if missed_target_only(self._log, event) else ""

    def _target(self, target_at: datetime | None) -> str:
        return f"target {self._moments.exact(target_at)}" if target_at else ""

    def _need(self, need: Need) -> Iterator[str]:
        number = f"{many(len(need.events), 'request', 'requests')}: " if need.events else ""
        yield f"  {number}{'LATE: ' if need.late else ''}{need.result}"
        yield f"      why: {visible(need.why)}"
        yield f"      to decide: {need.decision}"
        yield f"      for the administrator: {need.remedy}"
        yield from (f"          {line}" for line in need.commands)
        if need.instead:
            yield "        or:"
        yield from (f"          {line}" for line in need.instead)
        for event in need.events[:NAMED]:
            target = f", target {self._moments.exact(event.target_at)}" if event.target_at else ""
            yield f"      {case(event.case, event.id)}, due {event.due_on}{target}"
        if len(need.events) > NAMED:
            yield f"      and {len(need.events) - NAMED} more, each of which stands below"

    # -- requests -------------------------------------------------------------------------------------------

    def _event(self, event: ReportedEvent) -> Iterator[str]:
        late = "LATE" if event.overdue else "ANSWERED LATE" if event.late else ""
        mark = f"  ** {': '.join(filter(None, [late, self._missed_target(event)]))} **" if late else ""
        yield f"{case(event.case, event.id)}  {RIGHTS[event.right]}  ({event.id})"
        received = self._moments.exact(event.received_at)
        yield f"  received {received}, due {event.due_on}: {standing(event)}{mark}"
        if event.code:
            yield f"      {meaning(event.code)}"
        for delivery in event.deliveries:
            yield from self._delivery(delivery)

    def _delivery(self, delivery: ReportedDelivery) -> Iterator[str]:
        found = deliveries.outcome(delivery)
        is_so = delivery.is_read_back
        when = f" {self._moments.exact(delivery.confirmed_at)}" if is_so and delivery.confirmed_at else ""
        name = self._names[delivery.destination]
        said = f"{deliveries.standing(delivery)}{when}{found and f', {found}'}"
        yield f"  - {name} ({delivery.action or '-'}): {said}"
        by_word = deliveries.by_whose_word(delivery, self._moments)
        for line in (meaning(delivery.code), by_word, deliveries.before(delivery, self._moments)):
            if line:
                yield f"      {line}"
        if foreseen := deliveries.would_have(delivery):
            yield f"      what would have happened: {foreseen}"
        yield from self._calls(delivery)

    def _calls(self, delivery: ReportedDelivery) -> Iterator[str]:
        """How it was passed on, and how it was read back; a call that read back is never one that passed on."""
        if said := delivery.evidence.acceptance:
            on = "passed on" if delivery.state is State.ACCEPTED else "passed on before"
            yield f"      {on} {self._moments.exact(said.accepted_at)}"
            yield from (f"      {on}: {step_line(step, arrow='→')}" for step in delivery.evidence.order)
        seen = "read back" if delivery.is_read_back else "read back before"
        for step in delivery.evidence.read_back:
            if step.call.startswith("GET"):
                yield f"      {seen}: {step_line(step, arrow='→')}"

    # -- what proves it -------------------------------------------------------------------------------------

    def _integrity(self, proof: Integrity) -> Iterator[str]:
        verified = "verified, unbroken" if proof.verified else "NOT INTACT"
        why = f": {visible(proof.reason)}" if proof.reason else ""
        yield "INTEGRITY"
        yield f"  {proof.entries} entries, head {proof.head}"
        yield f"  chain: {verified}{why}"
        yield f"  last full verification: {verification(proof.last_verification, self._moments)}"
        if proof.signed:
            yield f"  signed up to entry {proof.signed.size} at {self._moments.exact(proof.signed.at)}"
        else:
            yield "  not signed yet"
        yield from (f"  note up to entry {note.size} at {note.where}" for note in proof.anchors)
        yield "  not proven:"
        yield from (f"    - {item}" for item in proof.not_proven)
