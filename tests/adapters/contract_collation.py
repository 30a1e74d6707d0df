"""Whose record is it? A provider whose database compares loosely answers with other people, and none is touched."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.contract import Action, Outcome, Subject
from adapters.errors import Permanent, Transient
from syncer.privacy.keyring import Keyring, subject
from tests.adapters.stage import Stage

ASKED = datetime.now(UTC)
KEYRING = Keyring(b"k" * 32)
#: two people each, one and the same to a unicode collation (the Unicode collation algorithm, as MySQL's manual
#: describes it for utf8mb4_unicode_ci): by ß, long s, a ligature, the closing sigma, an accent, a width, a blank
PAIRS = [
    ("straße@neighbours.test", "strasse@neighbours.test"),
    ("\u017fam@neighbours.test", "sam@neighbours.test"),
    ("\ufb01ona@neighbours.test", "fiona@neighbours.test"),
    ("νικος@neighbours.test", "νικοσ@neighbours.test"),
    ("josé@neighbours.test", "jose@neighbours.test"),
    ("ada@neighbours.test", "\uff41da@neighbours.test"),
    ("ada@straße.test", "ada@strasse.test"),
]


def person(address: str) -> Subject:
    return subject(KEYRING, address)


both_ways = pytest.mark.parametrize(
    ("asked", "other"), [pair for asked, other in PAIRS for pair in ((asked, other), (other, asked))]
)


class CollationContract:
    """Every verb that writes or confirms; `asked` is the person, `other` whom a collation takes for them."""

    @both_ways
    @pytest.mark.parametrize("action", Action)
    def test_finding_05_another_person_is_never_acted_on_in_place_of_the_one_asked_for(
        self, stage: Stage, asked: str, other: str, action: Action
    ) -> None:
        stage.collates()
        stage.holds_in_every_place(other)
        before = stage.picture(other)

        if action is Action.SUPPRESS:
            self._suppressed_or_left_to_a_person(stage, asked)
        else:
            applied = stage.adapter.apply(action, person(asked), ASKED)
            assert applied.outcome is Outcome.ABSENT
            assert stage.adapter.confirm(action, person(asked), applied).outcome is Outcome.ABSENT
            assert stage.adapter.confirm(action, person(asked)).outcome is Outcome.ABSENT

        assert stage.picture(other) == before

    def _suppressed_or_left_to_a_person(self, stage: Stage, asked: str) -> None:
        """Leave the entry that shows the objection, or ask a person for one where no call can make it."""
        try:
            stage.adapter.apply(Action.SUPPRESS, person(asked), ASKED)
        except Permanent as error:
            assert error.code == "exclusion_needed"

    @both_ways
    @pytest.mark.parametrize("action", Action)
    def test_finding_05_the_person_is_acted_on_and_another_beside_them_is_not(
        self, stage: Stage, asked: str, other: str, action: Action
    ) -> None:
        stage.collates()
        for one in (other, asked):
            stage.holds_in_every_place(one)
        stage.suppresses(asked)
        before = stage.picture(other)

        applied = stage.adapter.apply(action, person(asked), ASKED)

        assert stage.adapter.confirm(action, person(asked), applied).outcome is Outcome.DONE
        assert stage.picture(other) == before
        assert not stage.reaches(asked) and stage.holds(asked) is (action is not Action.DELETE)

    @both_ways
    @pytest.mark.parametrize("action", [Action.DELETE])
    def test_finding_05_nobody_is_confirmed_erased_while_held_and_nobody_kept_from_it_by_another(
        self, stage: Stage, asked: str, other: str, action: Action
    ) -> None:
        stage.collates()
        for one in (other, asked):
            stage.knows(one)

        with pytest.raises(Transient, match="not_yet"):
            stage.adapter.confirm(action, person(asked))
        assert stage.adapter.opted_in(person(asked)) is not None

        stage.adapter.confirm(action, person(asked), stage.adapter.apply(action, person(asked), ASKED))
        assert stage.adapter.opted_in(person(asked)) is None
        assert stage.holds(other) and stage.reaches(other)

    @both_ways
    def test_finding_05_a_trial_touches_nobody_but_its_invented_contact(
        self, stage: Stage, asked: str, other: str
    ) -> None:
        stage.collates()
        stage.holds_in_every_place(other)
        before = stage.picture(other)

        steps = list(stage.adapter.trial(person(asked), stage.place))

        assert bool(steps) is bool(stage.adapter.trial_plan(stage.place))
        assert stage.picture(other) == before
        assert not stage.holds(asked)
