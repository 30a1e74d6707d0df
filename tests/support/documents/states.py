"""Propagation logs of every state that a delivery and a request can be in, as Hypothesis strategies; nothing is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any

from hypothesis import strategies as st

from adapters.contract import Action, Evidence, Outcome
from syncer.domain.codes import ANSWERS, CODES, INAPPLICABLE, NO_DESTINATION
from syncer.domain.controller import Controller
from syncer.domain.endings import UNSEEN, ending
from syncer.domain.model import EventState, State
from syncer.domain.policy import settle
from syncer.domain.rights import Ground, Right
from syncer.reports.evidence import (
    Acceptance,
    Attempts,
    Attestation,
    CarriedOut,
    Confirmation,
    DeliveryEvidence,
    Exemption,
    NotAsked,
    ReportedDelivery,
    ReportedEvent,
    Said,
    StepView,
)
from syncer.reports.propagation import Integrity, PropagationLog, Span, summary
from syncer.reports.views import LaneView, VerificationView
from syncer.reports.wording.recipients import RecipientName
from tests.support.documents.reports import Listed

NOW = datetime(2026, 11, 28, 16, 32, 5, tzinfo=UTC)
LOGGED = "2026-11-20T09:00:00.000000Z"
TITLES = {"newsletter": "Mailchimp", "crm": "ActiveCampaign", "shop": "Mailchimp"}
#: what each of them can show at most
SHOWS = {"newsletter": Evidence.READ_BACK, "crm": Evidence.ACCEPTED, "shop": Evidence.BY_HAND}
ORDER = StepView("POST /users", 3, "req-4711", "audience", "", 200)
STEP = StepView("GET /contacts", 3, None, "contact", "absent", 200)
GROUNDS = tuple(ground.value for ground in Ground)


def codes(state: State) -> Sequence[str | None]:
    """Return the codes with which a delivery can be in a state; None for none."""
    if state is State.EXEMPT:
        return GROUNDS
    if state is State.HELD:
        return tuple(CODES)
    if state is State.ATTESTED:
        return tuple(ANSWERS)
    if state is State.NOT_APPLICABLE:
        return tuple(INAPPLICABLE)
    return (None,) if state in (State.CONFIRMED, State.ACCEPTED) else (None, *CODES)


def evidence(
    state: State, *, tried: bool, carried_out: bool, confirmed: bool, passed_on: bool = False
) -> DeliveryEvidence:
    """Return what the log says of a delivery."""
    said: list[Said] = []
    if tried:
        said.append(Attempts(LOGGED, LOGGED))
    if carried_out:
        said.append(CarriedOut((STEP,)))
    if confirmed:
        said.append(Confirmation(LOGGED, (STEP,), (), 12))
    if state is State.EXEMPT:
        said.append(Exemption("the court asks for it", "dpo", LOGGED))
    if state is State.ACCEPTED or passed_on:
        said.append(Acceptance(LOGGED, (ORDER,), 12))
    if state is State.ATTESTED:
        said.append(Attestation(LOGGED, "dpo", "2026-11-19", "its letter", None))
    if state is State.NOT_APPLICABLE:
        said.append(NotAsked(LOGGED))
    return DeliveryEvidence((7,), tuple(said))


def delivery(
    destination: str,
    state: State,
    code: str | None,
    action: Action | None = Action.DELETE,
    outcome: Outcome | None = None,
    *,
    tried: bool = True,
    carried_out: bool = False,
    confirmed: bool = False,
    passed_on: bool = False,
) -> ReportedDelivery:
    """Return a delivery in a state; `confirmed` and `passed_on` say that it was, now or before."""
    confirmed = confirmed or state is State.CONFIRMED
    carried_out = carried_out or state is State.APPLIED
    tried = tried or confirmed or carried_out
    counted = state is not State.PENDING or code is None
    still = confirmed and state in (State.CONFIRMED, State.APPLIED)
    outcome = None if state in UNSEEN else outcome  # nobody knows of one
    return ReportedDelivery(
        destination=destination,
        adapter=TITLES[destination].lower(),
        action=action,
        state=state,
        outcome=(outcome or Outcome.DONE) if still else outcome,
        code=code,
        attempts=1 if tried and counted else 0,
        next_attempt_at=NOW if state in (State.PENDING, State.RETRYING) else None,
        applied_at=NOW - timedelta(days=2) if carried_out else None,
        confirmed_at=NOW - timedelta(days=1) if confirmed else None,
        settles_on=date(2027, 1, 20) if state is State.ACCEPTED else None,
        lapses_on=date(2027, 12, 28) if state is State.NOT_APPLICABLE else None,
        evidence=evidence(state, tried=tried, carried_out=carried_out, confirmed=confirmed, passed_on=passed_on),
    )


def event(
    number: int,
    deliveries: tuple[ReportedDelivery, ...],
    right: Right | None = Right.ERASURE,
    *,
    late: bool = False,
    before: EventState = EventState.FULFILLED,
) -> ReportedEvent:
    """Return a request with these deliveries, in the state that follows from them; `before` is where it stood.

    One without deliveries stays where it stood: nothing of it moves.
    """
    state = (
        settle(before, [(item.state, item.confirmed_at is not None) for item in deliveries]) if deliveries else before
    )
    waiting = state is not EventState.FULFILLED
    return ReportedEvent(
        id=f"0193{number:04d}-0000-7000-8000-000000000000",
        case=number,
        event_key=f"key {number}",
        right=right,
        subject="p1:nobody",
        state=state,
        ending=ending(state, [(item.state, item.code) for item in deliveries]),
        code=NO_DESTINATION if state is EventState.HELD and not deliveries else None,
        received_at=NOW - timedelta(days=40),
        due_on=date(2026, 11, 18) if late else date(2027, 1, 18),
        overdue=late and waiting,
        late=late,
        warning=None,
        target_at=NOW if right is Right.OBJECTION else None,
        legal_due_on=None,
        extended_at=None,
        informed_on=None,
        source="form",
        source_ref=None,
        fulfilled_at=None if waiting else NOW - timedelta(days=1),
        shredded_at=None,
        deliveries=deliveries,
    )


def log(
    events: Sequence[ReportedEvent],
    *,
    paused: bool = False,
    intact: bool = True,
    problem: str | None = None,
    others: int = 5,
) -> PropagationLog:
    """Return the propagation log of these requests; as many `others` were confirmed at each recipient before."""
    lanes = {name: _lane(name, events, others, paused=paused and name == "crm") for name in TITLES}
    return PropagationLog(
        generated_at=NOW,
        software="1",
        controller=Controller(),
        timezone="Europe/Berlin",
        rule="the earlier of 30 days and the same date next month",
        objection_target_hours=48,
        filter=Span(None, None),
        summary=summary(events),
        events=Listed(events),
        destinations=lanes,
        recipients={name: RecipientName(title.lower(), title, SHOWS[name]) for name, title in TITLES.items()},
        reappeared=(),
        decisions=(),
        integrity=Integrity(
            entries=12,
            head="ab",
            verified=intact,
            reason=None if intact else "entry 7 was altered",
            warnings=(),
            origin="log",
            signed=None,
            root=None,
            anchors=(),
            not_proven=(),
            last_verification=VerificationView(NOW, 12, problem is None, None, "ok", problem),
            agreeing=0,
            excused=0,
            forks=(),
        ),
    )


def _lane(name: str, events: Sequence[ReportedEvent], others: int, *, paused: bool) -> LaneView:
    here = Counter(item.state for event in events for item in event.deliveries if item.destination == name)
    empty: dict[str, Any] = dict.fromkeys(LaneView.__slots__)
    return LaneView(
        **empty
        | {state.value: here[state] for state in State}
        # others were confirmed there before, outside any report: it is known to work
        | {"confirmed": here[State.CONFIRMED] + others}
        | {"adapter": TITLES[name].lower(), "configured": True, "paused": paused}
        | ({"pause_reason": "unauthorized: HTTP 401", "paused_by": "lane"} if paused else {})
    )


#: one delivery of every state with every code, each tried or not, carried out or not, and confirmed or not before
SINGLE = [
    delivery("crm", state, code, action, outcome, tried=tried, carried_out=done, confirmed=confirmed)
    for state in State
    for code in codes(state)
    for action, outcome in ((Action.DELETE, Outcome.DONE), (Action.UNSUBSCRIBE, Outcome.ABSENT), (None, None))
    for tried, done, confirmed in product((False, True), repeat=3)
] + [
    # in such a state again after a recipient had taken the order that nobody can look at
    delivery("crm", state, codes(state)[-1], passed_on=True)
    for state in (State.PENDING, State.RETRYING, State.APPLIED, State.HELD, State.EXEMPT, State.ATTESTED)
]


@st.composite
def requests(draw: st.DrawFn, number: int) -> ReportedEvent:
    """Draw a request with up to three recipients."""
    names = draw(st.lists(st.sampled_from(list(TITLES)), unique=True, max_size=3))
    told = tuple(replace(draw(st.sampled_from(SINGLE)), destination=name) for name in names)
    right = draw(st.sampled_from([Right.ERASURE, Right.OBJECTION, None]))
    before = draw(st.sampled_from(list(EventState)))
    return event(number, told, right, late=draw(st.booleans()), before=before)


@st.composite
def logs(draw: st.DrawFn) -> PropagationLog:
    """Draw a propagation log of up to four requests."""
    events = [draw(requests(number)) for number in range(1, 1 + draw(st.integers(0, 4)))]
    intact, problem = draw(st.booleans()), draw(st.sampled_from([None, "the daily check is missing"]))
    return log(events, paused=draw(st.booleans()), intact=intact, problem=problem)
