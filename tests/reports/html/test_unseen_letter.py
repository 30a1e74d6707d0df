"""What a dossier says where nobody could look: what was taken, answered or not asked, and nothing that sounds seen."""

from __future__ import annotations

import re
from collections import Counter
from itertools import product

import pytest

from adapters.contract import Action, Outcome
from syncer.domain.model import State
from syncer.domain.rights import Right
from syncer.reports.html.dossier_view import DossierView
from syncer.reports.html.page import dossier_html
from tests.support.documents.letters import (
    UNSEEN,
    a_delivery,
    an_event,
    entry,
    every_recipient,
    facts,
    sentences,
    step,
    told,
)
from tests.support.documents.truth import sure_of
from tests.support.documents.truth import told as page_told

#: what the page says of a request that is not done, and what it calls by its name
DENIES = re.compile(r"Not done( yet| everywhere)?|not been fully carried out yet")


@pytest.mark.slow
@pytest.mark.parametrize("state", UNSEEN)
def test_no_sure_word_is_said_of_what_nobody_read_back(state: State) -> None:
    for _, recipient, view in every_recipient(state):
        (event,) = view.events
        about = [view.sentence(), view.stand(event), view.mark(event)[0], view.address(), view.record()]
        said = " | ".join(map(str, (*sentences(recipient), *about, recipient.in_figures())))
        assert sure_of(DENIES.sub("", said)) == [], said
        labels = [label for label, calls in recipient.calls() if calls]
        assert set(labels) <= {"passed on:"}


def test_the_rule_of_sure_words_finds_one() -> None:
    assert sure_of(DENIES.sub("", "Not done: it is done.")) == ["done"]
    assert sure_of(DENIES.sub("", "Your data was erased.")) == ["erased"]


@pytest.mark.slow
@pytest.mark.parametrize("state", UNSEEN)
def test_what_nobody_read_back_is_told_as_what_it_is(state: State) -> None:
    for _, recipient, view in every_recipient(state):
        code, known = recipient.delivery.code, view.facts.recipients["crm"].working
        day = "through by 20 January 2027." if state is State.ACCEPTED else "until 20 January 2027 at most."
        (event,), did, checked = view.events, " ".join(recipient.did()), " ".join(recipient.checked())
        lost = state is State.NOT_APPLICABLE and code != "right_not_offered"
        assert ("shows nobody what it then does" in did) is (state is State.ACCEPTED)
        assert ("cannot find you" in did) is lost
        assert bool(recipient.what_helps()) is bool(view.not_found(event)) is lost
        assert did.endswith(day) is known or state is State.ATTESTED
        assert ("On 19 November 2026 it " in did) is (state is State.ATTESTED)
        assert ("a person who works for us noted its answer on 2 November 2026" in checked) is (state is State.ATTESTED)
        assert [each.text for each in view.left()["ActiveCampaign"]] == [
            "What it holds about you, if anything, we could not see."
        ]
        assert "not finished" not in f"{did} {checked}"


@pytest.mark.parametrize(
    ("code", "said", "mark"),
    [
        ("done", "it answered that it did what was asked", "Closed, not checked"),
        ("no_data", "it answered that it holds nothing about you", "Closed, not checked"),
        ("refused", "it refused what was asked", "Not done"),
    ],
)
def test_an_answer_is_told_as_the_recipients_by_whose_word_and_on_which_day(code: str, said: str, mark: str) -> None:
    log = tuple(told("delivery:attested", asked=False, walk=[]))
    view = DossierView(facts(an_event(Right.ERASURE, log, a_delivery(State.ATTESTED, code, Action.DELETE, log))))
    (event,) = view.events
    (recipient,) = view.recipients(event)

    assert recipient.did() == [f"On 19 November 2026 {said}."]
    assert recipient.checked() == [
        "We could not look there: a person who works for us noted its answer on 2 November 2026.",
        "The reason given: “its letter”.",
    ]
    assert view.mark(event)[0] == mark
    assert ("One recipient refused." in view.sentence()) is (code == "refused")


@pytest.mark.parametrize("code", [None, "of_a_later_version"])
def test_an_answer_that_nobody_here_knows_is_told_as_an_answer(code: str | None) -> None:
    log = tuple(told("delivery:attested", asked=False, walk=[]))
    one = a_delivery(State.ATTESTED, code, Action.DELETE, log)
    done = a_delivery(State.CONFIRMED, None, Action.DELETE, log)
    stands = [DossierView(facts(an_event(Right.ERASURE, log, *told_at))) for told_at in ((one,), (one, done))]

    assert [view.stand(view.events[0]).partition(". ")[2] for view in stands] == [
        "The recipient answered.",
        "Of two recipients, one showed us that it is so and one answered.",
    ]
    assert stands[0].recipients(stands[0].events[0])[0].did() == ["On 19 November 2026 it answered."]


@pytest.mark.parametrize("state", [State.EXEMPT, State.HELD, State.RETRYING])
def test_what_was_passed_on_before_is_told_as_that(state: State) -> None:
    log = tuple(told("delivery:accepted", asked=True, walk=[step("POST /users", "")]))
    view = DossierView(facts(an_event(Right.ERASURE, log, a_delivery(state, "other", Action.DELETE, log))))
    (recipient,) = view.recipients(view.events[0])

    assert recipient.did()[0] == "We had passed the request on to it on 2 November 2026, 10:03, and it let nobody look."
    assert sure_of(" ".join(recipient.did())) == []


