"""What a dossier says to the person it is about: plain words, days and hours of the controller's zone. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from adapters.contract import Outcome
from syncer.audit.ledger import LogEntry
from syncer.domain.codes import meaning
from syncer.domain.model import EventState, State
from syncer.reports.dossier import DossierDelivery, DossierEvent, DossierFacts
from syncer.reports.evidence import steps

#: right -> what the person asked, as a heading and in a sentence
ASKED = {
    "erasure": ("Erase my data", "to erase your personal data (Art. 17 GDPR)"),
    "objection": ("Stop your marketing", "to stop using your data for marketing (Art. 21 GDPR)"),
    None: ("A request that could not be read", "something that we could not read"),
}
#: action -> what a recipient was asked, what it says when it is through, and what the look afterwards showed
ASK = {
    "delete": "to erase your data for good",
    "unsubscribe": "to send you no more mail",
    "suppress": "to send you no more mail, and to remember that",
    None: "nothing yet",
}
DID = {
    "delete": "Your data was erased",
    "unsubscribe": "You were unsubscribed",
    "suppress": "You were unsubscribed, and that is remembered",
}
SAW = {
    "delete": "you were not there any more",
    "unsubscribe": "no mail goes to you any more",
    "suppress": "no mail goes to you any more",
}
#: code -> why it is not through, for the person; what is not here is a technical fault
WHY = {
    "newer_consent": "According to its records you signed up again after your request. We want to be sure that this"
    " was you before we go on.",
    "archived_not_purged": "If you ever were there, a copy may still lie in the provider's archive of deleted entries,"
    " which it keeps for 360 days. Somebody here is seeing to it that none is left.",
    "archive_not_seen": "Your entry was deleted, but the provider's archive of deleted entries did not show us the copy"
    " that it keeps there for 360 days. Somebody here is seeing to it that the copy is removed.",
    "sms_reachable": "Text messages from there may still reach you. Somebody here is ending that.",
    "exclusion_needed": "The entry that keeps you from being added again has to be made by hand.",
    "destination_removed": "We no longer use this recipient in the usual way; somebody here settles it by hand.",
    "malformed": "We could not read the request as it reached us; somebody here is clearing that up.",
    "rejected": "The recipient refused your address; somebody here is looking you up by hand.",
    "delete_blocked": "The recipient does not allow deletions at the moment. We have its mail to you stopped meanwhile,"
    " as far as it lets us, and ask again until your entry is gone.",
    "address_shredded": "We have destroyed your address already and need it again for this; somebody here is seeing to"
    " it.",
    "reappeared": "You were found there again, so we are carrying your request out once more.",
    "suppression_missing": "The entry that keeps you from being added again was gone; we are putting it back.",
}
HELD = "Something technical is in the way; somebody here has to settle it."
TRYING = "It could not be reached, or did not answer as it should. We go on trying until it is done."


class DossierView:
    """A dossier, ready to be shown."""

    def __init__(self, facts: DossierFacts) -> None:
        self.facts = facts
        self.events = facts.events
        self._zone = ZoneInfo(facts.timezone)
        self._today = self._local(facts.generated_at).date()

    # -- days and hours -------------------------------------------------------------------------------------

    def when(self, moment: datetime | str) -> str:
        """Return a UTC time, or one that the log wrote, as the person's clock showed it."""
        local = self._local(moment)
        return f"{local.day} {local:%B %Y, %H:%M}"

    def day(self, day: date | datetime | str) -> str:
        """Return a day in words; given as one, as a UTC time, or as one that the log wrote."""
        local = day if isinstance(day, date) and not isinstance(day, datetime) else self._local(day).date()
        return f"{local.day} {local:%B %Y}"

    def _local(self, moment: datetime | str) -> datetime:
        return (datetime.fromisoformat(moment) if isinstance(moment, str) else moment).astimezone(self._zone)

    # -- the whole ------------------------------------------------------------------------------------------

    def sentence(self) -> str:
        """Return where things stand, in plain sentences."""
        total, done = self.facts.summary.requests, self.facts.summary.fulfilled
        exempt = any(self.exceptions(event) for event in self.events)
        if done == total:
            what = "Your request has" if total == 1 else f"All {total} of your requests have"
            end = "answered, with an exception that is explained below" if exempt else "carried out"
            return f"{what} been {end}. Below you find who was told, what they did, and how we checked it."
        if total == 1:
            said = "Your request has not been fully carried out yet."
        else:
            said = f"{done} of your {total} requests have been carried out; the others have not yet."
        return f"{said} Below you find what is done, what is still open, and why."

    def stand(self, event: DossierEvent) -> str:
        """Return where one request stands."""
        if event.fulfilled_at is not None and event.state is EventState.FULFILLED:
            end = "closed with an exception" if self.exceptions(event) else "carried out everywhere"
            said = f"{end}, on {self.when(event.fulfilled_at)}"
            late = self._local(event.fulfilled_at).date() > event.due_on
            return said + (", which was later than it was due" if late else "")
        number = len(event.deliveries)
        done = sum(delivery.through for delivery in event.deliveries)
        verb = "recipient is" if done == number == 1 else "recipients is" if done == 1 else "recipients are"
        who = "; somebody here has to settle the rest" if event.state is EventState.HELD else ""
        return f"{done or 'none'} of {number} {verb} through{who}"

    def late(self, event: DossierEvent) -> str:
        """Return in what way an open request is late, or nothing."""
        if event.state is EventState.FULFILLED or not event.overdue:
            return ""
        if self._today > event.due_on:
            return "This is late: the time for an answer is over. We go on until it is done."
        return f"This takes longer than the {self.facts.objection_target_hours} hours that we aim for."

    def extension(self, event: DossierEvent) -> str:
        """Return when and why the time to answer was extended, or nothing."""
        if event.extended_at is None or event.informed_on is None:
            return ""
        facts = next((entry.facts or {} for entry in event.audit if entry.what == "event:extended"), {})
        reason = f" The reason: {facts['reason']}" if facts.get("reason") else ""
        told = self.day(event.informed_on)
        return f"The time to answer was extended (Art. 12(3) GDPR); you were told on {told}.{reason}"

    def purged(self, event: DossierEvent) -> bool:
        """Say whether details of a request are no longer kept."""
        return any(entry.facts is None for entry in event.audit)

    # -- one recipient --------------------------------------------------------------------------------------

    def name(self, delivery: DossierDelivery) -> str:
        """Return the recipient's name as people know it."""
        return self.facts.recipients[delivery.destination].title

    def _unique_name(self, delivery: DossierDelivery) -> str:
        name = self.name(delivery)
        several = sum(recipient.title == name for recipient in self.facts.recipients.values()) > 1
        return f"{name} (our account “{delivery.destination}”)" if several else name

    def asked(self, event: DossierEvent, delivery: DossierDelivery) -> str:
        """Return what the recipient was asked, and when first."""
        tried = delivery.evidence.attempts
        if tried is None:
            return "Not asked yet." if event.right else "Nothing yet."
        return f"On {self.when(tried.first_attempt_at)}: {ASK[delivery.action]}."

    def did(self, event: DossierEvent, delivery: DossierDelivery) -> list[str]:
        """Return what the recipient did, and that a person was found again, in sentences."""
        back = list(self._entries(event, delivery, "delivery:reappeared"))
        again = [
            f"It was carried out, but you were found there again on {self.when(entry.at)}: something had added you"
            " once more."
            for entry in back
        ]
        if delivery.state is State.EXEMPT:
            return [*again, "It was not asked any further: see the exception below."]
        if not delivery.through:
            return [*again, "Not finished: see below."]
        if delivery.outcome is Outcome.ABSENT:
            return [*again, "It held nothing about you. There was nothing to change."]
        once_more = " again" if back else ""
        applied = self.when(delivery.applied_at) if delivery.applied_at else ""
        did = DID[delivery.action] if delivery.action else ""
        return [*again, f"{did}{once_more}{applied and f' on {applied}'}."]

    def checked(self, event: DossierEvent, delivery: DossierDelivery) -> list[str]:
        """Return how that was checked, and when again, in sentences."""
        back = max((e.seq for e in self._entries(event, delivery, "delivery:reappeared")), default=0)
        looks = [e for e in self._entries(event, delivery, "delivery:confirmed") if e.seq > back]
        if delivery.state is State.EXEMPT:
            return ["-"]
        if not looks:
            return ["Not yet."]
        if not delivery.through:
            return [f"Last found to be so on {self.when(looks[-1].at)}; it is checked anew."]
        places = _places(looks[0])
        if delivery.outcome is Outcome.ABSENT or delivery.action is None:
            said = [f"On {self.when(looks[0].at)} we searched{places}, and you were not there."]
        else:
            said = [f"On {self.when(looks[0].at)} we looked again{places}: {SAW[delivery.action]}."]
        if len(looks) > 1:
            said.append(f"Still so on {_listed([self.day(look.at) for look in looks[1:]])}.")
        return said

    def _entries(self, event: DossierEvent, delivery: DossierDelivery, what: str) -> Iterator[LogEntry]:
        for entry in event.audit:
            if entry.what == what and entry.destination == delivery.destination:
                yield entry

    # -- what is open, excepted, or remains -----------------------------------------------------------------

    def open(self, event: DossierEvent) -> list[tuple[DossierDelivery, str]]:
        """Return the recipients that are not through, each with the reason."""
        return [(delivery, _why(delivery)) for delivery in event.deliveries if not delivery.through]

    def exceptions(self, event: DossierEvent) -> list[tuple[DossierDelivery, str]]:
        """Return the recipients that were excepted by a decision, each with its ground in words."""
        return [(d, meaning(d.code)) for d in event.deliveries if d.state is State.EXEMPT]

    def remains(self) -> dict[str, list[str]]:
        """Return what stays by design, by the recipient's name; each sentence once."""
        by_name: dict[str, dict[str, None]] = {}
        for event in self.events:
            for delivery in event.deliveries:
                for sentence in delivery.remains:
                    by_name.setdefault(self._unique_name(delivery), {})[sentence] = None
        return {name: list(sentences) for name, sentences in by_name.items()}

    def address(self) -> str:
        """Return what becomes, or became, of the address that was kept for the work; nothing where none could be."""
        if self.facts.subject is None:
            return ""
        shredded = [event.shredded_at for event in self.events if event.shredded_at]
        if shredded and len(shredded) == len(self.events):
            return f"We destroyed the address that we had kept for this work on {self.day(max(shredded))}."
        days = self.facts.recheck_days
        until = f"the last check, {max(days)} days after everything is done" if days else "everything is done"
        return f"Until {until}, we keep your address encrypted, for this work only; then it is destroyed."

    def proven(self, event: DossierEvent) -> list[LogEntry]:
        """Return the entries of a request that the dossier proves."""
        seqs = {proof.seq for proof in self.facts.proofs}
        return [entry for entry in event.audit if entry.seq in seqs]


def _why(delivery: DossierDelivery) -> str:
    if delivery.state is State.APPLIED:
        return "It says that this is done; we have not been able to see that for ourselves yet."
    if delivery.state is State.PENDING and not delivery.code:
        return "It is about to be asked."
    return WHY.get(delivery.code or "", HELD if delivery.state is State.HELD else TRYING)


def _places(look: LogEntry) -> str:
    # a step without a state looked for something else, such as which mailing lists there are
    scopes = {step.scope for step in steps(look.facts) if step.state}
    return f" in {len(scopes)} places" if len(scopes) > 1 else ""


def _listed(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
