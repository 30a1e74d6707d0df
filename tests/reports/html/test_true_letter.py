"""No sentence to the person claims more than the states allow, in any of them; and none promises."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters import registry
from adapters.contract import Action, Outcome, Stays
from syncer.audit.ledger import LogEntry
from syncer.domain.codes import CODES, GROUNDS, GUARDED
from syncer.domain.controller import Controller
from syncer.domain.model import WORKABLE, State
from syncer.domain.rights import Right
from syncer.events.guard.stops import OPEN as STOPPABLE
from syncer.reports.dossier import DossierEvent, SignedLog, StillThere
from syncer.reports.html import dossier_texts as texts
from syncer.reports.html.dossier_view import DossierView
from syncer.reports.html.page import dossier_html
from syncer.reports.views import Signed
from syncer.reports.wording import grounds
from tests.support.documents.letters import (
    DUE,
    RECEIVED,
    UNSEEN,
    a_delivery,
    an_event,
    entry,
    every_recipient,
    facts,
    sentences,
    stamped,
    step,
)

pytestmark = pytest.mark.slow

#: what says that it is so at the recipient
DONE = re.compile(
    r"Your data was erased|You were unsubscribed|we no longer found your data|no mail goes to you|was recorded"
)
PROMISE = re.compile(
    r"\b(will|shall|promise|soon|going to|is seeing|is clearing|is ending|is settling|until it is done|we go on)\b",
    re.I,
)


@pytest.mark.parametrize("state", State)
def test_no_recipient_is_said_to_have_done_more_than_was_read_back(state: State) -> None:
    for asked, recipient, _ in every_recipient(state):
        delivery = recipient.delivery
        done, checked = " ".join(recipient.did()), " ".join(recipient.checked())
        if DONE.search(done):
            assert (state, delivery.outcome) == (State.CONFIRMED, Outcome.DONE), done
        if DONE.search(checked):
            assert (state, delivery.outcome) == (State.CONFIRMED, Outcome.DONE), checked
        if re.search("held nothing about you|found nothing about you", f"{done} {checked}"):
            assert (state, delivery.outcome) == (State.CONFIRMED, Outcome.ABSENT)
        if not asked:
            assert "answered" not in done or state is State.ATTESTED
        if asked and state is not State.NOT_APPLICABLE:
            assert "not been asked" not in recipient.asked()
        assert ("not asked any further" in done) <= (state is State.EXEMPT)


@pytest.mark.parametrize("state", State)
def test_what_goes_on_by_itself_is_said_only_of_what_a_program_works_on(state: State) -> None:
    for _, recipient, view in every_recipient(state):
        said = " ".join(sentences(recipient))
        stopped = recipient.delivery.code == GUARDED and state in STOPPABLE
        if texts.TRIED_AGAIN in said:
            assert state in WORKABLE and not stopped
            assert view.facts.recipients["crm"].working
        assert (texts.BY_HAND in said) is (state is State.HELD or stopped)
        assert ("by itself" in said) <= (texts.TRIED_AGAIN in said)


@pytest.mark.parametrize("state", State)
def test_no_sentence_promises_and_each_ends_with_a_full_stop(state: State) -> None:
    for _, recipient, view in every_recipient(state):
        (event,) = view.events
        whole = [view.sentence(), view.stand(event), view.record().text, view.record().ground]
        for sentence in (*sentences(recipient), *whole):
            assert not PROMISE.search(sentence), sentence
            assert sentence.endswith("."), sentence
            assert ".." not in sentence


@pytest.mark.parametrize("state", State)
def test_a_request_is_called_carried_out_only_where_every_recipient_did_it(state: State) -> None:
    for _, recipient, view in every_recipient(state):
        (event,) = view.events
        said = f"{view.sentence()} {view.stand(event)} {view.mark(event)[0]}"
        for denial in ("not been fully carried out", "was not carried out", "without being carried out"):
            said = said.replace(denial, "")
        assert ("carried out" in said) is (state is State.CONFIRMED), said
        assert ("check everywhere" in said) is (state in UNSEEN), said
        assert ("with an exception" in said) is (state is State.EXEMPT and recipient.delivery.code != "withdrawn")
        assert ("withdrawn" in said) is (state is State.EXEMPT and recipient.delivery.code == "withdrawn")
        assert "late" not in said


def test_a_request_with_no_recipient_is_not_called_done() -> None:
    view = DossierView(facts(an_event(Right.ERASURE, ())))
    (event,) = view.events

    assert view.mark(event)[0] == "Not done"
    assert "nobody was told" in view.stand(event)
    assert "closed without being carried out: there was no recipient to tell" in view.sentence()
    assert "<table" not in "".join(dossier_html(view.facts))


@pytest.mark.parametrize("right", [Right.ERASURE, Right.OBJECTION])
@pytest.mark.parametrize("state", [State.CONFIRMED, State.EXEMPT])
@pytest.mark.parametrize("late", [True, False])
@pytest.mark.parametrize(("answered", "past_its_day"), [(timedelta(days=20), False), (timedelta(days=40), True)])
def test_an_answer_is_called_late_if_it_was_and_by_what_it_missed(
    right: Right, state: State, late: bool, answered: timedelta, past_its_day: bool
) -> None:
    log = (entry(1, "event:received"), LogEntry(9, stamped(RECEIVED + answered), "event:fulfilled", "e", None, {}, {}))
    delivery = a_delivery(state, None, Action.UNSUBSCRIBE, log, outcome=Outcome.DONE)
    view = DossierView(facts(an_event(right, log, delivery, late=late, fulfilled_at=RECEIVED + answered)))
    (event,) = view.events

    for said in (view.stand(event), view.sentence()):
        assert ("later than it was due" in said) is (late and past_its_day)
        assert ("later than the 48 hours" in said) is (late and not past_its_day)


def test_every_code_that_holds_or_delays_has_its_sentence() -> None:
    assert set(CODES) - set(texts.WHY) == {"crashed"}  # our own failure: nothing else can be said of it


@pytest.mark.parametrize("ground", [*GROUNDS, None, "of_a_later_version"])
def test_an_objection_is_never_excepted_by_an_article_on_erasure(ground: str | None) -> None:
    said = grounds.exception(ground, Right.OBJECTION)

    assert "17" not in said
    assert "19" not in said
    assert said.endswith(".")


def test_a_ground_of_erasures_is_named_as_none_against_an_objection() -> None:
    assert "has no such exception (Art. 21(3) GDPR)" in grounds.exception("legal_claims", Right.OBJECTION)
    assert "Art. 17(3)(e)" in grounds.exception("legal_claims", Right.ERASURE)
    assert "entered by mistake" in grounds.exception("withdrawn", Right.OBJECTION)


@pytest.mark.parametrize("right", [Right.ERASURE, Right.OBJECTION, None])
@pytest.mark.parametrize("why", Stays)
def test_what_stays_has_a_ground_or_says_that_none_is_known(why: Stays, right: Right | None) -> None:
    said = grounds.staying(why, right, "Example")

    assert said.endswith(".")
    if grounds.has_ground(why, right):
        assert "GDPR" in said
    else:
        assert re.search("No ground (for|is)", said)
        assert re.search("can ask (us|Example)", said)


@pytest.mark.parametrize("name", registry.names())
def test_an_erasure_that_was_only_an_unsubscription_is_not_excused(name: str) -> None:
    kinds = {item.why for item in registry.load(name).remains[Action.UNSUBSCRIBE]}

    assert Stays.NOT_ASKED in kinds
    assert not grounds.has_ground(Stays.NOT_ASKED, Right.ERASURE)
    assert grounds.has_ground(Stays.NOT_ASKED, Right.OBJECTION)


# -- what was done before an exception ----------------------------------------------------------------------


def excepted(*walk: dict[str, Any], held: str, code: str = "other", right: Right = Right.OBJECTION) -> list[str]:
    log = (
        entry(1, "event:received"),
        entry(2, "delivery:attempted", attempt=1),
        entry(3, "delivery:held", code=held, steps=list(walk)),
        entry(4, "delivery:exempt", ground=code, reason="by phone"),
    )
    view = DossierView(facts(an_event(right, log, a_delivery(State.EXEMPT, code, Action.SUPPRESS, log))))
    return view.recipients(view.events[0])[0].did()


def test_mail_that_was_stopped_before_an_exception_is_told_as_the_answer_it_was() -> None:
    assert excepted(step("POST /contactLists", "unsubscribed"), held="exclusion_needed") == [
        "It answered that its mail to you was stopped.",
        "Nothing there keeps you from being added again. It was not asked any further: see the exception below.",
    ]


def test_mail_that_was_stopped_in_part_only_is_told_so() -> None:
    walk = (step("POST /contactLists", "unsubscribed"), step("POST /contactLists", "", 500))

    assert excepted(*walk, held="unavailable")[0] == "It answered that a part of its mail to you was stopped."


def test_a_deletion_before_an_exception_is_told_with_the_copy_that_may_remain() -> None:
    said = excepted(step("DELETE /contacts/{id}", "deleted"), held="archived_not_purged", right=Right.ERASURE)

    assert said[0] == "It answered that it deleted an entry about you."
    assert said[1].startswith("A copy may remain in its archive of deleted entries, which it keeps for 360 days.")


def test_where_nothing_was_changed_before_an_exception_that_is_said() -> None:
    assert excepted(step("GET /contacts", "found"), held="newer_consent")[0] == (
        "As far as its answers show, it changed nothing."
    )


def test_a_call_without_an_answer_before_an_exception_leaves_that_open() -> None:
    assert "it may have done that or not." in excepted(step("DELETE /contacts/{id}", "", None), held="unreadable")[0]


def test_a_withdrawn_request_is_told_as_withdrawn_with_what_was_done_before() -> None:
    said = excepted(step("DELETE /contacts/{id}", "deleted"), held="archived_not_purged", code="withdrawn")

    assert said == [
        "It answered that it deleted an entry about you.",
        f"A copy may remain in {texts.ARCHIVE}. It was not asked any further: the request was withdrawn, see below.",
    ]


def test_after_the_purge_nobody_guesses_what_was_done_before() -> None:
    log = (
        entry(1, "event:received"),
        entry(2, "delivery:attempted"),
        LogEntry(3, stamped(RECEIVED), "delivery:held", "e", "crm", None, None),
    )
    delivery = a_delivery(State.EXEMPT, "other", Action.DELETE, log)
    view = DossierView(facts(an_event(Right.ERASURE, log, delivery)))

    assert view.recipients(view.events[0])[0].did()[0] == "We no longer keep the details of what it answered."


# -- several requests, the clock, the sender ----------------------------------------------------------------


def test_several_requests_are_counted_by_how_each_ended() -> None:
    log = (entry(1, "event:received"),)
    done = an_event(Right.ERASURE, log, a_delivery(State.CONFIRMED, None, Action.DELETE, log, outcome=Outcome.DONE))
    other = an_event(Right.ERASURE, log, a_delivery(State.EXEMPT, "other", Action.DELETE, log))
    still = an_event(Right.ERASURE, log, a_delivery(State.PENDING, None, Action.DELETE, log))

    assert (
        DossierView(facts(done, done, done)).sentence().startswith("All three of your requests have been carried out.")
    )
    assert DossierView(facts(done, other, still)).sentence() == (
        "Of your three requests, one has been carried out, one has been closed with an exception and one is still open."
        " Below you find who was told, what they did, how we checked it, and why there is an exception."
    )


def a_withdrawn(right: Right = Right.ERASURE) -> DossierEvent:
    log = (entry(1, "event:received"),)
    return an_event(right, log, a_delivery(State.EXEMPT, "withdrawn", Action.DELETE, log), late=True)


def test_a_request_that_was_entered_by_mistake_is_never_called_the_persons_own() -> None:
    page = "".join(dossier_html(facts(a_withdrawn())))

    assert "A request about you was entered here by mistake. It was withdrawn; nobody was asked any further" in page
    assert "<dt>It was entered on</dt><dd>2 November 2026" in page
    assert "What became of a request about you at" in page
    for claim in ("You asked", "Your request", "your request", "Answer due by", "We received this", "later than"):
        assert claim not in page.partition("<body>")[2], claim


def test_requests_entered_by_mistake_are_told_apart_from_the_persons_own() -> None:
    log = (entry(1, "event:received"),)
    done = an_event(Right.ERASURE, log, a_delivery(State.CONFIRMED, None, Action.DELETE, log, outcome=Outcome.DONE))

    said = DossierView(facts(done, a_withdrawn())).sentence()
    assert said.startswith(
        "Your request has been carried out. A further request about you was entered here by mistake. It was withdrawn;"
    )
    said = DossierView(facts(done, done, a_withdrawn(), a_withdrawn())).sentence()
    assert said.startswith("Both your requests have been carried out. Two further requests about you were entered here")
    page = "".join(dossier_html(facts(done, a_withdrawn())))
    assert "What became of your request at" in page
    assert page.count("Answer due by") == 1
    assert page.count("your request of 2 November 2026") == 1


def test_what_a_mistaken_request_left_has_no_ground() -> None:
    assert "entered by mistake" in grounds.staying(Stays.SUPPRESSION, Right.OBJECTION, "Example", withdrawn=True)
    assert "Art." not in grounds.staying(Stays.NOT_ASKED, Right.OBJECTION, "Example", withdrawn=True)


def test_a_signature_is_said_to_guard_the_log_only_against_those_without_the_key() -> None:
    found = facts(an_event(Right.ERASURE, ()))
    log = SignedLog("o", (), Signed(1, RECEIVED), "root", True, None)

    page = "".join(dossier_html(replace(found, log=log)))

    assert "nobody who does not also hold our key can change or remove an entry" in page
    assert "compare this page with a signature that somebody else keeps" in page


@pytest.mark.parametrize(
    ("country", "off"), [(None, "past weekends."), ("DE", "past weekends and the holidays of DE.")]
)
def test_holidays_move_the_legal_date_only_where_a_country_is_set(country: str | None, off: str) -> None:
    event = an_event(Right.ERASURE, (), legal_due_on=DUE + timedelta(days=2))

    page = "".join(dossier_html(facts(event, country=country)))

    assert f"the date that the law sets is 4 December 2026, {off}</p>" in page


@pytest.mark.parametrize(
    ("source", "ref", "said"),
    [
        ("cli", None, ", entered by hand."),
        ("cli", "a letter", ", entered by hand (a letter)."),
        ("wordpress", "1:47", ", received through “wordpress” (1:47)."),
    ],
)
def test_how_a_request_came_is_said_in_plain_words(source: str, ref: str | None, said: str) -> None:
    page = "".join(dossier_html(facts(an_event(Right.ERASURE, (), source=source, source_ref=ref))))

    assert f'<span class="id">e</span>{said}</p>' in page


def test_the_log_speaks_to_the_person_and_not_to_administrators() -> None:
    held = entry(2, "delivery:held", code="archived_not_purged", detail="the key's user is not in Admin; then resync")
    exempt = entry(3, "delivery:exempt", ground="legal_claims", reason="a suit")
    event = an_event(Right.ERASURE, (entry(1, "event:received"), held, exempt))
    view = DossierView(facts(event))

    assert view.said(event, held) == f"held: {texts.WHY['archived_not_purged']}"
    assert view.said(event, exempt) == (
        "A person decided on an exception. The ground given: the data is needed for legal claims (Art. 17(3)(e) GDPR)."
        " The reason given: “a suit”."
    )


@pytest.mark.parametrize("code", CODES)
def test_the_figures_of_a_recipient_do_not_speak_to_administrators_either(code: str) -> None:
    log = (entry(1, "event:received"),)
    view = DossierView(facts(an_event(Right.ERASURE, log, a_delivery(State.HELD, code, Action.DELETE, log))))

    (recipient,) = view.recipients(view.events[0])

    assert recipient.in_figures() == f"delete, held ({code}: {texts.WHY.get(code, texts.FAULT).rstrip('.')})"


def test_the_page_names_its_clock_and_both_offsets_where_it_reaches_over_a_change() -> None:
    winter = an_event(Right.ERASURE, (entry(1, "event:received"),))
    both = an_event(Right.ERASURE, (), received_at=datetime(2026, 9, 2, tzinfo=UTC))

    assert DossierView(facts(winter)).clock() == "Europe/Berlin (UTC+01:00)"
    assert DossierView(facts(both)).clock() == "Europe/Berlin (UTC+01:00, in summer time UTC+02:00)"


def test_a_page_without_a_controller_leaves_blanks_and_asks_nobody_to_write() -> None:
    page = "".join(dossier_html(facts(an_event(Right.ERASURE, ()))))

    assert page.count('contenteditable="true"') == 2
    assert "write to us" not in page
    assert "case 1" in page


def test_a_page_with_a_controller_names_it_unmasked_and_escaped() -> None:
    sender = Controller(
        "Ada & <Sons>", ("1 Street", "Town"), "privacy@example.org", "Jo, dpo@example.org", "The Authority"
    )
    page = "".join(dossier_html(facts(an_event(Right.ERASURE, ()), controller=sender)))

    assert "Ada &amp; &lt;Sons&gt;<br>1 Street<br>Town" in page
    assert "please write to us: privacy@example.org. You also have the right" in page
    assert "Jo, dpo@example.org" in page
    assert "The authority that is responsible for us: The Authority." in page
    assert page.count('contenteditable="true"') == 1  # the person's name and address


def test_what_is_open_or_was_excepted_is_not_passed_over_where_the_page_says_what_stays() -> None:
    log = (entry(1, "event:received"),)
    excepted_one = an_event(Right.ERASURE, log, a_delivery(State.EXEMPT, "other", Action.DELETE, log))
    open_one = an_event(Right.ERASURE, log, a_delivery(State.HELD, "malformed", Action.DELETE, log))

    assert [each.text for each in DossierView(facts(excepted_one)).left()["ActiveCampaign"]] == [
        "What it still holds about you, if anything, stays there."
    ]
    assert "not known yet what stays" in DossierView(facts(open_one)).left()["ActiveCampaign"][0].text
    assert DossierView(facts(excepted_one)).kept() == {}


def test_where_nobody_held_anything_the_first_sentence_says_so() -> None:
    log = (entry(1, "event:received"),)
    absent = a_delivery(State.CONFIRMED, None, Action.DELETE, log, outcome=Outcome.ABSENT)

    view = DossierView(facts(an_event(Right.ERASURE, log, absent)))

    assert view.sentence().startswith("Your request has been carried out. No recipient held anything about you.")


def test_what_the_adapter_leaves_is_listed_once_by_whether_it_has_a_ground() -> None:
    log = (entry(1, "event:received"),)
    kept, left = (StillThere(f"{why} stays.", why, "Ground.") for why in (Stays.SUPPRESSION, Stays.LEFT))
    delivery = a_delivery(State.CONFIRMED, None, Action.DELETE, log, outcome=Outcome.DONE, remaining=(kept, left))
    view = DossierView(facts(an_event(Right.ERASURE, log, delivery), an_event(Right.ERASURE, log, delivery)))

    assert [item.text for items in view.kept().values() for item in items] == ["suppression stays."]
    assert [item.text for items in view.left().values() for item in items] == ["left stays."]
