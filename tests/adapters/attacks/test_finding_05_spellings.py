"""One rule tells who somebody is: it is stricter than a collation, and still knows a person in other letters."""

from __future__ import annotations

import unicodedata

import pytest

from adapters.contract import Action, Outcome
from adapters.errors import Permanent
from adapters.sandbox.activecampaign.matching import UNICODE_CI, matcher
from tests.adapters.contract_collation import ASKED, PAIRS, person
from tests.adapters.stage import Stage

#: (asked for, as the shop holds it): one person
SPELLINGS = [
    ("josé@neighbours.test", "José@Neighbours.TEST"),
    ("josé@neighbours.test", unicodedata.normalize("NFD", "josé@neighbours.test")),
    ("josé@neighbours.test", "josé@neighbours.test "),
    ("ada@straße.test", "ADA@straße.test"),
]


def test_the_pairs_are_two_people_to_the_identity_rule_and_one_to_a_collation() -> None:
    assert [pair for pair in PAIRS if matcher(UNICODE_CI, pair[0])(pair[1])] == PAIRS
    assert all(person(one).address != person(other).address for one, other in PAIRS)


@pytest.mark.parametrize(("asked", "held"), SPELLINGS)
def test_finding_05_the_same_person_in_other_letters_is_erased(stage: Stage, asked: str, held: str) -> None:
    stage.collates()
    stage.sandbox.add_customer(held)

    applied = stage.adapter.apply(Action.DELETE, person(asked), ASKED)

    assert applied.outcome is Outcome.DONE
    assert stage.adapter.confirm(Action.DELETE, person(asked), applied)
    assert stage.sandbox.customers() == []


@pytest.mark.parametrize("action", Action)
def test_finding_05_whom_no_comparison_takes_for_the_person_shows_that_the_filter_is_ignored(
    stage: Stage, action: Action
) -> None:
    stage.collates()
    stage.knows("strasse@neighbours.test")
    before = stage.everybody()
    stage.mixes_people_up("somebody.else@neighbours.test")

    with pytest.raises(Permanent, match="filter_ignored"):
        stage.adapter.apply(action, person("straße@neighbours.test"), ASKED)

    assert [one for one in stage.everybody() if one in before] == before
