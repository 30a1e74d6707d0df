"""Everything about one person's requests: what was asked, what each recipient did, and the proofs. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from adapters.contract import Action, Adapter, Outcome, Stays
from syncer import __version__
from syncer.audit.ledger import Ledger, LogEntry
from syncer.audit.offline.claims import KEY_ENTRIES
from syncer.audit.offline.inclusion import InclusionProof, ProofError, verify_proof
from syncer.audit.proof.checkpoints import Checkpoints
from syncer.audit.proof.origins import Origins
from syncer.domain.controller import Controller
from syncer.domain.deadlines import Rule
from syncer.domain.endings import Ending
from syncer.language.texts import ENGLISH, speaking
from syncer.reports.as_json import as_json
from syncer.reports.evidence import DeliveryEvidence, LoggedEvidence, ReportedDelivery
from syncer.reports.propagation import Summary, root_of, summary
from syncer.reports.reader import Reader
from syncer.reports.views import DeliveryView, EventView, Signed, delivery_values, event_values
from syncer.reports.wording.grounds import staying

#: what of an objection is in the person's entry, and goes with it
_IN_THE_ENTRY = frozenset({Stays.SUPPRESSION, Stays.NOT_ASKED})


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of one person, oldest first, and the person's pseudonym.

    `subject` is None for a request whose address cannot be used: it belongs to nobody known and stands alone.
    """

    subject: str | None
    events: tuple[EventView, ...]


@dataclass(frozen=True, slots=True)
class StillThere:
    """What stays at a recipient, in a text; why, and on which legal ground, or that none was named, as a sentence."""

    text: str
    why: Stays
    ground: str


@dataclass(frozen=True, slots=True)
class DossierDelivery(ReportedDelivery):
    """A delivery with its evidence and with what stays at the recipient; `remains` are the texts of `remaining`."""

    remains: tuple[str, ...]
    remaining: tuple[StillThere, ...]


@dataclass(frozen=True, slots=True)
class DossierEvent(EventView):
    """An event whose deliveries have their evidence, with its whole timeline."""

    deliveries: tuple[DossierDelivery, ...]
    audit: tuple[LogEntry, ...]


@dataclass(frozen=True, slots=True)
class PersonHistory:
    """The requests of one person with their timelines, read once: what is proven is exactly what is told."""

    subject: str | None
    events: tuple[DossierEvent, ...]

    def key_entries(self) -> list[int]:
        """Return the entries that carry the person's story, in their order."""
        return sorted(entry.seq for event in self.events for entry in event.audit if entry.what in KEY_ENTRIES)


@dataclass(frozen=True, slots=True)
class Recipient:
    """A destination: its adapter, the name of it that people know, and whether syncer calls it at present.

    It does not where the destination has left the settings, or its lane is paused.
    """

    adapter: str
    title: str
    working: bool


@dataclass(frozen=True, slots=True)
class SignedLog:
    """The log that the proofs are under: its name, its public keys, the last signed state with its root in base64.

    `verified` says that every proof was checked as a stranger would, and every entry and row of the requests by the
    key; `reason` why one does not hold.
    """

    origin: str
    keys: tuple[str, ...]
    signed: Signed | None
    root: str | None
    verified: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class DossierFacts:
    """Everything about one person's requests; the controller is the sender of its page.

    `country` is the one whose holidays move a legal date, None where weekends alone do.
    """

    controller: Controller
    generated_at: datetime
    software: str
    timezone: str
    country: str | None
    objection_target_hours: int
    audit_months: int
    recheck_days: tuple[int, ...]
    subject: str | None
    summary: Summary
    recipients: Mapping[str, Recipient]
    events: tuple[DossierEvent, ...]
    log: SignedLog
    proofs: tuple[InclusionProof, ...]


