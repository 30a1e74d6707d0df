"""A page of one decision about one request: it shows a form, checks it, and decides or proposes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flask import url_for
from werkzeug.wrappers import Response

from syncer.console.desk import desk
from syncer.console.forms import UnfitForm, sent
from syncer.console.pages import page
from syncer.console.reading.unreadable import readable
from syncer.console.views.decide import deciding
from syncer.console.views.decide.deciding import PlanForm, ReasonForm
from syncer.decisions.four_eyes.authority import NeedsSecondPerson, NotAllowed
from syncer.decisions.four_eyes.wanted import ProposalKind, Wanted
from syncer.errors import UserError
from syncer.language.texts import _
from syncer.reports.views import EventView

if TYPE_CHECKING:
    from syncer.app import App

Asked = TypeVar("Asked", bound=ReasonForm)


@dataclass(frozen=True, slots=True)
class DecisionPage(Generic[Asked]):
    """A decision about one request, at `/requests/ID/NAME`.

    `decide` does what a form asks for, `wanted` is the same as a value that waits for a second person; it may raise
    UnfitForm. `beside` maps what a refusal begins with to the field that it is about. `values` are what the template
    shows beside the request. `done` is announced; `changed`, `back` and `beside` are texts to be translated.
    """

    name: str
    form: type[Asked]
    kind: ProposalKind
    wanted: Callable[[EventView, Asked], Wanted]
    decide: Callable[[App, EventView, Asked], object]
    values: Callable[[EventView], Mapping[str, Any]]
    done: str
    changed: str
    back: str
    beside: Mapping[str, str] = field(default_factory=dict)

    def show(self, event_id: str) -> Response:
        """Show what the decision means, with its form."""
        return self._page(deciding.request_or_404(event_id), {})

    def take(self, event_id: str) -> Response:
        """Decide as the form says, or propose it."""
        event = deciding.request_or_404(event_id)
        return deciding.once(lambda: self._taken(event))

    def _taken(self, event: EventView) -> Response:
        try:
            form = sent(self.form)
            return self._decided(event, form, self.wanted(event, form))
        except UnfitForm as unfit:
            return self._page(event, unfit.errors)
        except NotAllowed:
            raise
        except UserError as error:
            if errors := deciding.beside(error, self.beside):
                return self._page(event, errors)
            back = url_for(f"{self.name}.{self.name}", event_id=event.id)
            changes = deciding.last_change(event.id)
            return deciding.changed(_(self.changed), error, changes, back, _(self.back))

    def _decided(self, event: EventView, form: Asked, wanted: Wanted) -> Response:
        app = desk().acting()
        try:
            self.decide(app, event, form)
        except NeedsSecondPerson:
            app.proposals.propose(wanted, form.reason, digest=form.digest if isinstance(form, PlanForm) else None)
            return deciding.to_proposals()
        return deciding.to_request(event.id, self.done)

    def _page(self, event: EventView, errors: dict[str, str]) -> Response:
        with readable():
            values = self.values(event)
        return page(
            f"decide/{self.name}.html",
            422 if errors else 200,
            event=event,
            errors=errors,
            typed=deciding.typed(*self.form.model_fields),
            key=deciding.new_key(),
            asks=deciding.needs_another(self.kind),
            **values,
        )
