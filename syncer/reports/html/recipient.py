"""What a dossier says of one recipient: what it was asked and did, how that was checked, what is open, and why. Pure.

Done is only what was read back. What a recipient merely answered is told as its answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from adapters.contract import Action, Inapplicable, Outcome
from syncer.audit.ledger import LogEntry
from syncer.domain.codes import GUARDED, SHADOWED
from syncer.domain.endings import UNSEEN
from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.language.texts import _, listed
from syncer.reports.dossier import DossierDelivery, DossierEvent
from syncer.reports.evidence import StepView, steps
from syncer.reports.html import dossier_texts as texts
from syncer.reports.html import dossier_unseen as unseen
from syncer.reports.wording.grounds import exception
from syncer.reports.wording.moments import Moments
from syncer.reports.wording.previews import is_shadowed
from syncer.reports.wording.sureness import kind_of
from syncer.reports.wording.words import action_word

#: state or outcome -> what the small print calls it
FIGURES = {
    "pending": "pending",
    "retrying": "retrying",
    "applied": "applied",
    "confirmed": "confirmed",
    "held": "held",
    "exempt": "exempt",
    "accepted": "passed on, not checked",
    "attested": "settled by a person",
    "not_applicable": "not asked",
    "done": "done",
    "absent": "absent",
}


class RecipientView:
    """One request at one recipient. `working` says that the program calls this recipient at present."""

    def __init__(self, event: DossierEvent, delivery: DossierDelivery, moments: Moments, *, working: bool) -> None:
        self.delivery = delivery
        self._event = event
        self._moments = moments
        self._working = working
        self._entries = [entry for entry in event.audit if entry.destination == delivery.destination]

    def asked(self) -> str:
        """Return what the recipient was asked, and when first."""
        tried = self.delivery.evidence.attempts
        if self.delivery.state is State.NOT_APPLICABLE and self.delivery.evidence.acceptance is None:
            return _("It could not be asked.")
        if tried is not None:
            return _("On {when}: {what}.").format(
                when=self._moments.written(tried.first_attempt_at), what=_(texts.ASK[self.delivery.action])
            )
        if self._event.right is None:
            return _("Nothing.")
        if self.delivery.state is State.ATTESTED:
            return _("A person who works for us dealt with it.")
        return _("It was not asked.") if self.delivery.through else _(texts.NOT_ASKED)

    def did(self) -> list[str]:
        """Return what the recipient did, and that a person was found again, in sentences."""
        delivery, back = self.delivery, list(self._of("delivery:reappeared"))
        again = [
            _(
                "It was carried out, but you were found there again on {when}: something had added you once more."
            ).format(when=self._moments.written(entry.at))
            for entry in back
        ]
        if delivery.state is State.EXEMPT:
            return [*again, *self.before(), self._excepted()]
        if delivery.state in UNSEEN:
            return [*again, *unseen.did(delivery, self._moments)]
        if not delivery.through:
            before = self.before()
            return [*again, *before, _("This is not finished: see below.")] if before or again else [_("Nothing yet.")]
        if delivery.outcome is Outcome.ABSENT:
            return [*again, _("It held nothing about you. There was nothing to change.")]
        then, some_time = (texts.DID_AGAIN if back else texts.DID)[self._done()]
        if delivery.applied_at is None:
            return [*again, _(some_time)]
        return [*again, _(then).format(when=self._moments.written(delivery.applied_at))]

    def checked(self) -> list[str]:
        """Return how that was checked, and when again, in sentences."""
        delivery, moments = self.delivery, self._moments
        back = max((entry.seq for entry in self._of("delivery:reappeared")), default=0)
        looks = [entry for entry in self._of("delivery:confirmed") if entry.seq > back]
        if delivery.state in UNSEEN:
            return [*self._once(looks), *unseen.checked(delivery, moments)]
        if not looks:
            return [_("It was not checked.") if delivery.state is State.EXEMPT else _("Not yet.")]
        if not delivery.is_read_back:
            return self._once(looks)
        places = _places(looks[0])
        if delivery.outcome is Outcome.ABSENT:
            saw = _("On {when} we searched and found nothing about you.")
            if places > 1:
                saw = _("On {when} we searched in {places} places and found nothing about you.")
        else:
            saw = _((texts.SAW_IN_PLACES if places > 1 else texts.SAW)[self._done()])
        said = [saw.format(when=moments.written(looks[0].at), places=texts.number(places))]
        if len(looks) > 1:
            said.append(_("Still so on {days}.").format(days=listed([moments.day(look.at) for look in looks[1:]])))
        return said

    def _once(self, looks: Sequence[LogEntry]) -> list[str]:
        """Return when it was last found to be so, of what is not known to be so any more; nothing for never."""
        when = [self._moments.written(look.at) for look in looks[-1:]]
        return [_("Last found to be so on {when}, and not since.").format(when=each) for each in when]

    def what_helps(self) -> list[str]:
        """Return what the person can do where a recipient cannot find them, in sentences."""
        return [_(texts.BRING_IDENTIFIER)] if kind_of(self.delivery) is Inapplicable.NO_IDENTIFIER else []

    def why(self) -> list[str]:
        """Return why it is not through and what is left to do, in sentences that promise nothing for a person."""
        delivery = self.delivery
        if delivery.state is State.HELD:
            return [texts.why(self._reason()), _(texts.BY_HAND)]
        goes_on = [] if self._working else [_(texts.AT_REST)]
        if delivery.state is State.APPLIED:
            return [_(texts.NOT_SEEN), *goes_on]
        if is_shadowed(delivery):
            return [texts.why(SHADOWED), *self.would_have()]
        if delivery.code == GUARDED:
            return [texts.why(GUARDED), _(texts.BY_HAND)]
        if delivery.code:
            return [texts.why(delivery.code), *(goes_on or [_(texts.TRIED_AGAIN)])]
        tried = delivery.evidence.attempts is not None
        return [_(texts.FAULT if tried else texts.NOT_ASKED), *goes_on]

    def would_have(self) -> list[str]:
        """Return what would have happened at a recipient on trial, in sentences that claim nothing was done."""
        seen, action = self.delivery.evidence.foreseen, self.delivery.action
        if seen is None or self.delivery.state is State.APPLIED:
            return []
        what = texts.WOULD[action] if seen.would else texts.WOULD_FIND_NOBODY
        if seen.would_be_held_for:
            what = texts.WOULD_BE_HELD
        elif seen.found and not seen.would:
            what = texts.WOULD[None]
        return [_(texts.WOULD_HAVE).format(when=self._moments.written(seen.previewed_at), what=_(what))]

    def decision(self) -> list[str]:
        """Return on which ground it was excepted, the reason given and the day, in sentences."""
        said, decided = [exception(self.delivery.code, self._event.right)], self.delivery.evidence.exemption
        if decided is not None:
            if decided.reason:
                said.append(_("The reason given: “{reason}”.").format(reason=decided.reason))
            said.append(_("This was decided on {day}.").format(day=self._moments.day(decided.decided_at)))
        return said

    def before(self) -> list[str]:
        """Return what the recipient answered before it was excepted, or before it stopped, in sentences.

        An answer proves less than a look afterwards does: what is said here is what was answered.
        """
        if self.delivery.evidence.attempts is None:
            return []
        taken = self.delivery.evidence.acceptance
        if taken is not None:  # its answer said that it took the request, and nothing more
            when = self._moments.written(taken.accepted_at)
            return [_("We had passed the request on to it on {when}, and it let nobody look.").format(when=when)]
        if any(entry.facts is None for entry in self._entries):
            return [_("We no longer keep the details of what it answered.")]
        walks = [found for entry in self._since_it_came_back() if (found := steps(entry.facts))]
        calls = [step for walk in walks for step in walk]
        done = {step.state for step in calls if _obeyed(step)}
        said = []
        if "deleted" in done:
            said.append(_("It answered that it deleted an entry about you."))
        if "unsubscribed" in done:
            partly = any(map(_failed, walks[-1]))
            said.append(
                _("It answered that a part of its mail to you was stopped.")
                if partly
                else _("It answered that its mail to you was stopped.")
            )
        if any(map(_obeyed, calls)) and not said:
            said.append(_("It answered that a part was done."))
        if any(map(_is_unanswered, calls)):
            said.append(_("To some of what we asked it gave no answer: it may have done that or not."))
        if not said:
            said.append(_("As far as its answers show, it changed nothing."))
        return said

    def in_figures(self) -> str:
        """Return action, state, outcome and code for whoever checks the page."""
        delivery = self.delivery
        said = f"{action_word(delivery.action) or '-'}, {_(FIGURES[delivery.state])}"
        if delivery.outcome and delivery.state not in UNSEEN:
            said += f", {_(FIGURES[delivery.outcome])}"
        if not delivery.code:
            return said
        if delivery.state in UNSEEN:  # their codes are words that claim too much by themselves
            return f"{said} ({_(texts.CLOSED_FOR.get(delivery.code, delivery.code))})"
        words = exception(delivery.code, self._event.right) if self._is_exempt() else texts.why(delivery.code)
        why = _("{what}: {said}").format(what=delivery.code, said=words.rstrip("."))
        return f"{said} ({why})"

    def calls(self) -> list[tuple[str, tuple[StepView, ...]]]:
        """Return the calls that were exchanged, each kind under a word that claims no more than they show."""
        told, unsure = self.delivery.evidence, self.delivery.state in UNSEEN and not self.delivery.evidence.confirmation
        taken = unsure and self.delivery.state is State.ACCEPTED  # then these calls are the order itself
        return [
            (_("asked:") if unsure else _("carried out:"), () if taken else told.carried_out),
            (_("passed on:"), told.order),
            (_("read back:"), told.read_back),
        ]

    def _done(self) -> Action | None:
        """Return the action if it was found carried out: a row that does not say so claims nothing."""
        return self.delivery.action if self.delivery.outcome is Outcome.DONE else None

    def _excepted(self) -> str:
        withdrawn = self.delivery.code == Ground.WITHDRAWN
        if self.delivery.evidence.attempts is None:
            if withdrawn:
                return _("It was not asked: the request was withdrawn, see below.")
            return _("It was not asked: see the exception below.")
        said = _("It was not asked any further: see the exception below.")
        if withdrawn:
            said = _("It was not asked any further: the request was withdrawn, see below.")
        left = texts.LEFT_OPEN.get(self._reason() or "")
        return f"{_(left)} {said}" if left else said

    def _is_exempt(self) -> bool:
        return self.delivery.state is State.EXEMPT

    def _reason(self) -> str | None:
        """Return the code for which it was held; of an excepted one the log alone knows it."""
        if not self._is_exempt():
            return self.delivery.code
        held = [entry for entry in self._of("delivery:held") if entry.facts]
        return (held[-1].facts or {}).get("code") if held else None

    def _since_it_came_back(self) -> list[LogEntry]:
        back = max((entry.seq for entry in self._of("delivery:reappeared")), default=0)
        return [entry for entry in self._entries if entry.seq >= back]

    def _of(self, what: str) -> Iterator[LogEntry]:
        return (entry for entry in self._entries if entry.what == what)


def _writes(step: StepView) -> bool:
    return not step.call.startswith("GET ")


def _obeyed(step: StepView) -> bool:
    return _writes(step) and step.status is not None and step.status < 300


def _failed(step: StepView) -> bool:
    # 404 says that somebody is not there
    return step.status is None or (step.status >= 400 and step.status != 404)


def _is_unanswered(step: StepView) -> bool:
    return _writes(step) and step.status is None


def _places(look: LogEntry) -> int:
    """Return in how many places a look searched."""
    # a step without a state looked for something else, such as which mailing lists there are
    return len({step.scope for step in steps(look.facts) if step.state})
