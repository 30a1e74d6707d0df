"""How many deliveries are in each state: exact whichever is the commonest, and at no cost of the commonest."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping

import pytest

from syncer.app import App
from syncer.database.connections import reading, writing
from syncer.database.derived import tally
from syncer.domain.model import State
from syncer.events.reading import counts
from syncer.events.reading.counts import Counts
from tests.support.looking.requests import add_request, damage
from tests.support.looking.steps import steps
from tests.support.servers import ENGINES


def fill(app: App, wanted: Mapping[str, Mapping[State, int]]) -> None:
    """Add deliveries, so many in each state at each destination, in no order."""
    rows = [
        (name, state, None)
        for name, states in wanted.items()
        for state, number in states.items()
        for _ in range(number)
    ]
    random.Random(7).shuffle(rows)
    for number, row in enumerate(rows):
        add_request(app, number, deliveries=[row])
    with writing(app.engine) as connection:
        tally.recount(connection, app.tables)


def counted(app: App) -> dict[str, Counter[State]]:
    """What is counted at each destination."""
    found = Counts(app.tables)
    with reading(app.engine) as connection:
        names = found.destinations(connection)
        return {name: +each.by_state for name, each in found.deliveries(connection, names).items()}


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("commonest", [State.CONFIRMED, State.ACCEPTED, State.NOT_APPLICABLE, State.HELD])
def test_every_state_is_counted_exactly_whichever_is_the_commonest(
    app: App, monkeypatch: pytest.MonkeyPatch, commonest: State
) -> None:
    monkeypatch.setattr(counts, "LOOKED_AT", 2)
    monkeypatch.setattr(counts, "FURTHER", 2)
    few = {state: number for number, state in enumerate(State)}
    wanted = {"crm": few | {commonest: 30}, "shop": few, "alone": {commonest: 7}, "newsletter": {State.CONFIRMED: 9}}

    fill(app, wanted)

    assert counted(app) == {name: +Counter(states) for name, states in wanted.items()}
    assert {name: +Counter(lane.by_state) for name, lane in app.status.lanes().items()} == counted(app)


def test_what_syncer_never_writes_waits_for_a_person_beside_the_commonest(app: App) -> None:
    fill(app, {"crm": {State.ACCEPTED: 1500, State.CONFIRMED: 1, State.PENDING: 2}})
    for word in ("a", "acceptee", "zz"):
        damage(app, f"UPDATE {app.tables.delivery.name} SET state = ? WHERE id ="
               f" (SELECT min(id) FROM {app.tables.delivery.name} WHERE state = 'accepted')", word)  # fmt: skip

    assert counted(app) == {"crm": Counter({State.ACCEPTED: 1497, State.HELD: 3, State.CONFIRMED: 1, State.PENDING: 2})}


def test_a_destination_whose_name_is_no_text_is_counted_like_the_others(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "LOOKED_AT", 2)
    fill(app, {"crm": {State.ACCEPTED: 5, State.HELD: 1}, "shop": {State.ACCEPTED: 4, State.CONFIRMED: 1}})
    damage(app, f"UPDATE {app.tables.delivery.name} SET destination = CAST(x'ff' AS TEXT) WHERE destination = 'crm'")
    with writing(app.engine) as connection:
        tally.recount(connection, app.tables)

    assert sorted(map(dict, counted(app).values()), key=lambda each: -each[State.ACCEPTED]) == [
        {State.ACCEPTED: 5, State.HELD: 1},
        {State.ACCEPTED: 4, State.CONFIRMED: 1},
    ]


@pytest.mark.parametrize("commonest", [State.CONFIRMED, State.ACCEPTED, State.ATTESTED, State.NOT_APPLICABLE])
def test_more_of_the_commonest_state_cost_nothing_more(
    make_app: Callable[..., App], monkeypatch: pytest.MonkeyPatch, commonest: State
) -> None:
    monkeypatch.setattr(counts, "LOOKED_AT", 50)
    app = make_app()
    fill(app, {"crm": {commonest: 400, State.PENDING: 20, State.EXEMPT: 5}})
    before = steps(app, lambda: counted(app))
    for number in range(1000, 2600):
        add_request(app, number, deliveries=[("crm", commonest, None)])

    assert steps(app, lambda: counted(app)) <= before * 1.1
