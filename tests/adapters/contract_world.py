"""What every adapter must make of a provider that is not as documented; the findings are named A1 to B9 in the stages.

A stage says which of them its provider knows, and how its sandbox gets there.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import ClassVar

import pytest

from adapters.contract import Action, Outcome, Subject
from adapters.errors import AdapterError, Misconfigured
from syncer.privacy.keyring import Keyring, subject
from tests.adapters.stage import Stage

PERSON = "jane.odd@mailbox.test"
NEIGHBOUR = "mary.jane.odd@mailbox.test"
ASKED = datetime.now(UTC)
#: calls that one person with a hundred automations may cost before a loop counts as endless
MOST_CALLS = 400


class WorldContract:
    stage_class: ClassVar[type[Stage]]

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        stage = self.stage_class()
        yield stage
        stage.close()

    @pytest.fixture
    def person(self) -> Subject:
        return subject(Keyring(b"k" * 32), PERSON)

    def test_nothing_is_confirmed_that_was_not_seen(self, stage: Stage, person: Subject, unproven: str) -> None:
        action = stage.prepares(unproven, PERSON)

        with pytest.raises(AdapterError) as caught:
            stage.adapter.confirm(action, person, stage.adapter.apply(action, person, ASKED))

        assert not isinstance(caught.value, Misconfigured), "the lane goes on"
        assert caught.value.code in ("not_yet", "sms_reachable", "unreadable", "archived_not_purged")

    def test_the_rest_is_done_before_the_failure_is_told(self, stage: Stage, person: Subject, elsewhere: str) -> None:
        action = stage.prepares(elsewhere, PERSON)

        with pytest.raises(AdapterError) as caught:
            stage.adapter.apply(action, person, ASKED)

        assert not isinstance(caught.value, Misconfigured), "the lane goes on"
        assert stage.did_the_rest(elsewhere, PERSON)
        assert caught.value.detail, "it says what failed"

    def test_it_is_carried_out_all_the_same(self, stage: Stage, person: Subject, harmless: str) -> None:
        stage.knows(NEIGHBOUR)
        action = stage.prepares(harmless, PERSON)

        applied = stage.adapter.apply(action, person, ASKED)

        assert stage.adapter.confirm(action, person, applied).outcome is Outcome.DONE
        assert not stage.reaches(PERSON)
        assert stage.reaches(NEIGHBOUR), "neighbours are left alone"

    def test_every_loop_ends(self, stage: Stage, person: Subject, endless: str) -> None:
        action = stage.prepares(endless, PERSON)

        for verb in (
            lambda: stage.adapter.apply(action, person, ASKED),
            lambda: stage.adapter.confirm(action, person),
            lambda: list(stage.adapter.changed(None)),
        ):
            stage.sandbox.clear_requests()
            try:
                verb()
            except AdapterError as error:
                assert not isinstance(error, Misconfigured)
            assert stage.sandbox.request_count <= MOST_CALLS

    def test_a_shape_nobody_knows_is_told_by_the_names_of_its_keys(
        self, stage: Stage, person: Subject, unknown_shape: str
    ) -> None:
        action = stage.prepares(unknown_shape, PERSON)

        with pytest.raises(AdapterError) as caught:
            stage.adapter.confirm(action, person, stage.adapter.apply(action, person, ASKED))

        assert caught.value.code == "unreadable"
        assert "keys" in caught.value.detail

    @pytest.mark.parametrize("action", [Action.UNSUBSCRIBE])
    def test_who_is_reached_again_shows_in_a_listing_of_everybody(
        self, stage: Stage, person: Subject, action: Action
    ) -> None:
        stage.knows(PERSON)
        stage.adapter.apply(action, person, ASKED)
        assert not any(one.reached for one in stage.adapter.changed(None))

        stage.subscribes_again(PERSON)

        assert [one.address for one in stage.adapter.changed(None) if one.reached] != []
