"""Dossiers of every state that a recipient can be in, with what the log says of each; nothing is run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import product
from typing import Any

from adapters.contract import Action, Outcome
from syncer.audit.ledger import LogEntry
from syncer.domain.codes import ANSWERS, CODES, GROUNDS, INAPPLICABLE
from syncer.domain.controller import Controller
from syncer.domain.endings import ending
from syncer.domain.model import CLOSED, EventState, State
from syncer.domain.rights import Right
from syncer.reports.dossier import DossierDelivery, DossierEvent, DossierFacts, Recipient, SignedLog
from syncer.reports.evidence import LoggedEvidence
from syncer.reports.html.dossier_view import DossierView
from syncer.reports.html.recipient import RecipientView
from syncer.reports.propagation import summary

RECEIVED = datetime(2026, 11, 2, 9, tzinfo=UTC)
DUE = date(2026, 12, 2)
WORDS = [None, *CODES, *GROUNDS, *ANSWERS, *INAPPLICABLE, "withdrawn", "of_a_later_version"]
#: closed, and nobody read back what became of it
UNSEEN = (State.ACCEPTED, State.ATTESTED, State.NOT_APPLICABLE)
#: how each of them comes about
SAYS = {state: f"delivery:{state}" for state in (State.CONFIRMED, State.APPLIED, *UNSEEN)}
RIGHTS: list[tuple[Right | None, Action | None]] = [
    (Right.ERASURE, Action.DELETE),
    (Right.ERASURE, Action.UNSUBSCRIBE),
    (Right.OBJECTION, Action.UNSUBSCRIBE),
    (Right.OBJECTION, Action.SUPPRESS),
    (None, None),
]


def stamped(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def entry(seq: int, what: str, **facts: Any) -> LogEntry:
    where = None if what.startswith("event:") else "crm"
    return LogEntry(seq, stamped(RECEIVED + timedelta(minutes=seq)), what, "e", where, {"user": "dpo"}, facts)


def step(call: str, state: str, status: int | None = 200) -> dict[str, Any]:
    return {"call": call, "ms": 1, "scope": "contact", "state": state, "status": status}


def told(what: str, asked: bool, walk: list[dict[str, Any]]) -> Iterator[LogEntry]:
    """A timeline: received, perhaps asked, and how that ended; a person can settle what was never asked."""
    yield entry(1, "event:received")
    if asked:
        yield entry(2, "delivery:attempted", attempt=1, action="delete")
    if asked or what == "delivery:attested":
        yield entry(3, what, code="exclusion_needed", on="2026-11-19", reason="its letter", steps=walk)


def a_delivery(state: State, code: str | None, action: Action | None, log: tuple[LogEntry, ...], **more: Any) -> Any:
    values = {
        "outcome": None,
        "applied_at": None,
        "confirmed_at": None,
        "remains": (),
        "remaining": (),
        "settles_on": None,
        "lapses_on": None,
    } | more
    return DossierDelivery(
        destination="crm", adapter="activecampaign", action=action, state=state, code=code, attempts=1,
        next_attempt_at=None, evidence=LoggedEvidence(log).of_delivery("e", "crm"), **values,
    )  # fmt: skip


def an_event(right: Right | None, log: tuple[LogEntry, ...], *deliveries: DossierDelivery, **more: Any) -> DossierEvent:
    states = [delivery.state for delivery in deliveries]
    state = EventState.OPEN
    if all(each in CLOSED for each in states):
        state = EventState.FULFILLED
    elif State.HELD in states:
        state = EventState.HELD
    done = state is EventState.FULFILLED
    values: dict[str, Any] = {
        "id": "e", "case": 1, "event_key": "k", "right": right, "subject": "p1:x", "state": state,
        "ending": ending(state, [(each.state, each.code) for each in deliveries]), "code": None,
        "received_at": RECEIVED, "due_on": DUE, "overdue": False, "late": False, "warning": None, "target_at": None,
        "legal_due_on": None, "extended_at": None, "informed_on": None, "source": None, "source_ref": None,
        "fulfilled_at": RECEIVED + timedelta(days=1) if done else None, "shredded_at": None,
    }  # fmt: skip
    return DossierEvent(**values | more, deliveries=deliveries, audit=log)


def facts(
    *events: DossierEvent, working: bool = True, controller: Controller | None = None, country: str | None = None
) -> DossierFacts:
    return DossierFacts(
        controller=controller or Controller(), generated_at=RECEIVED + timedelta(days=10), software="1",
        timezone="Europe/Berlin", country=country, objection_target_hours=48, audit_months=36,
        recheck_days=(1, 7), subject="p1:x",
        summary=summary(events), recipients={"crm": Recipient("activecampaign", "ActiveCampaign", working)},
        events=events, log=SignedLog("o", (), None, None, True, None), proofs=(),
    )  # fmt: skip


@cache
def every_recipient(state: State) -> list[tuple[bool, RecipientView, DossierView]]:
    """Every recipient of one state, with its view of the whole page, and whether anything was asked."""
    walks = [[], [step("DELETE /contacts/{id}", "deleted")], [step("PUT /contactLists", "", None)]]
    what = SAYS.get(state, "delivery:held")
    cases = product([None, *Outcome], WORDS, RIGHTS, (True, False), (True, False), walks)
    found = []
    for outcome, code, (right, action), asked, working, walk in cases:
        log = tuple(told(what, asked, walk))
        confirmed = RECEIVED if state is State.CONFIRMED else None
        day = date(2027, 1, 20) if working else None
        delivery = a_delivery(
            state, code, action, log, outcome=outcome, applied_at=RECEIVED, confirmed_at=confirmed,
            settles_on=day if state is State.ACCEPTED else None,
            lapses_on=day if state is State.NOT_APPLICABLE else None,
        )  # fmt: skip
        view = DossierView(facts(an_event(right, log, delivery), working=working))
        (recipient,) = view.recipients(view.events[0])
        found.append((asked, recipient, view))
    return found


def sentences(recipient: RecipientView) -> list[str]:
    """All that the page says of a recipient; why it is open, or was excepted, only where it is."""
    said = [recipient.asked(), *recipient.did(), *recipient.checked()]
    if recipient.delivery.state is State.EXEMPT:
        return [*said, *recipient.decision()]
    return said if recipient.delivery.through else [*said, *recipient.why()]
