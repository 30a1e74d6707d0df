"""No text that people read escapes the catalogues: in a language that puts each between marks, nothing is outside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from adapters.contract import Action, Outcome
from syncer.app import App
from syncer.cli.dossier import look_up
from syncer.domain.controller import Controller
from syncer.domain.model import State
from syncer.domain.rights import Right
from syncer.language.texts import through
from syncer.reports.dossier import DossierFacts
from syncer.reports.html.page import dossier_html, index_html, report_html
from syncer.reports.propagation import PropagationLog
from syncer.reports.register.index import PartFile
from syncer.reports.register.part import Part
from tests.support import eventful
from tests.support.documents import states
from tests.support.documents.reports import whole
from tests.support.language.pseudo import LOGIN, Pseudo, escaped_texts

#: what is no text: recipients, accounts, zones, states that providers name, and what was typed into a form
VALUES = (
    r"Mailchimp", r"ActiveCampaign", r"\b(newsletter|crm|shop)\b", r"UTC", r"Europe/Berlin", r"syncer/[0-9a-f]+",
    r"\b(wordpress|form|cli)\b", r"\b[RP]\d+", LOGIN, r"\bdpo\b", r"p1:\S+", r"key \d+", r"\bSHA-256\b",
    r"account review by the provider", r"court.*A0", r"many systems to search by hand", r"the court asks for it",
    r"its letter",
    r"\(?=cmd.*A0\)?", r"syncer [\d.]+", r"^log$", r"\([a-z_]+: ?$",
    # days come from Babel, or from Python in English
    r"\d+ (January|February|March|April|May|June|July|August|September|October|November|December) \d{4}",
)  # fmt: skip


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An installation in which everything happened."""
    with eventful.installation(tmp_path_factory.mktemp("texts")) as (app, _clock, _keys):
        yield app


@pytest.fixture(scope="module")
def log(installation: App) -> PropagationLog:
    return whole(installation)


@pytest.fixture(scope="module")
def dossiers(installation: App) -> list[DossierFacts]:
    events = {event.subject: event.id for event in whole(installation).events}
    return [look_up(installation, installation.dossiers.of_event(event)) for event in events.values()]


def report(log: PropagationLog) -> list[str]:
    with through(Pseudo()):
        return escaped_texts("".join(report_html(log)), VALUES)


def dossier(facts: DossierFacts) -> list[str]:
    with through(Pseudo()):
        return escaped_texts("".join(dossier_html(facts)), VALUES)


@pytest.mark.slow
def test_no_text_of_a_report_escapes(log: PropagationLog) -> None:
    assert report(log) == []


@pytest.mark.slow
@pytest.mark.parametrize("intact", [True, False])
def test_no_text_of_any_state_escapes(intact: bool) -> None:
    events = [
        states.event(number, (item,), (Right.ERASURE, Right.OBJECTION, None)[number % 3], late=number % 2 == 0)
        for number, item in enumerate(states.SINGLE[::11], 1)
    ]
    events += [states.event(9001, ()), states.event(9002, (), late=True)]
    found = states.log(events, paused=True, intact=intact, problem=None if intact else "entry 7 was altered")

    assert report(found) == []


@pytest.mark.slow
def test_no_text_of_a_part_and_of_the_index_escapes(log: PropagationLog) -> None:
    part = Part(1, 2, 3, states.NOW - timedelta(days=9), states.NOW)

    with through(Pseudo()):
        index = "".join(index_html(log, (PartFile(part, "log-001.html", "ab" * 32),)))

    assert report(replace(log, part=part)) == []
    assert escaped_texts(index, (*VALUES, r"log-001\.html")) == []


@pytest.mark.slow
def test_no_text_of_a_dossier_escapes(dossiers: list[DossierFacts]) -> None:
    assert {text for facts in dossiers for text in dossier(facts)} == set()


def test_no_text_of_a_dossier_with_its_sender_escapes(dossiers: list[DossierFacts]) -> None:
    sender = Controller("ACME", ("ACME 1", "ACME 2"), "ACME", "ACME", "ACME")
    facts = replace(dossiers[0], controller=sender, country="DE")

    with through(Pseudo()):
        assert escaped_texts("".join(dossier_html(facts)), (*VALUES, "ACME")) == []


def test_what_is_in_no_catalogue_is_found() -> None:
    page = '<p title="hover">⟦kept ACME⟧ <b>lost</b> ⟦a <i>b</i>⟧</p><code>GET</code><p data-l="⟦fine⟧">ACME</p>'

    assert escaped_texts(page, ["ACME"]) == ["hover", "lost"]
    assert escaped_texts(page, []) == ["ACME", "hover", "lost"]


@pytest.mark.slow
@pytest.mark.parametrize("state", State)
def test_no_text_of_one_delivery_escapes(state: State) -> None:
    deliveries = [
        states.delivery("crm", state, code, action, outcome, confirmed=confirmed)
        for code in states.codes(state)
        for action, outcome in ((Action.DELETE, Outcome.DONE), (Action.SUPPRESS, Outcome.ABSENT), (None, None))
        for confirmed in (True, False)
    ]
    events = [states.event(number, (item,)) for number, item in enumerate(deliveries, 1)]

    assert report(states.log(events)) == []
