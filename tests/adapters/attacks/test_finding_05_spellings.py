"""One rule tells who somebody is: it is stricter than a collation, and still knows a person in other letters."""

from __future__ import annotations

import json
import unicodedata

import pytest

from adapters.contract import Action, Outcome
from adapters.errors import Permanent
from adapters.sandbox import Fault
from adapters.sandbox.matching import UNICODE_CI, matcher
from tests.adapters.contract_collation import ASKED, PAIRS, person
from tests.adapters.stage import Stage

#: (asked for, as the shop holds it): one person
SPELLINGS = [
    ("josé@neighbours.test", "José@Neighbours.TEST"),
    ("josé@neighbours.test", unicodedata.normalize("NFD", "josé@neighbours.test")),
    ("josé@neighbours.test", "josé@neighbours.test "),
    ("ada@straße.test", "ADA@straße.test"),
]


def require_shops(stage: Stage) -> None:
    if not hasattr(stage.sandbox, "add_customer"):
        pytest.skip("this provider has no shops")


def test_the_pairs_are_two_people_to_the_identity_rule_and_one_to_a_collation() -> None:
    assert [pair for pair in PAIRS if matcher(UNICODE_CI, pair[0])(pair[1])] == PAIRS
    assert all(person(one).address != person(other).address for one, other in PAIRS)


@pytest.mark.parametrize(("asked", "held"), SPELLINGS)
def test_finding_05_the_same_person_in_other_letters_is_erased(stage: Stage, asked: str, held: str) -> None:
    require_shops(stage)
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


@pytest.mark.parametrize("first", [0, 1])
def test_finding_05_an_id_that_is_told_of_two_people_is_nobodys(stage: Stage, first: int) -> None:
    require_shops(stage)
    stage.collates()
    stage.sandbox.add_customer("jose@neighbours.test")
    rows = [
        {"id": "1", key: one}
        for key in ("email", "email_address")
        for one in ("jose@neighbours.test", "josé@neighbours.test")
    ]
    for path, name, own in (("/customers$", "customers", rows[2:]), ("/ecomCustomers$", "ecomCustomers", rows[:2])):
        body = {name: own[first:] + own[:first], "meta": {"total": "2"}, "total_items": 2}
        stage.sandbox.fault(
            Fault(status=200, body=json.dumps(body), content_type="application/json", path=path, times=None)
        )

    with pytest.raises(Permanent, match="filter_ignored"):
        stage.adapter.apply(Action.DELETE, person("josé@neighbours.test"), ASKED)

    assert {one.method for one in stage.sandbox.requests} == {"GET"}
