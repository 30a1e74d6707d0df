"""Whose address is it that a provider answered?"""

from __future__ import annotations

import pytest

from adapters.addresses import is_neighbour, is_person
from adapters.contract import Subject
from syncer.privacy.keyring import Keyring, subject

KEYRING = Keyring(b"k" * 32)

#: (asked for, answered): the same person by the identity rule
PERSON = [
    ("ada@mail.test", "Ada@MAIL.test"),
    ("ada@mail.test", " ada@mail.test "),
    ("ada@straße.test", "ada@xn--strae-oqa.test"),
    ("ada@bücher.test", "ada@B\u00dcCHER.test"),
    ("jos\u00e9@mail.test", "jose\u0301@mail.test"),
]
#: somebody else whom a database or a search takes for the person
NEIGHBOURS = [
    ("ada@strasse.test", "ada@straße.test"),
    ("ada@strase.test", "ada@straße.test"),
    ("jose@mail.test", "josé@mail.test"),
    ("sam@mail.test", "\u017fam@mail.test"),
    ("ada@mail.test", "nada@mail.test"),
    ("ada@mail.test", "ada@mail.test.other.test"),
    ("soren@mail.test", "søren@mail.test"),
    ("ada@mail.test", "ada@ma\u200bil.test"),
]


def person(address: str) -> Subject:
    return subject(KEYRING, address)


@pytest.mark.parametrize(("asked", "answered"), PERSON)
def test_one_rule_tells_whether_it_is_the_person(asked: str, answered: str) -> None:
    assert is_person(answered, person(asked))


@pytest.mark.parametrize(("asked", "answered"), NEIGHBOURS)
def test_a_neighbour_is_neither_the_person_nor_a_sign_of_an_ignored_search(asked: str, answered: str) -> None:
    assert not is_person(answered, person(asked))
    assert is_neighbour(answered, person(asked))


@pytest.mark.parametrize("answered", ["bob@mail.test", "", "ada@other.test", None, 7, ["ada@mail.test"]])
def test_anybody_else_shows_that_the_search_was_not_applied(answered: object) -> None:
    assert not is_person(answered, person("ada@mail.test"))
    assert not is_neighbour(answered, person("ada@mail.test"))


def test_a_subject_built_by_hand_is_compared_strictly() -> None:
    by_hand = Subject("ref", ("ada@strasse.test",))

    assert is_person("ADA@strasse.test", by_hand)
    assert not is_person("ada@straße.test", by_hand)