class Dossiers:
    """Makes the dossiers of one installation. `about` returns the class of an adapter, for what it says of itself.

    `working` says whether a destination is called at present, `controller` who sends the dossiers, `objection` what is
    wrong with the entries and rows of some events, None for nothing.

    A dossier is of the past only once it was audited that somebody looked, and is proven only as far as the log is
    signed: its caller writes the look-up, asks for the history, and makes a checkpoint when `unproven` says so, before
    it asks for the facts.
    """

    def __init__(
        self,
        reader: Reader,
        ledger: Ledger,
        checkpoints: Checkpoints,
        origins: Origins,
        rule: Rule,
        clock: Callable[[], datetime],
        audit_months: int,
        recheck_days: Sequence[int],
        about: Callable[[str], type[Adapter] | None],
        working: Callable[[str], bool],
        controller: Controller,
        objection: Callable[[Iterable[str]], str | None],
    ) -> None:
        self._objection = objection
        self._reader = reader
        self._ledger = ledger
        self._checkpoints = checkpoints
        self._origins = origins
        self._rule = rule
        self._clock = clock
        self._audit_months = audit_months
        self._recheck_days = tuple(recheck_days)
        self._about = about
        self._working = working
        self._controller = controller

    def of_person(self, *refs: str) -> Requests:
        """Return the requests of the person behind these pseudonyms, the present one first; none for nobody."""
        return _requests(refs[0], self._reader.events(subject=refs))

    def of_event(self, prefix: str) -> Requests:
        """Return all requests of the person who made one. Raises UserError unless exactly one id starts with it."""
        (event,) = self._reader.events(event_id=self._reader.resolve(prefix))
        return _requests(None, [event]) if event.subject is None else self.of_person(event.subject)

    def history(self, requests: Requests) -> PersonHistory:
        """Return the requests with what the log says of them by now."""
        told = [self._event(event) for event in requests.events]
        return PersonHistory(requests.subject, tuple(self._as_left(event, told) for event in told))

    def unproven(self, history: PersonHistory) -> bool:
        """Say whether the newest checkpoint does not reach the last of the entries that a dossier proves.

        A page that says "not signed yet" helps nobody who gets it, and the next checkpoint may be an hour away.
        """
        seqs, newest = history.key_entries(), self._checkpoints.newest()
        return bool(seqs) and (newest is None or newest.size < seqs[-1])

    def facts(self, history: PersonHistory) -> DossierFacts:
        """Return the dossier. Raises UserError where no checkpoint covers one of its entries."""
        recipients = {
            delivery.destination: self._recipient(delivery) for event in history.events for delivery in event.deliveries
        }
        log, proofs = self._proofs(history)
        return DossierFacts(
            controller=self._controller,
            generated_at=self._clock(),
            software=__version__,
            timezone=self._rule.zone.key,
            country=self._rule.country,
            objection_target_hours=self._rule.objection_target_hours,
            audit_months=self._audit_months,
            recheck_days=self._recheck_days,
            subject=history.subject,
            summary=summary(history.events),
            recipients=recipients,
            events=history.events,
            log=log,
            proofs=proofs,
        )

    def _event(self, event: EventView) -> DossierEvent:
        audit = tuple(self._ledger.timeline(event.id))
        evidence = LoggedEvidence(audit)
        deliveries = tuple(
            self._delivery(event, delivery, evidence.of_delivery(event.id, delivery.destination))
            for delivery in event.deliveries
        )
        return DossierEvent(**event_values(event), deliveries=deliveries, audit=audit)

    def _delivery(self, event: EventView, delivery: DeliveryView, evidence: DeliveryEvidence) -> DossierDelivery:
        remaining = self._remaining(event, delivery)
        texts = tuple(item.text for item in remaining)
        return DossierDelivery(**delivery_values(delivery), evidence=evidence, remains=texts, remaining=remaining)

    def _as_left(self, event: DossierEvent, told: Sequence[DossierEvent]) -> DossierEvent:
        """Return a request without what a later erasure of the same person removed again."""
        erasures = [each for other in told for each in other.deliveries if each.action is Action.DELETE]
        return replace(event, deliveries=tuple(self._without_erased(each, erasures) for each in event.deliveries))

    def _without_erased(self, delivery: DossierDelivery, erasures: Sequence[DossierDelivery]) -> DossierDelivery:
        if delivery.action is Action.DELETE or not any(_erased_since(delivery, erasure) for erasure in erasures):
            return delivery
        adapter = self._about(delivery.adapter)
        items = adapter.remains.get(delivery.action, ()) if adapter and delivery.action else ()
        gone = {item.text for item in items if item.why in _IN_THE_ENTRY and not item.outlives_entry}
        remaining = tuple(item for item in delivery.remaining if item.text not in gone)
        return replace(delivery, remains=tuple(item.text for item in remaining), remaining=remaining)

    def _recipient(self, delivery: DeliveryView) -> Recipient:
        return Recipient(delivery.adapter, self._title(delivery), self._working(delivery.destination))

    def _title(self, delivery: DeliveryView) -> str:
        adapter = self._about(delivery.adapter)
        return (adapter.title if adapter else "") or delivery.adapter

    def _remaining(self, event: EventView, delivery: DeliveryView) -> tuple[StillThere, ...]:
        """Return what stays where the action was found carried out: nothing else is known to be so."""
        adapter = self._about(delivery.adapter)
        if adapter is None or delivery.action is None:
            return ()
        if delivery.outcome is not Outcome.DONE or not delivery.is_read_back:
            return ()
        name, withdrawn = self._title(delivery), event.ending is Ending.WITHDRAWN
        with speaking(ENGLISH):  # it is data; the page says it in the person's language
            return tuple(
                StillThere(item.text, item.why, staying(item.why, event.right, name, withdrawn=withdrawn))
                for item in adapter.remains.get(delivery.action, ())
            )

    def _proofs(self, history: PersonHistory) -> tuple[SignedLog, tuple[InclusionProof, ...]]:
        """Prove each entry under the newest signed state, and check the proofs as a stranger would.

        A stranger sees neither the keyed chain nor the tables: all that is told of the requests is held against both.
        """
        newest = self._checkpoints.newest()
        proofs = tuple(self._checkpoints.prove_all(history.key_entries()))
        keys = tuple(str(key) for key in self._origins.public_keys())
        reason = _first_wrong(proofs, keys) or self._objection(event.id for event in history.events)
        signed = Signed(newest.size, newest.at) if newest else None
        origin = self._origins.current()
        return SignedLog(origin, keys, signed, root_of(newest), reason is None, reason), proofs


