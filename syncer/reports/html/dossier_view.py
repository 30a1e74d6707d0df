"""What a dossier says to the person it is about: plain words, days and hours of the controller's zone. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from adapters.contract import Stays
from syncer.audit.ledger import LogEntry
from syncer.domain.deadlines import is_overdue
from syncer.domain.endings import UNSEEN, Ending
from syncer.domain.model import EventState, State
from syncer.domain.rights import Right
from syncer.language.texts import N_, _, counted, listed
from syncer.reports.dossier import DossierDelivery, DossierEvent, DossierFacts
from syncer.reports.html import dossier_texts as texts
from syncer.reports.html.dossier_unseen import any_unseen, apart, counted_apart, mark
from syncer.reports.html.lead import asked_for, standing
from syncer.reports.html.recipient import RecipientView
from syncer.reports.wording.cases import case
from syncer.reports.wording.grounds import exception, has_ground, of_our_address, of_our_record, staying
from syncer.reports.wording.moments import Moments, offset
from syncer.reports.wording.words import sentence

#: ending -> the word before the sentence that says where a request stands, and its class in the style sheet
_MARKS = {
    Ending.EVERYWHERE: (N_("Done"), "fulfilled"),
    Ending.WITH_EXCEPTION: (N_("Not done everywhere"), "exempt"),
    Ending.WITHDRAWN: (N_("Withdrawn"), "exempt"),
    Ending.NOBODY: (N_("Not done"), "exempt"),
}
#: what an answer was late for: its due day, or the target for objections
_DAY, _TARGET = "day", "target"


@dataclass(frozen=True, slots=True)
class Remains:
    """What remains at a recipient: a text, and a sentence about its ground."""

    text: str
    ground: str


#: of a recipient where nothing is known to be so, and of one that was excepted
_NOT_FINISHED = Remains(
    N_("The work there is not finished, so it is not known yet what stays."), N_("See above what is open.")
)
_EXCEPTED = Remains(
    N_("What it still holds about you, if anything, stays there."), N_("See above what was decided, and why.")
)
#: of one that nobody could look at
_NOT_SHOWN = Remains(N_("What it holds about you, if anything, we could not see."), N_("See above what became of it."))


class DossierView:
    """A dossier, ready to be shown."""

    def __init__(self, facts: DossierFacts) -> None:
        self.facts = facts
        self.events = facts.events
        self.controller = facts.controller
        self._zone = ZoneInfo(facts.timezone)
        self._moments = Moments(self._zone)

    # -- days and hours -------------------------------------------------------------------------------------

    def when(self, moment: datetime | str) -> str:
        """Return a UTC time, or one that the log wrote, as the person's clock showed it."""
        return self._moments.written(moment)

    def day(self, day: date | datetime | str) -> str:
        """Return a day in words; given as one, as a UTC time, or as one that the log wrote."""
        return self._moments.day(day)

    def exact(self, moment: datetime | str) -> str:
        """Return a moment to the second, with its offset, for whoever checks the page."""
        return self._moments.exact(moment)

    def clock(self) -> str:
        """Return which clock the page goes by, with its offset from UTC: two where the page reaches over a change."""
        shown: list[datetime | str] = [self.facts.generated_at]
        for event in self.events:
            shown += [event.received_at, *(entry.at for entry in event.audit)]
        local = [self._moments.local(moment) for moment in shown]
        summer = {offset(each) for each in local if each.dst()}
        winter = {offset(each) for each in local} - summer
        said = [f"UTC{each}" for each in sorted(winter)]
        said += [_("in summer time UTC{offset}").format(offset=each) for each in sorted(summer)]
        return f"{self._zone.key} ({', '.join(said)})"

    # -- the whole ------------------------------------------------------------------------------------------

    def reference(self) -> str:
        """Return the numbers by which people speak of the requests."""
        return listed([case(event.case, event.id) for event in self.events])

    def sentence(self) -> str:
        """Return where things stand, in plain sentences."""
        excepted = any(event.ending is Ending.WITH_EXCEPTION for event in self.events)
        hidden = self.could_not_look()
        told = _("Below you find who was told, what they did, and how we checked it.")
        if hidden:
            told = _("Below you find who was told, what they answered, and where we could not look.")
        if hidden and excepted:
            told = _(
                "Below you find who was told, what they answered, where we could not look, and why there is an"
                " exception."
            )
        elif excepted:
            told = _("Below you find who was told, what they did, how we checked it, and why there is an exception.")
        own = self.own()
        late = self._late_answer(own[0]) if len(own) == 1 else ""
        return f"{standing(self.events, late)} {told}"

    def could_not_look(self) -> bool:
        """Say whether a recipient of any request let us not look what became of it."""
        return any(any_unseen(event.deliveries) for event in self.events)

    def own(self) -> list[DossierEvent]:
        """Return the requests that were not withdrawn as entered by mistake, perhaps about the wrong person."""
        return asked_for(self.events)

    # -- one request ----------------------------------------------------------------------------------------

    def by_mistake(self, event: DossierEvent) -> bool:
        """Say whether a request was withdrawn as entered by mistake: nobody knows that the person asked for it."""
        return event.ending is Ending.WITHDRAWN

    def title(self, event: DossierEvent) -> str:
        """Return the heading of a request, which calls it the person's own only where it is."""
        if self.by_mistake(event):
            return _("Entered by mistake: a request of {day}").format(day=self.day(event.received_at))
        return _("{asked}: your request of {day}").format(
            asked=_(texts.ASKED[event.right][0]), day=self.day(event.received_at)
        )

    def mark(self, event: DossierEvent) -> tuple[str, str]:
        """Return in a word where a request stands, and the class by which the page marks it."""
        if event.ending is None:
            return _("Not done yet"), event.state.value
        if event.ending is Ending.ANSWERED:
            return mark(event.deliveries), "answered"
        word, style = _MARKS[event.ending]
        return _(word), style

    def stand(self, event: DossierEvent) -> str:
        """Return where one request stands."""
        if event.ending is None or event.fulfilled_at is None:
            return self._so_far(event)
        on = self.when(event.fulfilled_at)
        first = self._answered_at(event)
        if event.ending is Ending.EVERYWHERE and first is not None and self.when(first) != on:
            on = _("{first}, and last on {last}").format(first=self.when(first), last=on)
        end = {
            Ending.EVERYWHERE: _("carried out everywhere, on {when}."),
            Ending.ANSWERED: _("closed on {when}."),
            Ending.WITH_EXCEPTION: _("closed with an exception, on {when}."),
            Ending.WITHDRAWN: _("on {when}, since it had been entered by mistake."),
            Ending.NOBODY: _("closed on {when}; no recipient was set up when it came, so nobody was told."),
        }[event.ending].format(when=on)
        return f"{self._with_lateness(event, end)} {counted_apart(event.deliveries)}".rstrip()

    def _with_lateness(self, event: DossierEvent, end: str) -> str:
        if not self._was_late(event):
            return end
        end = end.removesuffix(".")
        if self._was_late(event) == _DAY:
            return _("{stands}; this was later than it was due.").format(stands=end)
        return _("{stands}; this was later than the {hours} hours that we aim for.").format(
            stands=end, hours=self.facts.objection_target_hours
        )

    def _so_far(self, event: DossierEvent) -> str:
        number = len(event.deliveries)
        if not number:
            return _("no recipient was set up when it came, so nobody was told yet; a person has to settle it.")
        done = sum(delivery.is_read_back for delivery in event.deliveries)
        if not done:
            said = counted(
                "none of the {num} recipient has finished", "none of the {num} recipients has finished", number
            )
        elif number == 1:
            said = _("1 of 1 recipient has finished")
        else:
            said = counted(
                "{num} of {all} recipients has finished", "{num} of {all} recipients have finished", done, all=number
            )
        if otherwise := apart(each for each in event.deliveries if not each.is_read_back):
            said = f"{said}, {otherwise}"
        elif excepted := sum(delivery.state is State.EXEMPT for delivery in event.deliveries):
            out = counted("one was excepted", "{number} were excepted", excepted, number=texts.number(excepted))
            said = f"{said}, {out}"
        if event.state is EventState.HELD:
            return _("{so_far}; a person has to settle the rest.").format(so_far=said)
        return f"{said}."

    def late(self, event: DossierEvent) -> str:
        """Return in what way an open request is late, or nothing."""
        if event.state is EventState.FULFILLED or not event.overdue:
            return ""
        if is_overdue(event.due_on, self._zone, self.facts.generated_at):
            return _("This is late: the time for an answer is over.")
        return _("This takes longer than the {hours} hours that we aim for.").format(
            hours=self.facts.objection_target_hours
        )

    def _late_answer(self, event: DossierEvent) -> str:
        """Return in what way an answer was late, as a sentence, or nothing."""
        if self._was_late(event) == _DAY:
            return _("This was later than it was due.")
        if self._was_late(event) == _TARGET:
            return _("This was later than the {hours} hours that we aim for.").format(
                hours=self.facts.objection_target_hours
            )
        return ""

    def _was_late(self, event: DossierEvent) -> str:
        """Return what an answer missed, or nothing: the first one counts, also where more had to be done since."""
        answered = self._answered_at(event)
        if not event.late or answered is None or self.by_mistake(event) or event.state is not EventState.FULFILLED:
            return ""
        if self._moments.local(answered).date() > event.due_on:
            return _DAY
        return _TARGET

    def _answered_at(self, event: DossierEvent) -> datetime | str | None:
        told = (entry.at for entry in event.audit if entry.what == "event:fulfilled")
        return next(told, event.fulfilled_at)

    def extension(self, event: DossierEvent) -> str:
        """Return when and why the time to answer was extended, or nothing."""
        if event.extended_at is None or event.informed_on is None:
            return ""
        facts = next((entry.facts or {} for entry in event.audit if entry.what == "event:extended"), {})
        said = [
            _("The time to answer was extended (Art. 12(3) GDPR); you were told on {day}.").format(
                day=self.day(event.informed_on)
            )
        ]
        if facts.get("reason"):
            said.append(_("The reason given: “{reason}”.").format(reason=facts["reason"]))
        return " ".join(said)

    def purged(self, event: DossierEvent) -> bool:
        """Say whether details of a request are no longer kept."""
        return any(entry.facts is None for entry in event.audit)

    # -- its recipients -------------------------------------------------------------------------------------

    def recipients(self, event: DossierEvent) -> list[RecipientView]:
        """Return what is said of each recipient of a request."""
        return [
            RecipientView(event, each, self._moments, working=self.facts.recipients[each.destination].working)
            for each in event.deliveries
        ]

    def open(self, event: DossierEvent) -> list[RecipientView]:
        """Return the recipients that are not through."""
        return [each for each in self.recipients(event) if not each.delivery.through]

    def exceptions(self, event: DossierEvent) -> list[RecipientView]:
        """Return the recipients that were excepted by a decision, or by the request being withdrawn."""
        return [each for each in self.recipients(event) if each.delivery.state is State.EXEMPT]

    def not_found(self, event: DossierEvent) -> list[RecipientView]:
        """Return the recipients that cannot find the person, who may know by what they could."""
        return [] if self.by_mistake(event) else [each for each in self.recipients(event) if each.what_helps()]

    def name(self, delivery: DossierDelivery) -> str:
        """Return the recipient's name as people know it."""
        return self.facts.recipients[delivery.destination].title

    def _unique_name(self, delivery: DossierDelivery) -> str:
        name = self.name(delivery)
        several = sum(recipient.title == name for recipient in self.facts.recipients.values()) > 1
        return (
            _("{name} (our account “{account}”)").format(name=name, account=delivery.destination) if several else name
        )

    # -- what remains ---------------------------------------------------------------------------------------

    def kept(self) -> dict[str, list[Remains]]:
        """Return what stays on a legal ground, by the recipient's name; each text once."""
        return self._remains(on_ground=True)

    def left(self) -> dict[str, list[Remains]]:
        """Return what stays though no ground was named for it, by the recipient's name; each text once."""
        return self._remains(on_ground=False)

    def _remains(self, *, on_ground: bool) -> dict[str, list[Remains]]:
        by_name: dict[str, dict[Remains, None]] = {}
        for event in self.events:
            for delivery in event.deliveries:
                items = [
                    Remains(_(item.text), self._ground(event, delivery, item.why))
                    for item in delivery.remaining
                    if (has_ground(item.why, event.right) and not self.by_mistake(event)) is on_ground
                ]
                if not on_ground and not delivery.through:
                    items.append(Remains(_(_NOT_FINISHED.text), _(_NOT_FINISHED.ground)))
                elif not on_ground and delivery.state in UNSEEN:
                    items.append(Remains(_(_NOT_SHOWN.text), _(_NOT_SHOWN.ground)))
                elif not on_ground and delivery.state is State.EXEMPT:
                    items.append(Remains(_(_EXCEPTED.text), _(_EXCEPTED.ground)))
                by_name.setdefault(self._unique_name(delivery), {}).update(dict.fromkeys(items))
        return {name: list(items) for name, items in by_name.items() if items}

    def _ground(self, event: DossierEvent, delivery: DossierDelivery, why: Stays) -> str:
        # the facts have it in English, for JSON
        return staying(why, event.right, self.name(delivery), withdrawn=self.by_mistake(event))

    def destroyed(self) -> str:
        """Return when the address was destroyed that had been kept for the work, or nothing."""
        shredded = [event.shredded_at for event in self.events if event.shredded_at]
        if self.facts.subject is None or not shredded or len(shredded) < len(self.events):
            return ""
        return _("We destroyed the address that we had kept for this work on {day}.").format(
            day=self.day(max(shredded))
        )

    def address(self) -> Remains | None:
        """Return until when the address is kept for the work, and the ground; None where it is not."""
        if self.facts.subject is None or self.destroyed():
            return None
        days = self.facts.recheck_days
        text = _(
            "Until all is closed, we keep your address encrypted, for this work only; then our system destroys it."
        )
        if days:
            text = _(
                "Until the last check, {days} days after all is closed, we keep your address encrypted, for this work"
                " only; then our system destroys it."
            ).format(days=max(days))
        return Remains(text, of_our_address(self._strictest()))

    def record(self) -> Remains:
        """Return for how long the record is kept, and the ground."""
        text = _(
            "So that we can show what we did, we keep a record of it for {months} months. In place of your address it"
            " holds a code that cannot be turned back into it; only with our secret key can one tell whether the code"
            " belongs to an address that one knows already."
        ).format(months=self.facts.audit_months)
        return Remains(text, of_our_record(self._strictest()))

    def _strictest(self) -> Right:
        """Return the right by which the controller needs a ground: an erasure where one was asked for."""
        return Right.OBJECTION if all(event.right == Right.OBJECTION for event in self.events) else Right.ERASURE

    # -- the small print ------------------------------------------------------------------------------------

    def proven(self, event: DossierEvent) -> list[LogEntry]:
        """Return the entries of a request that the dossier proves."""
        seqs = {proof.seq for proof in self.facts.proofs}
        return [entry for entry in event.audit if entry.seq in seqs]

    def said(self, event: DossierEvent, entry: LogEntry) -> str:
        """Return an entry in words; the ground of an exception in those that fit the right."""
        if entry.facts is None:
            return sentence(entry)
        if entry.what == "delivery:held":  # what an administrator is told to do is not for the person
            return _("held: {why}").format(why=texts.why(entry.facts.get("code")))
        if entry.what != "delivery:exempt":
            return sentence(entry)
        words, reason = exception(entry.facts.get("ground"), event.right), entry.facts.get("reason")
        said = [_("A person decided on an exception."), words]
        if reason:
            said.append(_("The reason given: “{reason}”.").format(reason=reason))
        return " ".join(said)

    def came(self, event: DossierEvent) -> str:
        """Return in words how a request reached the controller; the source must be known."""
        by_hand = event.source == "cli"
        said = _("entered by hand") if by_hand else _("received through “{source}”").format(source=event.source)
        return f"{said} ({event.source_ref})" if event.source_ref else said
