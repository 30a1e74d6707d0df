"""A plan that is seen first, and then carried out or proposed by its digest: not once it is another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Generic, Protocol, TypeVar

from pydantic import BeforeValidator
from werkzeug.wrappers import Response

from syncer.console.desk import desk
from syncer.console.forms import UnfitForm, sent
from syncer.console.views.decide import deciding
from syncer.console.views.decide.deciding import PlanForm
from syncer.decisions.four_eyes.authority import NeedsSecondPerson, NotAllowed
from syncer.decisions.four_eyes.wanted import Wanted
from syncer.errors import UntrustedLog, UserError
from syncer.language.texts import N_, _

if TYPE_CHECKING:
    from syncer.app import App


def number_of(typed: object) -> int | None:
    """Return a number as it was typed, None for none. Raises ValueError, with a text for people."""
    text = str(typed).strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 9):
        raise ValueError(N_("Write a whole number, in digits."))
    return int(text)


#: a number in digits, which may be left out
Typed = Annotated[int | None, BeforeValidator(number_of)]


class CountedForm(PlanForm):
    """What carrying out a plan asks for, and how many deletions or requests it has, where that is asked for."""

    deletions: Typed = None
    requests: Typed = None


class DigestedPlan(Protocol):
    """A plan, by what stands for it."""

    @property
    def digest(self) -> str:
        """What stands for exactly this plan."""


Shown = TypeVar("Shown", bound=DigestedPlan)


@dataclass(frozen=True, slots=True)
class PlannedDecision(Generic[Shown]):
    """A plan as a page carries it out; `show` returns the page of a plan, with what was wrong and with its status.

    `plan` makes the plan as it is now. `may_go` says whether there is anything to carry out, by whoever asks; `number`
    is what a person has to type into the field `counted`, None for a plan that asks for none, and `count` what is said
    to another number, as a text with `number` in it. `wanted` is the plan as it is proposed; None for what nobody has
    to propose.
    """

    plan: Callable[[], Shown]
    show: Callable[[Shown, dict[str, str], int], Response]
    may_go: Callable[[Shown], bool]
    carry_out: Callable[[App, Shown, CountedForm], object]
    done: Callable[[Shown], Response]
    wanted: Callable[[Shown], Wanted] | None = None
    number: Callable[[Shown], int | None] = lambda _plan: None
    count: str = ""
    counted: str = "deletions"

    def taken(self) -> Response:
        """Carry the plan out as the form says, or propose it; else show it again, and why."""
        found = self.plan()
        try:
            form = sent(CountedForm)
        except UnfitForm as unfit:
            return self.show(found, unfit.errors, 422)
        if form.digest != found.digest or not self.may_go(found):
            return self.show(found, {}, 409)
        if (number := self.number(found)) is not None and getattr(form, self.counted) != number:
            return self.show(found, {self.counted: _(self.count) % {"number": number}}, 422)
        try:
            return self._carried_out(found, form)
        except (NotAllowed, UntrustedLog):
            raise
        except UserError:
            return self.show(self.plan(), {}, 409)

    def _carried_out(self, found: Shown, form: CountedForm) -> Response:
        app = desk().acting()
        try:
            self.carry_out(app, found, form)
        except NeedsSecondPerson:
            if self.wanted is None:
                raise
            app.proposals.propose(self.wanted(found), form.reason, digest=form.digest)
            return deciding.to_proposals()
        return self.done(found)
