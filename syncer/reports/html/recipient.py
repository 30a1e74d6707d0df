"""What a dossier says of one recipient: what it was asked and did, how that was checked, what is open, and why. Pure.

Done is only what was read back. What a recipient merely answered is told as its answer.
"""

from __future__ import annotations

from collections.abc import Iterator

from adapters.contract import Action, Outcome
from syncer.audit.ledger import LogEntry
from syncer.domain.model import State
from syncer.domain.rights import Ground
from syncer.reports.dossier import DossierDelivery, DossierEvent
from syncer.reports.evidence import StepView, steps
from syncer.reports.html import dossier_texts as texts
from syncer.reports.wording.grounds import exception
from syncer.reports.wording.moments import Moments


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
        if tried is not None:
            return f"On {self._moments.written(tried.first_attempt_at)}: {texts.ASK[self.delivery.action]}."
        if self._event.right is None:
            return "Nothing."
        return "It was not asked." if self.delivery.through else texts.NOT_ASKED

    def did(self) -> list[str]:
        """Return what the recipient did, and that a person was found again, in sentences."""
        delivery, back = self.delivery, list(self._of("delivery:reappeared"))
        again = [
            f"It was carried out, but you were found there again on {self._moments.written(entry.at)}: something had"
            " added you once more."
            for entry in back
        ]
        if delivery.state is State.EXEMPT:
            return [*again, *self.before(), self._excepted()]
        if not delivery.through:
            before = self.before()
            return [*again, *before, "This is not finished: see below."] if before or again else ["Nothing yet."]
        if delivery.outcome is Outcome.ABSENT:
            return [*again, "It held nothing about you. There was nothing to change."]
        once_more = " again" if back else ""
        when = f" on {self._moments.written(delivery.applied_at)}" if delivery.applied_at else ""
        return [*again, texts.DID[self._done()].format(again=once_more, when=when)]

    def checked(self) -> list[str]:
        """Return how that was checked, and when again, in sentences."""
        delivery, moments = self.delivery, self._moments
        back = max((entry.seq for entry in self._of("delivery:reappeared")), default=0)
        looks = [entry for entry in self._of("delivery:confirmed") if entry.seq > back]
        if not looks:
            return ["It was not checked." if delivery.state is State.EXEMPT else "Not yet."]
        if not delivery.through or delivery.state is State.EXEMPT:
            return [f"Last found to be so on {moments.written(looks[-1].at)}, and not since."]
        places = _places(looks[0])
        if delivery.outcome is Outcome.ABSENT:
            said = [f"On {moments.written(looks[0].at)} we searched{places} and found nothing about you."]
        else:
            said = [f"On {moments.written(looks[0].at)} we looked again{places}: {texts.SAW[self._done()]}."]
        if len(looks) > 1:
            said.append(f"Still so on {texts.listed([moments.day(look.at) for look in looks[1:]])}.")
        return said

    def why(self) -> list[str]:
        """Return why it is not through and what is left to do, in sentences that promise nothing for a person."""
        delivery = self.delivery
        if delivery.state is State.HELD:
            return [texts.WHY.get(self._reason() or "", texts.FAULT), texts.BY_HAND]
        goes_on = [] if self._working else [texts.AT_REST]
        if delivery.state is State.APPLIED:
            return [texts.NOT_SEEN, *goes_on]
        if delivery.code:
            return [texts.WHY.get(delivery.code, texts.FAULT), *(goes_on or [texts.TRIED_AGAIN])]
        tried = delivery.evidence.attempts is not None
        return [texts.FAULT if tried else texts.NOT_ASKED, *goes_on]

    def decision(self) -> list[str]:
        """Return on which ground it was excepted, the reason given and the day, in sentences."""
        said, decided = [exception(self.delivery.code, self._event.right)], self.delivery.evidence.exemption
        if decided is not None:
            if decided.reason:
                said.append(f"The reason given: “{decided.reason}”.")
            said.append(f"This was decided on {self._moments.day(decided.decided_at)}.")
        return said

    def before(self) -> list[str]:
        """Return what the recipient answered before it was excepted, or before it stopped, in sentences.

        An answer proves less than a look afterwards does: what is said here is what was answered.
        """
        if self.delivery.evidence.attempts is None:
            return []
        if any(entry.facts is None for entry in self._entries):
            return ["We no longer keep the details of what it answered."]
        walks = [found for entry in self._since_it_came_back() if (found := steps(entry.facts))]
        calls = [step for walk in walks for step in walk]
        done = {step.state for step in calls if _obeyed(step)}
        said = []
        if "deleted" in done:
            said.append("It answered that it deleted an entry about you.")
        if "unsubscribed" in done:
            part = "a part of " if any(map(_failed, walks[-1])) else ""
            said.append(f"It answered that {part}its mail to you was stopped.")
        if any(map(_obeyed, calls)) and not said:
            said.append("It answered that a part was done.")
        if any(map(_is_unanswered, calls)):
            said.append("To some of what we asked it gave no answer: it may have done that or not.")
        if not said:
            said.append("As far as its answers show, it changed nothing.")
        return said

    def in_figures(self) -> str:
        """Return action, state, outcome and code for whoever checks the page."""
        delivery = self.delivery
        said = f"{delivery.action or '-'}, {delivery.state}"
        if delivery.outcome:
            said += f", {delivery.outcome}"
        if not delivery.code:
            return said
        if self._is_exempt():
            words = exception(delivery.code, self._event.right)
        else:
            words = texts.WHY.get(delivery.code, texts.FAULT)
        return f"{said} ({delivery.code}: {words.rstrip('.')})"

    def _done(self) -> Action | None:
        """Return the action if it was found carried out: a row that does not say so claims nothing."""
        return self.delivery.action if self.delivery.outcome is Outcome.DONE else None

    def _excepted(self) -> str:
        withdrawn = self.delivery.code == Ground.WITHDRAWN
        why = "the request was withdrawn, see below" if withdrawn else "see the exception below"
        if self.delivery.evidence.attempts is None:
            return f"It was not asked: {why}."
        left = texts.LEFT_OPEN.get(self._reason() or "")
        return f"{left + ' ' if left else ''}It was not asked any further: {why}."

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


def _places(look: LogEntry) -> str:
    # a step without a state looked for something else, such as which mailing lists there are
    scopes = {step.scope for step in steps(look.facts) if step.state}
    return f" in {texts.number(len(scopes))} places" if len(scopes) > 1 else ""
