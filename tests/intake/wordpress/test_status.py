"""What WordPress is told of a request: its events and destinations summed up, and nothing called done too early."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.database.connections import reading
from syncer.domain.model import CLOSED, State
from syncer.intake.wordpress.status import WORST, StatusTable, summary
from syncer.intake.wordpress.tables import wordpress_tables
from syncer.service.drain import drain, prepare
from tests.support.operate.passing_on import PassingOn, pass_on
from tests.support.walk import PERSON, put

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
SOON, LATER = date(2027, 1, 20), date(2027, 12, 28)
CONFIRMED, EXEMPT, WITHDRAWN = ("confirmed", None), ("exempt", "legal_claims"), ("exempt", "withdrawn")
ACCEPTED, ATTESTED, REFUSED = ("accepted", None), ("attested", "no_data"), ("attested", "refused")
UNKNOWN_THERE, NO_MEANING = ("not_applicable", "no_identifier"), ("not_applicable", "right_not_offered")
UNSEEN = (ACCEPTED, ATTESTED, REFUSED, UNKNOWN_THERE, NO_MEANING)


def row(event: str, state: str, destination: str, delivery: tuple[str, str | None], **more: Any) -> Any:
    told = {"withdrawn": False, "settles_on": None, "lapses_on": None, **more}
    return SimpleNamespace(
        id=event, state=state, due_on=date(2026, 12, 1), destination=destination, adapter="mailchimp",
        delivery=delivery[0], code=delivery[1], confirmed_at=AT if delivery == CONFIRMED else None, **told,
    )  # fmt: skip


def told(*events: tuple[str, dict[str, tuple[str, str | None]]]) -> tuple[str, dict[str, str]]:
    """Return what is told of a request with these events: each its state and destination -> (state, code)."""
    rows = [
        row(str(number), state, name, delivery, withdrawn=WITHDRAWN in deliveries.values())
        for number, (state, deliveries) in enumerate(events)
        for name, delivery in deliveries.items()
    ]
    said = summary("1:7", rows, {})
    return said.state, {line["name"]: line["state"] for line in json.loads(said.destinations)}


def line(*rows: Any) -> dict[str, str]:
    """Return what is told of the only destination of these rows, without its name."""
    (only,) = json.loads(summary("1:7", rows, {}).destinations)
    del only["name"]
    return dict(only)


def test_a_withdrawn_request_is_not_told_as_done() -> None:
    assert told(("fulfilled", {"a": CONFIRMED, "b": WITHDRAWN})) == ("withdrawn", {"a": "confirmed", "b": "withdrawn"})


def test_one_that_is_still_read_back_is_told_as_open() -> None:
    assert told(("open", {"a": ("applied", None), "b": WITHDRAWN}))[0] == "open"


@pytest.mark.parametrize("other", ["fulfilled", "open", "held"])
def test_a_request_that_was_made_again_is_told_by_that(other: str) -> None:
    again = (other, {"a": CONFIRMED, "b": CONFIRMED})
    withdrawn = ("fulfilled", {"a": CONFIRMED, "b": WITHDRAWN})

    assert told(withdrawn, again) == told(again, withdrawn) == (other, {"a": "confirmed", "b": "confirmed"})


def test_an_exemption_is_told_as_before() -> None:
    assert told(("fulfilled", {"a": CONFIRMED, "b": EXEMPT})) == ("fulfilled", {"a": "confirmed", "b": "exempt"})


@pytest.mark.parametrize("delivery", UNSEEN)
def test_a_request_that_was_not_read_back_everywhere_is_told_as_answered_and_never_as_fulfilled(
    delivery: tuple[str, str],
) -> None:
    assert told(("fulfilled", {"a": CONFIRMED, "b": delivery})) == ("answered", {"a": "confirmed", "b": delivery[0]})
    assert told(("fulfilled", {"a": EXEMPT, "b": delivery}))[0] == "answered"


@pytest.mark.parametrize("state", ["open", "held"])
def test_a_request_of_which_something_is_open_is_told_as_open_whatever_nobody_could_read_back(state: str) -> None:
    assert told((state, {"a": ACCEPTED, "b": ("pending", None)}))[0] == state


def test_a_withdrawn_request_is_told_as_withdrawn_whatever_nobody_could_read_back() -> None:
    assert told(("fulfilled", {"a": ACCEPTED, "b": WITHDRAWN}))[0] == "withdrawn"


@pytest.mark.parametrize("delivery", UNSEEN)
def test_of_a_request_that_was_made_twice_the_one_nobody_could_read_back_is_told(delivery: tuple[str, str]) -> None:
    first, second = ("fulfilled", {"a": CONFIRMED}), ("fulfilled", {"a": delivery})

    assert told(first, second) == told(second, first) == ("answered", {"a": delivery[0]})


def test_every_state_has_its_place_and_the_closed_ones_are_the_surest() -> None:
    assert set(State) <= set(WORST)
    closed = [state in CLOSED for state in WORST if state in set(State)]
    assert closed == sorted(closed)


@pytest.mark.parametrize(
    ("less", "more"), [*pairwise([EXEMPT, UNKNOWN_THERE, NO_MEANING, REFUSED, ATTESTED, ACCEPTED, CONFIRMED])]
)
def test_of_several_requests_the_least_sure_one_is_told(less: tuple[str, str], more: tuple[str, str]) -> None:
    rows = [row("1", "fulfilled", "a", less), row("2", "fulfilled", "a", more)]

    assert line(*rows) == line(*reversed(rows)) == line(rows[0])


@pytest.mark.parametrize(("delivery", "day"), [(ACCEPTED, "settles_on"), (UNKNOWN_THERE, "lapses_on")])
def test_of_several_days_the_last_one_is_told_and_none_where_one_recipient_names_none(
    delivery: tuple[str, str], day: str
) -> None:
    soon, later, never = (
        row(str(number), "fulfilled", "a", delivery, **{day: when}) for number, when in enumerate((SOON, LATER, None))
    )

    assert line(soon, later)[day] == line(later, soon)[day] == LATER.isoformat()
    assert day not in line(soon, never, later)


def test_a_recipient_that_was_read_back_is_told_with_the_moment_and_no_other_is() -> None:
    assert line(row("1", "fulfilled", "a", CONFIRMED)) == {"state": "confirmed", "at": "2026-11-01T12:00:00.000000Z"}
    assert not any("at" in line(row("1", "fulfilled", "a", delivery)) for delivery in UNSEEN)


def test_a_closed_recipient_is_told_with_its_day_or_why_and_with_no_day_that_is_left_over() -> None:
    days = {"settles_on": SOON, "lapses_on": LATER}

    assert line(row("1", "fulfilled", "a", ACCEPTED, **days)) == {"state": "accepted", "settles_on": "2027-01-20"}
    assert line(row("1", "fulfilled", "a", REFUSED, **days)) == {"state": "attested", "why": "refused"}
    assert line(row("1", "fulfilled", "a", NO_MEANING, **days)) == {
        "state": "not_applicable", "why": "right_not_offered", "lapses_on": "2027-12-28"
    }  # fmt: skip
    assert line(row("1", "open", "a", ("pending", None), **days)) == {"state": "pending"}
    assert line(row("1", "fulfilled", "a", EXEMPT, **days)) == {"state": "exempt"}


def test_a_word_that_syncer_never_writes_is_told_as_held() -> None:
    assert told(("gone", {"a": ("vanished", None)})) == ("held", {"a": "held"})


def test_what_the_daemon_wrote_is_told_from_the_rows(app: App) -> None:
    table = wordpress_tables("told_").status
    table.create(app.engine)
    status = StatusTable(app.transactions, app.engine, table, {"newsletter": "Mailchimp", "crm": "Analytics"})
    status.publish()
    put(app, "erasure", PERSON, "k1", source="eraser", source_ref="1:7")
    prepare(app)
    pass_on(app, "crm", PassingOn(SOON))
    drain(app)

    assert status.publish() == 1

    with reading(app.engine) as connection:
        said = connection.execute(sa.select(table).where(table.c.request == "1:7")).one()
    read_back, passed_on = json.loads(said.destinations)
    assert said.state == "answered"
    assert passed_on == {"name": "Analytics", "state": "accepted", "settles_on": "2027-01-20"}
    assert (read_back["name"], read_back["state"]) == ("Mailchimp", "confirmed")
