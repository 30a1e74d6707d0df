"""What looks a text up, and what writes numbers, days and kept sentences in the language that is spoken."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from jinja2 import Environment
from markupsafe import Markup

from syncer.domain.codes import meaning
from syncer.errors import ChainBroken, UserError
from syncer.language.templates import install
from syncer.language.texts import Sentence, counted, digits, listed, one_place, retold, speaking, spoken, told_in
from syncer.privacy.masking import visible
from syncer.reports.wording import kept
from syncer.reports.wording.moments import Moments, in_short

MOMENT = datetime(2026, 3, 1, 8, 5, 9, tzinfo=UTC)
A_DAY = MOMENT.date()


@pytest.fixture
def templates() -> Environment:
    found = Environment(autoescape=True, finalize=visible)
    install(found)
    return found


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "1 attempt, 2 attempts"), ("de", "1 Versuch, 2 Versuche"), ("fr", "1 essai, 2 essais")],
)
def test_what_is_counted_agrees_with_its_number(language: str, said: str) -> None:
    with speaking(language):
        assert ", ".join(counted("{num} attempt", "{num} attempts", number) for number in (1, 2)) == said


def test_nought_is_one_in_french_and_many_in_german() -> None:
    said = {}
    for language in ("de", "fr"):
        with speaking(language):
            said[language] = counted("{num} attempt", "{num} attempts", 0)

    assert said == {"de": "0 Versuche", "fr": "0 essai"}


@pytest.mark.parametrize(
    ("language", "count", "share"),
    [("en", "12345", "1234.5"), ("de", "12.345", "1.234,5"), ("fr", "12\u202f345", "1\u202f234,5")],
)
def test_numbers_are_written_as_the_language_does(language: str, count: str, share: str) -> None:
    with speaking(language):
        assert (digits(12345), one_place(1234.5)) == (count, share)


@pytest.mark.parametrize(
    ("language", "written", "exact", "month"),
    [
        ("en", "1 March 2026, 09:05", "2026-03-01 09:05:09 +01:00", "March 2026"),
        ("de", "1. März 2026 um 09:05 Uhr", "01.03.2026 09:05:09 +01:00", "März 2026"),
        ("fr", "1 mars 2026 à 09:05", "01/03/2026 09:05:09 +01:00", "mars 2026"),
    ],
)
def test_moments_are_written_as_the_language_does(language: str, written: str, exact: str, month: str) -> None:
    moments = Moments(ZoneInfo("Europe/Berlin"))

    with speaking(language):
        assert moments.written(MOMENT) == written
        assert moments.exact(MOMENT) == exact
        assert moments.month(date(2026, 3, 1)) == month


@pytest.mark.parametrize(
    ("language", "said", "without_year"),
    [("en", "1 Mar 2026", "1 Mar"), ("de", "1. März 2026", "1. März"), ("fr", "1 mars 2026", "1 mars")],
)
def test_a_day_is_short_where_many_are_shown(language: str, said: str, without_year: str) -> None:
    with speaking(language):
        assert (in_short(A_DAY), in_short(A_DAY, with_year=False)) == (said, without_year)


@pytest.mark.parametrize(("items", "said"), [([], ""), (["a"], "a"), (["a", "b", "c"], "a, b et c")])
def test_a_list_in_a_sentence_ends_with_the_languages_own_word(items: list[str], said: str) -> None:
    with speaking("fr"):
        assert listed(items) == said


def test_a_language_that_there_is_no_catalogue_of_is_english() -> None:
    with speaking("xx"):
        assert spoken() == "en"
        assert meaning("clock").startswith("the provider's certificate")


def test_nothing_is_said_of_nothing() -> None:
    with speaking("de"):
        assert meaning(None) == ""
        assert meaning("of_a_later_version") == "of_a_later_version"


def test_a_kept_sentence_is_told_with_the_values_that_it_has() -> None:
    said = "Audience a1b2: erased for good before, cannot be added again."

    with speaking("de"):
        assert kept.told_by_adapter(said) == (
            "Zielgruppe a1b2: früher endgültig gelöscht, kann nicht wieder aufgenommen werden."
        )
        assert kept.told_by_adapter("A later version notes this.") == "A later version notes this."
    assert kept.told_by_adapter(said) == said


def test_the_rule_with_holidays_is_not_taken_for_the_one_without() -> None:
    rule = "the earlier of 30 days and the same date next month, Europe/Berlin; the legal date is moved past weekends"

    with speaking("de"):
        assert kept.rule(f"{rule} and holidays of DE").endswith("Feiertage in DE hinausgeschoben")
        assert kept.rule(rule).endswith("Wochenenden hinausgeschoben")


def test_a_kept_sentence_of_any_length_takes_no_time() -> None:
    with speaking("de"):
        assert retold("x: its " * 20_000, "{place}: its {column} is {value}; {x}").startswith("x: its")


def test_a_document_keeps_its_language_whoever_reads_it_and_whatever_is_spoken_there() -> None:
    def pieces() -> Iterator[str]:
        yield meaning("clock")
        yield spoken()

    with speaking("fr"):
        document = told_in("de", pieces)
        first, here = next(document), spoken()
    rest: list[str] = []
    thread = threading.Thread(target=lambda: rest.extend(document))
    thread.start()
    thread.join()

    assert first.startswith("das Zertifikat des Anbieters")
    assert (here, rest, spoken()) == ("fr", ["de"], "en")


def test_a_value_in_a_text_of_a_template_is_masked_made_visible_and_escaped(templates: Environment) -> None:
    page = templates.from_string('{{ _("Request %(id)s", id=x) }}|{% trans id=x %}Request {{ id }}{% endtrans %}')

    assert page.render(x="<b>ada@lovelace.test\u202e") == "|".join(["Request &lt;b&gt;[address]"] * 2)
    assert page.render(x=Markup("<i>7</i>")) == "|".join(["Request <i>7</i>"] * 2)
    assert page.render(x="a\u202eb") == "|".join(["Request a\\u202eb"] * 2)


def test_a_count_in_a_template_is_written_as_the_language_does_and_a_name_is_not(templates: Environment) -> None:
    page = templates.from_string('{{ ngettext("%(num)d entry", "%(num)d entries", n) }}; {{ _("event %(id)s", id=n) }}')

    with speaking("de"):
        assert page.render(n=12345) == "12.345 Einträge; Vorgang 12345"
    assert page.render(n=1) == "1 entry; event 1"


def test_blanks_that_a_language_writes_stay_and_others_are_made_visible() -> None:
    with speaking("fr"):
        assert visible("point\u00a0: 1\u202f234\u2003x") == "point\u00a0: 1\u202f234\\u2003x"
    assert visible("point\u00a0:") == "point\\u00a0:"


def test_a_sentence_is_english_to_machines_and_told_in_the_language_of_whoever_reads() -> None:
    said = Sentence("the first month ended on {day}; an extension is only possible within it", "extend: ", day=A_DAY)

    assert json.loads(json.dumps(said)) == f"{said}"
    assert said == "extend: the first month ended on 2026-03-01; an extension is only possible within it"
    with speaking("de"):
        assert retold(said).startswith("der erste Monat endete am 1. März 2026;")
    with speaking("fr"):
        assert retold(said).startswith("le premier mois s’est terminé le 1 mars 2026\u202f;")


def test_what_stands_within_a_sentence_is_told_too() -> None:
    said = Sentence(
        "{event} {destination}: {why}", event="7f", destination="crm", why=Sentence("its request was withdrawn")
    )

    with speaking("de"):
        assert retold(said) == "7f crm: der Antrag wurde zurückgezogen"
    assert said == "7f crm: its request was withdrawn"


def test_a_refusal_is_told_without_the_command_that_it_would_have_been() -> None:
    refused = UserError(Sentence("the event is closed; there is nothing to extend", "extend: "))

    assert kept.refusal(refused) == "the event is closed; there is nothing to extend"
    with speaking("fr"):
        assert kept.refusal(refused) == "la demande est close\u202f; il n’y a rien à prolonger"
        assert kept.refusal(UserError("resync: in no catalogue")) == "in no catalogue"
    assert str(refused) == "extend: the event is closed; there is nothing to extend"


@pytest.mark.parametrize("language", ["de", "fr"])
def test_a_broken_log_is_told_with_what_was_found(language: str) -> None:
    broken = ChainBroken("entry 7 was altered")

    with speaking(language):
        assert kept.refusal(broken).startswith(kept.finding("entry 7 was altered"))
        assert "nothing was signed" not in kept.refusal(broken)
