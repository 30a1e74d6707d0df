"""The report and the dossier in each language: whole, with days as it writes them, and no word in another one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from syncer.app import App
from syncer.cli.dossier import look_up
from syncer.domain.controller import Controller
from syncer.language.texts import LANGUAGES, speaking
from syncer.reports.as_csv import report_csv
from syncer.reports.as_json import as_json
from syncer.reports.as_text import report_text
from syncer.reports.dossier import DossierFacts
from syncer.reports.html.page import dossier_html, report_html
from syncer.reports.propagation import PropagationLog
from tests.support import eventful
from tests.support.documents.reports import whole
from tests.support.html import Parsed

#: language -> what its report and its dossier must say
SAID = {
    "en": ("What needs a person", "2026-11-24 10:30", "Your request has been carried out.", "15 September 2026, 11:37"),
    "de": (
        "Was einen Menschen braucht", "24.11.2026 10:30", "Ihr Antrag wurde ausgeführt.",
        "15. September 2026 um 11:37 Uhr",
    ),
    "fr": (
        "Ce qui attend une personne", "24/11/2026 10:30", "Votre demande a été exécutée.", "15 septembre 2026 à 11:37",
    ),
}  # fmt: skip
#: words that stand in no text of another language
ENGLISH = re.compile(r"\b(the|The|were|your|Your|request|received|erased|which|nobody)\b")


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An installation in which everything happened."""
    with eventful.installation(tmp_path_factory.mktemp("languages")) as (app, _clock, _keys):
        yield app


@pytest.fixture(scope="module")
def log(installation: App) -> PropagationLog:
    return whole(installation)


@pytest.fixture(scope="module")
def facts(installation: App, log: PropagationLog) -> DossierFacts:
    """The dossier of somebody who was erased everywhere."""
    first = next(event for event in log.events if event.event_key == "form 0")
    return look_up(installation, installation.dossiers.of_event(first.id))


def test_every_language_is_tried() -> None:
    assert set(SAID) == set(LANGUAGES)


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_in_its_language(log: PropagationLog, language: str) -> None:
    page = Parsed("".join(report_html(log, language)))

    title, day, _done, _when = SAID[language]
    assert page.all("html") == [{"lang": language}]
    assert title in page.text
    assert day in page.text


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_dossier_is_in_its_language(facts: DossierFacts, language: str) -> None:
    page = Parsed("".join(dossier_html(facts, language)))

    _title, _day, done, when = SAID[language]
    assert page.all("html") == [{"lang": language}]
    assert done in page.text
    assert when in page.text


@pytest.mark.parametrize("language", ["de", "fr"])
def test_no_word_of_english_is_left_in_a_dossier(facts: DossierFacts, language: str) -> None:
    page = Parsed("".join(dossier_html(facts, language)))

    assert ENGLISH.findall(page.text) == []


def test_what_is_made_is_english_where_nobody_chooses_a_language(log: PropagationLog) -> None:
    with speaking("de"):
        page = Parsed("".join(report_html(log)))

    assert page.all("html") == [{"lang": "en"}]
    assert "Was einen Menschen braucht" not in page.text


@pytest.mark.slow
def test_what_scripts_read_is_english_whatever_is_spoken(installation: App, log: PropagationLog) -> None:
    pseudonym = next(event.id for event in log.events if event.event_key == "form 0")

    def made() -> tuple[str, str, list[str]]:
        found = installation.dossiers.facts(installation.dossiers.history(installation.dossiers.of_event(pseudonym)))
        grounds = [item.ground for event in found.events for told in event.deliveries for item in told.remaining]
        return "".join(report_text(log)), "".join(report_csv(log)), grounds

    english = made()
    with speaking("de"):
        assert made() == english
        assert "Art. 17(3)(b)" in as_json(english[2])


def test_a_sender_stands_on_the_page_as_the_settings_have_it(facts: DossierFacts) -> None:
    sender = Controller("Recipient Ltd", ("1 Request Street",), "privacy@example.org", None, "Nothing")

    page = Parsed("".join(dossier_html(replace(facts, controller=sender), "de")))

    for written in (
        "Recipient Ltd",
        "1 Request Street",
        "schreiben Sie uns bitte: privacy@example.org",
        "ist: Nothing.",
    ):
        assert written in page.text


def test_pages_of_paper_are_numbered_in_the_language(log: PropagationLog) -> None:
    assert 'content:"Seite " counter(page) " von " counter(pages) ""' in "".join(report_html(log, "de"))
    assert 'content:"Page " counter(page) " of " counter(pages) ""' in "".join(report_html(log))
