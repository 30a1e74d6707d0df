"""`/guard/`: unusually many deletions, which wait until a person lets them begin or says that nobody asked for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

from flask import Blueprint, request, url_for
from werkzeug.wrappers import Response

from syncer.console.access import needs
from syncer.console.desk import desk
from syncer.console.pages import announce, page, seen_other
from syncer.console.reading.unreadable import readable
from syncer.console.views.decide import deciding
from syncer.console.views.decide.deciding import LastChange
from syncer.console.views.decide.planned import CountedForm, PlannedDecision
from syncer.decisions.four_eyes.wanted import ProposalKind, Release
from syncer.decisions.guarded import GuardPlan, StoppedChoice
from syncer.domain.permissions import Permission
from syncer.language.texts import N_, one_place
from syncer.reports.wording.words import sentence
from syncer.settings.destinations import SHADOW

if TYPE_CHECKING:
    from syncer.app import App

views = Blueprint("guard", __name__)
RELEASED = announce("released", N_("These deletions are let pass: the recipients are asked now."))
REFUSED = announce("refused", N_("These requests are held: nobody asked for them."))
#: requests, sources, and days, that a page shows; its numbers are of all
SHOWN = 200
#: what a decision about the guard leaves in the audit, and what changes what it stops
_CHANGES = ("guard:released", "guard:refused", "guard:tripped", "guard:cleared")


@dataclass(frozen=True, slots=True)
class StoppedAt:
    """What is stopped at a recipient: how many, of how many contacts, since when (UTC).

    `on_trial` says that it is in shadow mode: what is let begin begins there once it goes live.
    """

    destination: str
    deletions: int
    contacts: int | None
    since: datetime | None
    counted: int
    limit: int | None
    on_trial: bool

    @property
    def percent(self) -> str | None:
        """The share of the list, in per cent."""
        return one_place(100 * self.deletions / self.contacts) if self.contacts else None


@views.get("/guard/")
@needs(Permission.VIEW)
def guard() -> Response:
    """Show what the guard stopped."""
    return _page(_plan(choice_of()), {}, 200)


@views.post("/guard/release")
@needs(Permission.RELEASE)
def release() -> Response:
    """Let deletions begin, or propose it."""
    choice = choice_of()

    def let_begin(app: App, _found: GuardPlan, form: CountedForm) -> None:
        app.guard_decisions.release(choice, form.reason, form.digest, form.deletions or 0)

    decision = PlannedDecision(
        lambda: _plan(choice),
        _page,
        lambda found: bool(found.requests),
        let_begin,
        lambda _found: seen_other("guard.guard", said=RELEASED),
        wanted=lambda found: Release(tuple(each.event for each in found.requests), found.deletions),
        number=lambda found: found.deletions,
        count=N_("Type how many deletions begin: %(number)s."),
    )
    return deciding.once(decision.taken)


@views.post("/guard/refuse")
@needs(Permission.RELEASE)
def refuse() -> Response:
    """Hold requests that nobody made."""
    choice = choice_of()

    def hold(app: App, _found: GuardPlan, form: CountedForm) -> None:
        app.guard_decisions.refuse(choice, form.reason, form.digest)

    decision = PlannedDecision(
        lambda: _plan(choice),
        lambda found, errors, status: _page(found, {f"refuse_{name}": said for name, said in errors.items()}, status),
        lambda found: bool(found.requests),
        hold,
        lambda _found: seen_other("guard.guard", said=REFUSED),
    )
    return deciding.once(decision.taken)


def choice_of() -> StoppedChoice:
    """Return what the query chooses. Raises BadInput for what is none."""
    given = deciding.query((), "source", "received_until")
    until = deciding.midnight(deciding.one(given, "received_until"), "received_until")
    return StoppedChoice(deciding.one(given, "source"), until)


def chosen() -> dict[str, str]:
    """Return what the query chooses as it was written, for links that choose the same."""
    return {name: value for name, value in request.args.items() if name in ("source", "received_until") and value}


def link(endpoint: str, given: dict[str, str]) -> str:
    """Return the address of a page that is about what was chosen."""
    return url_for(endpoint, source=given.get("source"), received_until=given.get("received_until"))


def _page(found: GuardPlan, errors: dict[str, str], status: int) -> Response:
    app, here = desk().app, desk()
    sources = Counter(each.source for each in found.requests)
    days = Counter(_day(each.received_at) for each in found.requests)
    typed = deciding.typed("reason", "deletions") if status == 422 else {"reason": "", "deletions": ""}
    given = chosen()
    return page(
        "decide/guard.html",
        status,
        plan=found,
        stopped=_stopped(found),
        sources=sorted(sources.most_common(SHOWN)),
        more_sources=max(0, len(sources) - SHOWN),
        days=sorted(days.items(), key=lambda each: each[0] or date.max)[:SHOWN],
        more_days=max(0, len(days) - SHOWN),
        earliest=min((each.due_on for each in found.requests if each.due_on is not None), default=None),
        requests=found.requests[:SHOWN],
        chosen=given,
        release_url=link("guard.release", given),
        refuse_url=link("guard.refuse", given),
        errors=errors,
        changes=last_of(_CHANGES) if status == 409 else None,
        typed=typed,
        new_key=deciding.new_key,
        asks=deciding.needs_another(ProposalKind.RELEASE),
        now=app.clock(),
        refused=app.refused.number(),
        enabled=here.app.settings.guard.enabled,
    )


def _plan(choice: StoppedChoice) -> GuardPlan:
    with readable():
        return desk().app.guard_decisions.plan(choice)


def _stopped(found: GuardPlan) -> list[StoppedAt]:
    app, numbers = desk().app, found.by_destination
    with readable():
        standings = app.guard_decisions.standings({*app.settings.destinations, *numbers})
    on_trial = {name for name, each in app.settings.destinations.items() if each.mode == SHADOW}
    return [
        StoppedAt(name, numbers.get(name, 0), each.contacts, each.since, each.counted, each.limit, name in on_trial)
        for name, each in sorted(standings.items())
    ]


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(desk().zone).date() if moment is not None else None


def last_of(kinds: tuple[str, ...]) -> list[LastChange]:
    """Return the newest entry of these kinds, as what happened last."""
    return [deciding.change(each.at, each.actor, sentence(each)) for each in desk().app.ledger.entries(kinds)[-1:]]
