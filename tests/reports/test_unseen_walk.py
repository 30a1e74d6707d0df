"""A request at recipients that let nobody look, from the queue to every text about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.contract import Outcome
from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.cli.dossier import look_up
from syncer.domain.endings import Ending
from syncer.reports.html.page import dossier_html, report_html
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.documents.reports import report_text, whole
from tests.support.documents.truth import Known, hidden, miscounted, told, untrue
from tests.support.unread.attesting import attest
from tests.support.unread.installation import installed
from tests.support.walk import PERSON, event, put


@pytest.fixture
def closed(settings_file: Callable[..., Path], clock: Clock, mailchimp: MailchimpSandbox) -> Iterator[App]:
    """An erasure that one recipient showed, two took, one could not be asked and one refused by a person's word."""
    mailchimp.add(PERSON, AUDIENCES[0])
    kinds = {"analytics": "taking", "ads": "processing", "clarity": "unasked", "manual": "lying"}
    with installed(settings_file, clock, **kinds) as (app, machines):
        machines["manual"].outcome = Outcome.ABSENT  # which nobody believes: it is held
        put(app, "erasure", PERSON, "k1")
        drain(app)
        attest(app, "manual", "refused")
        app.notary.make()
        yield app


def test_every_text_tells_them_apart_and_claims_and_hides_nothing(closed: App) -> None:
    log = whole(closed)
    (asked,) = log.events
    so = Known((asked,))

    assert (asked.ending, log.integrity.verified) == (Ending.ANSWERED, True)
    for text in (told("".join(report_html(log))), report_text(log)):
        assert untrue(text, so) == hidden(text, so) == []
        assert "1 read back, 2 passed on, 1 settled by a person, 1 cannot be found there" in text
        assert "it refused" in text
    (row,) = [line for line in report_text(log).splitlines() if "due 2026" in line]
    assert miscounted(row, asked) == []


def test_an_order_that_was_processed_later_is_shown_with_the_word_that_it_was(closed: App) -> None:
    page = told("".join(report_html(whole(closed))))

    assert "property: POST /orders → 200 property: GET /orders/{order} → 200 | 1 |" in page
    assert "its request taken, processed" in page


def test_the_person_reads_what_each_recipient_did_and_the_proofs_hold(closed: App) -> None:
    facts = look_up(closed, closed.dossiers.of_event(event(closed).id))
    page = told("".join(dossier_html(facts)))

    assert (facts.log.verified, facts.log.reason) == (True, None)
    assert (
        "Of five recipients, one showed us that it is so, two took the request and show nobody what they then do, one"
        " refused and one cannot find you."
    ) in page
    for sentence in (
        "Your data was erased on", "by its own word it is through by 20 January 2027.",
        "It keeps such data until 28 December 2027 at most.", "On 30 November 2026 it refused what was asked.",
    ):  # fmt: skip
        assert sentence in page