def needs_attention(dossier: DossierFacts) -> bool:
    """Say whether a request is held, late or stopped by the guard, or a proof does not hold."""
    stopped = any(event.is_stopped for event in dossier.events)
    return bool(dossier.summary.held or dossier.summary.overdue or stopped or not dossier.log.verified)


def _erased_since(delivery: DossierDelivery, erasure: DossierDelivery) -> bool:
    """Say whether an erasure was seen to be done where a delivery had been carried out before, and not again since.

    By what was changed, and by the first look that found nothing: later looks of either come after the other's work.
    """
    if (delivery.destination, delivery.adapter) != (erasure.destination, erasure.adapter) or not delivery.applied_at:
        return False
    if erasure.outcome is None or not erasure.is_read_back:
        return False
    looked = erasure.evidence.confirmation
    at = erasure.applied_at or (datetime.fromisoformat(looked.first_confirmed_at) if looked else None)
    return at is not None and at > delivery.applied_at


def _requests(subject: str | None, events: Sequence[EventView]) -> Requests:
    return Requests(subject, tuple(sorted(events, key=lambda event: (event.received_at, event.id))))


def _first_wrong(proofs: Sequence[InclusionProof], keys: Sequence[str]) -> str | None:
    for proof in proofs:
        try:
            verify_proof(as_json(proof), keys)
        except ProofError as error:
            return str(error)
    return None
