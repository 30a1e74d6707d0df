"""No sentence of a report claims more than the states allow, and none hides what they say: all texts, all states."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import given, settings

from syncer.domain.codes import CODES
from syncer.domain.model import CLOSED, EventState, State
from syncer.domain.rights import Right
from syncer.reports.as_json import as_json
from syncer.reports.evidence import ReportedDelivery, ReportedEvent
from syncer.reports.findings import find
from syncer.reports.html.page import report_html
from syncer.reports.propagation import PropagationLog
from syncer.reports.wording.account import account
from tests.support.documents.reports import report_csv, report_text
from tests.support.documents.states import SINGLE, TITLES, delivery, event, log, logs
from tests.support.documents.truth import (
    Known,
    answered,
    answered_late,
    ever_confirmed,
    everywhere,
    hidden,
    miscounted,
    read_back,
    sure_of,
    told,
    untrue,
    waits,
)


def known(made: PropagationLog) -> Known:
    return Known(
        tuple(made.events),
        paused=any(lane.paused for lane in made.destinations.values()),
        altered=not made.integrity.verified,
        unchecked=made.integrity.last_verification.problem is not None,
    )


def texts(made: PropagationLog) -> dict[str, str]:
    return {"text": report_text(made), "html": told("".join(report_html(made))), "account": account(made.summary)}


def wrong(made: PropagationLog) -> list[str]:
    so, found = known(made), texts(made)
    lies = [f"{name} {lie}" for name, text in found.items() for lie in untrue(text, so)]
    hides = [f"{name} {what}" for name in ("text", "html") for what in hidden(found[name], so)]
    return lies + hides + _wrong_rows(made) + _wrong_cells(made)


def rows(made: PropagationLog, text: str, page: str) -> Iterator[tuple[ReportedEvent, str, str]]:
    """Each request with its line of the text and its row in the register of the page."""
    lines = {said[0]: said[1] for said in re.findall(r"^case (\d+)  .*\n(.*)$", text, re.MULTILINE)}
    cells = dict(re.findall(r'<tr id="r(\d+)">(.*?)</tr>', page, re.DOTALL))
    for number, each in enumerate(made.events, 1):
        yield each, lines[str(each.case)], told(f"<table>{cells[str(number)]}</table>")


def places(made: PropagationLog, text: str, page: str) -> Iterator[tuple[ReportedDelivery, str, str]]:
    """Each delivery with its lines of the text and its cell of the page."""
    told_of = {said[0]: said[1] for said in re.findall(r"^case (\d+)  (.*?)\n\n", text, re.MULTILINE | re.DOTALL)}
    cells = dict(re.findall(r'<tr id="p(\d+)">(.*?)</tr>', page, re.DOTALL))
    shown = [
        name for name in TITLES if any(item.destination == name for each in made.events for item in each.deliveries)
    ]
    for number, each in enumerate(made.events, 1):
        lines = told_of[str(each.case)].split("\n  - ")[1:]
        row = dict(zip(shown, re.findall(r"<td.*?</td>", cells[str(number)], re.DOTALL), strict=True))
        for item, said in zip(each.deliveries, lines, strict=True):
            yield item, said, told(row[item.destination])


def _wrong_rows(made: PropagationLog) -> list[str]:
    text, page = report_text(made), "".join(report_html(made))
    counts = [
        f"{name}: case {each.case} {what}"
        for each, line, row in rows(made, text, page)
        for name, said in (("text", line), ("html", row))
        for what in miscounted(said, each)
    ]
    # beside a delivery that was read back another one borrows none of its words
    borrowed = [
        f"{name}: {item.state} says {word}"
        for item, lines, cell in places(made, text, page)
        for name, said in (("text", lines), ("html", cell))
        for word in (() if ever_confirmed(item) else sure_of(said))
    ]
    return counts + borrowed


def _wrong_cells(made: PropagationLog) -> list[str]:
    rows = list(csv.DictReader(io.StringIO(report_csv(made))))
    pairs = [(event, item) for event in made.events for item in event.deliveries or (None,)]
    assert len(rows) == len(pairs)
    found = []
    for row, (asked, item) in zip(rows, pairs, strict=True):
        one = Known((asked,))
        if (row["ending"] == "everywhere") != everywhere(asked) or (row["late"] == "True") != asked.late:
            found.append("csv: ending or late")
        if item is None:
            continue
        if bool(row["date_of_response"]) != (item.state in CLOSED or read_back(item)):
            found.append("csv: a response where there is none, or none where there is")
        found += [f"csv says {word}" for word in sure_of(row["nature_of_response"]) if not ever_confirmed(item)]
        found += [f"csv {what}" for what in miscounted(row["closed_deliveries"], asked)]
        found += [f"csv {lie}" for lie in untrue(row["nature_of_response"], one)]
    return found


@pytest.mark.slow
@settings(max_examples=50)  # test-long has every state
@given(logs())
def test_no_text_claims_more_than_the_states_allow_or_hides_what_they_say(made: PropagationLog) -> None:
    assert wrong(made) == []


@pytest.mark.slow  # thousands of reports, and a few of them are made at random in each `make test`
@pytest.mark.parametrize("state", list(State))
def test_no_text_claims_more_of_a_single_delivery_whatever_its_state_code_and_evidence(state: State) -> None:
    for number, item in enumerate(one for one in SINGLE if one.state is state):
        right, late = (Right.OBJECTION, Right.ERASURE)[number % 2], number % 3 == 0
        made = log([event(1, (item,), right, late=late, before=list(EventState)[number % 3])])
        assert wrong(made) == [], item


@pytest.mark.slow
@settings(max_examples=60)
@given(logs())
def test_the_numbers_of_the_json_are_those_of_its_requests(made: PropagationLog) -> None:
    data = json.loads(as_json(made))

    assert data["summary"]["everywhere"] == sum(map(everywhere, made.events))
    assert data["summary"]["answered"] == sum(map(answered, made.events))
    assert data["summary"]["answered_late"] == sum(map(answered_late, made.events))
    assert data["summary"]["requests"] == len(data["events"])
    assert {name: item["title"] for name, item in data["recipients"].items()} == {
        "newsletter": "Mailchimp", "crm": "ActiveCampaign", "shop": "Mailchimp",
    }  # fmt: skip


@pytest.mark.slow
@settings(max_examples=60)
@given(logs())
def test_something_needs_a_person_exactly_where_it_does(made: PropagationLog) -> None:
    assert bool(find(made).needs) == waits(known(made))


@pytest.mark.parametrize("code", CODES)
def test_the_effect_on_people_comes_before_what_the_administrator_does(code: str) -> None:
    made = log([event(4711, (delivery("crm", State.HELD, code),))])
    (need,) = find(made).needs
    text = report_text(made)

    assert "`" not in need.result + need.decision
    assert "{" not in need.result + need.decision
    assert text.index(need.result) < text.index(need.decision) < text.index("for the administrator")
    assert any(line in text for line in need.commands)


# -- each rule is able to fail --------------------------------------------------------------------------------


def test_the_rules_find_what_the_report_once_said() -> None:
    late = Known((event(1, (delivery("crm", State.CONFIRMED, None),), late=True),))
    excepted = Known((event(1, (delivery("crm", State.EXEMPT, "legal_claims"),)),))
    held = Known((event(1, (delivery("crm", State.HELD, "forbidden"),)),))

    assert untrue("None is late. 1 was answered late", late) == ["says 'None is late'"]
    assert hidden("1 request was received: 1 carried out everywhere.", late)
    assert untrue("1 request was received: 1 carried out everywhere.", excepted)
    assert hidden("1 carried out everywhere.", excepted)
    assert untrue("Nothing needs a person.", held)
    assert untrue("our account crm | | yes", held)
    assert untrue("It is confirmed.", held)
    assert untrue("Somebody here is seeing to it that the copy is removed.", held)
    assert untrue("3 carried out everywhere", late)


def closed(state: State, code: str | None, **more: bool) -> Known:
    return Known((event(1, (delivery("crm", state, code, **more),)),))


UNSEEN = ((State.ACCEPTED, None), (State.ATTESTED, "done"), (State.NOT_APPLICABLE, "no_identifier"))


@pytest.mark.parametrize("word", ["confirmed", "done", "carried out", "erased", "unsubscribed", "read back"])
@pytest.mark.parametrize(("state", "code"), UNSEEN)
def test_the_rules_find_a_sure_word_that_is_said_of_what_nobody_read_back(state: State, code: str, word: str) -> None:
    claim = f"passed on: it was {word} there"

    assert untrue(claim, closed(state, code))
    assert untrue(claim, closed(State.CONFIRMED, None)) == []
    assert sure_of(claim) == [word]
    assert sure_of("closed, not everywhere read back; nothing is carried out; nobody can read back; 0 read back") == []


@pytest.mark.parametrize(("state", "code"), UNSEEN)
def test_the_rules_find_a_text_that_hides_what_nobody_read_back(state: State, code: str) -> None:
    so = closed(state, code)

    assert len(hidden("1 request was received: 1 closed.", so)) == 2
    assert hidden("1 passed on, 1 settled by a person, 1 cannot be found there: not everywhere read back", so) == []
    assert untrue("2 closed, not everywhere read back", so)


def test_the_rules_find_a_wrong_number_of_how_recipients_were_closed() -> None:
    told_at = (
        delivery("crm", State.ACCEPTED, None),
        delivery("shop", State.NOT_APPLICABLE, "right_not_offered"),
        delivery("newsletter", State.CONFIRMED, None),
    )
    asked = event(1, told_at)

    assert miscounted("closed: 1 read back, 1 passed on, 1 does not apply", asked) == []
    for wrong_count in (
        "closed: 2 read back, 1 does not apply",
        "closed: 1 read back, 1 passed on",
        "closed: 1 read back, 1 passed on, 1 cannot be found there",
        "closed: 1 read back, 1 passed on, 1 does not apply, 1 exempt",
        "closed",
    ):
        assert miscounted(wrong_count, asked), wrong_count
    assert miscounted("closed", event(2, told_at[2:])) == []
