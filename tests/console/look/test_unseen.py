"""What was closed without being read back: counted as the report counts it, and on no page said to be more."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from syncer.app import App
from syncer.console.reading.requests import register as paging
from syncer.console.reading.requests.register import RegisterQuery
from syncer.console.reading.requests.wanted import RegisterFilter
from syncer.console.reading.standing import overview
from syncer.database.connections import writing
from syncer.database.derived import tally
from syncer.domain.codes import DAMAGED
from syncer.domain.endings import Ending, ending
from syncer.domain.model import CLOSED, EventState, State
from syncer.events.reading import counts
from tests.support.looking.requests import START, add_request
from tests.support.looking.steps import steps
from tests.support.servers import ENGINES

RECIPIENTS = ("ads", "analytics", "crm", "letters")
#: the code that each state of a closed delivery has
CODES = {State.EXEMPT: "other", State.ATTESTED: "done", State.NOT_APPLICABLE: "no_identifier"}


def add_of_all_kinds(app: App, number: int, recipients: tuple[str, ...] = RECIPIENTS) -> Counter[Ending | None]:
    """Add so many requests whose deliveries are in any states; return how they ended."""
    dice, found = random.Random(number), Counter[Ending | None]()
    for each in range(number):
        named = dice.sample(recipients, dice.randint(1, len(recipients)))
        states = [dice.choice(sorted(CLOSED)) for _ in named]
        if each % 5 == 0:
            states[0] = State.PENDING
        if each % 7 == 0:
            states = [State.ACCEPTED if state is State.EXEMPT else state for state in states]
        state = EventState.OPEN if State.PENDING in states else EventState.FULFILLED
        deliveries = list(zip(named, states, map(CODES.get, states), strict=True))
        closed = {"fulfilled_at": START} if state is EventState.FULFILLED else {}
        add_request(app, each, deliveries=deliveries, state=state, **closed)
        found[ending(state, [(where, code) for _, where, code in deliveries])] += 1
    with writing(app.engine) as connection:
        tally.recount(connection, app.tables)
    return found


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("recipients", [RECIPIENTS, RECIPIENTS[:1], RECIPIENTS[:2]])
def test_the_overview_counts_what_was_answered_as_the_report_does(empty: App, recipients: tuple[str, ...]) -> None:
    endings = add_of_all_kinds(empty, 120, recipients)

    counted = overview.read(empty).summary

    with empty.propagation.report(None, None) as report:
        assert counted == report.log.summary
    assert counted.answered == endings[Ending.ANSWERED] > 0
    assert counted.everywhere == endings[Ending.EVERYWHERE] > 0


@pytest.mark.parametrize("few", [0, paging.FEW])
@pytest.mark.parametrize("state", list(EventState))
def test_the_register_takes_nothing_for_damaged_that_syncer_wrote(
    empty: App, monkeypatch: pytest.MonkeyPatch, state: EventState, few: int
) -> None:
    monkeypatch.setattr(paging, "FEW", few)
    add_of_all_kinds(empty, 60)
    add_request(empty, 61, state="fulfilled", deliveries=[("crm", "acceptable", None)])

    page = RegisterQuery(empty).page(RegisterFilter(state=state), size=200)

    assert {row.id for row in page.requests} == {event.id for event in empty.reader.events() if event.state is state}
    assert len(page.requests) > 0
    damaged = RegisterQuery(empty).page(RegisterFilter(cause=DAMAGED), size=200)
    assert [str(row.id)[:8] for row in damaged.requests] == ["0000003d"]


def test_more_requests_that_one_recipient_answered_cost_the_overview_nothing_more(
    empty: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "LOOKED_AT", 20)

    def add(numbers: range) -> None:
        for number in numbers:
            both = [("ads", "accepted", None), ("crm", "confirmed", None)]
            add_request(empty, number, state="fulfilled", deliveries=both)
        with writing(empty.engine) as connection:
            tally.recount(connection, empty.tables)

    add(range(100))
    few = steps(empty, lambda: overview.read(empty))
    add(range(100, 1000))

    assert steps(empty, lambda: overview.read(empty)) <= few * 1.5
    assert overview.read(empty).summary.answered == 1000