#: state and code -> how one and two of them are counted
COUNTED = {
    (State.CONFIRMED, None): ("one showed us that it is so", "two showed us that it is so"),
    (State.ACCEPTED, None): (
        "one took the request and shows nobody what it then does",
        "two took the request and show nobody what they then do",
    ),
    (State.ATTESTED, "done"): ("one answered that it did what was asked", "two answered that they did what was asked"),
    (State.ATTESTED, "refused"): ("one refused", "two refused"),
    (State.NOT_APPLICABLE, "no_identifier"): ("one cannot find you", "two cannot find you"),
    (State.NOT_APPLICABLE, "right_not_offered"): (
        "at one what was asked for does not exist",
        "at two what was asked for does not exist",
    ),
    (State.EXEMPT, "other"): ("one was excepted", "two were excepted"),
    (State.EXEMPT, "withdrawn"): ("one was not asked any further", "two were not asked any further"),
}


@pytest.mark.parametrize("kinds", list(product(COUNTED, repeat=3)))
def test_the_recipients_of_a_closed_request_are_counted_apart(kinds: tuple[tuple[State, str | None], ...]) -> None:
    log = (entry(1, "event:received"),)
    deliveries = [a_delivery(*kind, Action.DELETE, log) for kind in kinds]
    view = DossierView(facts(an_event(Right.ERASURE, log, *deliveries)))
    said, number = view.stand(view.events[0]), Counter(kinds)

    hidden = any(state in UNSEEN for state, _ in kinds)
    assert ("Of three recipients, " in said) is hidden
    for kind, words in COUNTED.items():
        shown = words[number[kind] - 1] if 0 < number[kind] < 3 else None
        for each in words:
            assert (each in said) is (hidden and each == shown), (each, said)


def test_an_open_request_counts_nobody_as_finished_who_let_us_not_look() -> None:
    log = (entry(1, "event:received"),)
    kinds = ((State.ACCEPTED, None), (State.PENDING, None), (State.EXEMPT, "other"), (State.CONFIRMED, None))
    deliveries = [a_delivery(*kind, Action.DELETE, log) for kind in kinds]
    view = DossierView(facts(an_event(Right.ERASURE, log, *deliveries)))

    assert view.stand(view.events[0]) == (
        "1 of 4 recipients has finished, one took the request and shows nobody what it then does and one was excepted."
    )


def test_the_page_says_what_helps_where_somebody_cannot_be_found_and_how_the_request_was_passed_on() -> None:
    order = [step("POST /users", "")]
    log = (
        *told("delivery:accepted", asked=True, walk=order),
        entry(4, "delivery:not_applicable", code="no_identifier"),
    )
    accepted = a_delivery(State.ACCEPTED, None, Action.DELETE, log)
    lost = a_delivery(State.NOT_APPLICABLE, "no_identifier", Action.DELETE, log)
    page = page_told("".join(dossier_html(facts(an_event(Right.ERASURE, log, accepted, lost)))))

    assert "What you can do | ActiveCampaign (our account “crm”): You can tell us by what it could find you" in page
    assert "passed on: contact: POST /users" in page
    assert "read back:" not in page


def test_several_requests_count_those_that_could_not_be_checked_everywhere() -> None:
    log = (entry(1, "event:received"),)
    done, taken = (
        an_event(Right.ERASURE, log, a_delivery(*kind, Action.DELETE, log, outcome=outcome))
        for kind, outcome in (((State.CONFIRMED, None), Outcome.DONE), ((State.ACCEPTED, None), None))
    )

    said = DossierView(facts(done, taken)).sentence()
    assert said.startswith("Of your two requests, one has been carried out and one has been closed though we could not")
    assert said.endswith("Below you find who was told, what they answered, and where we could not look.")


def test_a_mistaken_request_that_was_passed_on_is_not_called_the_persons_own() -> None:
    log = tuple(told("delivery:accepted", asked=True, walk=[]))
    kinds = ((State.EXEMPT, "withdrawn"), (State.ACCEPTED, None), (State.NOT_APPLICABLE, "no_identifier"))
    event = an_event(Right.ERASURE, log, *(a_delivery(*kind, Action.DELETE, log) for kind in kinds))
    page = "".join(dossier_html(facts(event))).partition("<body>")[2]

    assert "Of three recipients, one took the request" in page
    for claim in ("You asked", "Your request", "your request", "you asked"):
        assert claim not in page, claim


@pytest.mark.parametrize(
    ("state", "what", "labels"),
    [
        (State.ACCEPTED, "delivery:accepted", ["passed on:", "passed on:"]),
        (State.ATTESTED, "delivery:attested", ["asked:"]),
        (State.NOT_APPLICABLE, "delivery:not_applicable", ["asked:"]),
    ],
)
def test_no_call_is_called_carried_out_of_which_nobody_saw_what_it_did(
    state: State, what: str, labels: list[str]
) -> None:
    order, word = (entry(seq, kind, steps=[step(call, "")]) for seq, kind, call in (
        (3, "delivery:applied", "POST /orders"), (4, what, "GET /orders"),
    ))  # fmt: skip
    log = (*told(what, asked=False, walk=[]), order, word)
    view = DossierView(facts(an_event(Right.ERASURE, log, a_delivery(state, None, Action.DELETE, log))))
    (recipient,) = view.recipients(view.events[0])

    assert [label for label, calls in recipient.calls() for _ in calls] == labels
