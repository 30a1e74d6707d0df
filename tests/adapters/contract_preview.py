"""What every adapter's preview must do: judge as its apply does, and change nothing; and that the lock holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from adapters.contract import Action, Outcome, Preview, Receipt, Subject
from adapters.errors import AdapterError, Permanent
from adapters.http.lock import READS, reads_only
from adapters.sandbox import FAULTS, Fault
from tests.adapters.stage import Stage

CANARY = "canary.eight+news@mailbox.test"
OTHER = "somebody.else@mailbox.test"
SUBJECT = Subject("ref-1", (CANARY,))
ASKED = datetime.now(UTC)
#: faults of the catalogue that end only with the transport's deadline of a minute
SLOW = {name for name, make in FAULTS.items() if make().kind in ("drip", "drip_headers") or make().delay > 5}


def changing(receipt: Receipt) -> set[str]:
    """What an apply was answered to that is no read, as a preview says it."""
    return {f"{step.call}, {step.scope}" for step in receipt.steps if step.call.partition(" ")[0] not in READS}


def written(stage: Stage) -> set[str]:
    """The methods by which the sandbox was asked to change something."""
    return {request.method for request in stage.sandbox.requests} - READS


class PreviewContract:
    stage_class: ClassVar[type[Stage]]

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        stage = self.stage_class()
        yield stage
        stage.close()

    @pytest.fixture
    def locked(self) -> Iterator[Stage]:
        """A stage whose adapter is one of a destination in shadow mode."""
        with reads_only():
            stage = self.stage_class()
        yield stage
        stage.close()

    def preview(self, stage: Stage, action: Action) -> Preview:
        return stage.adapter.preview(action, SUBJECT, ASKED)

    def untouched(self, stage: Stage, do: Callable[[], Any]) -> None:
        before = stage.everybody()
        try:
            do()
        except AdapterError as error:
            assert CANARY not in repr((error.args, error.detail, error.steps))
        assert not written(stage)
        assert stage.everybody() == before

    @pytest.mark.parametrize("lacking", Action)
    def test_a_preview_of_an_action_that_it_lacks_is_refused_before_any_call(
        self, stage: Stage, lacking: Action
    ) -> None:
        with pytest.raises(Permanent, match="unsupported_action"):
            self.preview(stage, lacking)
        assert stage.sandbox.request_count == 0

    @pytest.mark.parametrize("action", Action)
    def test_a_preview_names_exactly_the_calls_that_an_apply_then_makes(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY, since=ASKED - timedelta(days=30))
        stage.suppresses(CANARY)
        before = stage.everybody()

        seen = self.preview(stage, action)

        assert not written(stage) and stage.everybody() == before
        assert seen.code is None and seen.found and seen.steps
        applied = stage.adapter.apply(action, SUBJECT, ASKED)
        assert applied.outcome is Outcome.DONE
        assert set(seen.would) == changing(applied) != set()
        assert len(set(seen.would)) == len(seen.would)

    @pytest.mark.parametrize("action", Action)
    def test_a_preview_is_free_of_personal_data(self, locked: Stage, action: Action) -> None:
        locked.knows(CANARY)
        locked.suppresses(CANARY)

        seen = self.preview(locked, action)

        assert "canary" not in repr(seen)
        calls = [one.partition(", ")[0] for one in seen.would]
        assert not any(character.isdigit() for call in calls for character in call)

    @pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
    def test_a_preview_finds_nobody_where_nobody_is_and_would_change_nothing(
        self, locked: Stage, action: Action
    ) -> None:
        locked.knows(OTHER)

        seen = self.preview(locked, action)

        assert (seen.found, seen.would, seen.code) == ((), (), None)
        assert not written(locked)

    @pytest.mark.parametrize("action", Action)
    def test_what_an_apply_would_be_held_for_is_the_code_of_the_preview(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY, since=ASKED + timedelta(days=1))
        newer = self.preview(stage, action)
        with pytest.raises(Permanent) as caught:
            stage.adapter.apply(action, SUBJECT, ASKED)
        assert newer.code == caught.value.code == "newer_consent" and newer.would == ()

        stage.mixes_people_up(OTHER)
        strange = self.preview(stage, action)
        with pytest.raises(Permanent) as caught:
            stage.adapter.apply(action, SUBJECT, ASKED)
        assert strange.code == caught.value.code == "filter_ignored" and strange.would == ()

    @pytest.mark.parametrize("with_body", [False, True], ids=["bare", "body"])
    @pytest.mark.parametrize("status", sorted(Stage.meanings))
    def test_a_preview_names_the_kind_of_failure_as_an_apply_does(
        self, locked: Stage, status: int, with_body: bool
    ) -> None:
        locked.knows(CANARY)
        headers = {"Location": "http://127.0.0.1:9/"} if status < 400 else None
        locked.answers(status, with_body=with_body, headers=headers)
        with pytest.raises(AdapterError) as applied:
            locked.adapter.apply(locked.any_action, SUBJECT, ASKED)

        if isinstance(applied.value, Permanent):
            assert self.preview(locked, locked.any_action).code == applied.value.code != "shadow_write"
        else:
            with pytest.raises(type(applied.value)) as caught:
                self.preview(locked, locked.any_action)
            assert caught.value.code == applied.value.code and caught.value.steps
        assert not written(locked)

    @pytest.mark.slow
    @pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
    @pytest.mark.parametrize("name", sorted(set(FAULTS) - SLOW))
    def test_no_fault_makes_a_locked_adapter_change_anything(self, locked: Stage, name: str, action: Action) -> None:
        locked.knows(CANARY)
        fault: Fault = FAULTS[name]()
        locked.breaks(fault)

        self.untouched(locked, lambda: self.preview(locked, action))
        self.untouched(locked, lambda: locked.adapter.apply(action, SUBJECT, ASKED))

    def test_no_situation_of_the_provider_does(
        self, locked: Stage, unproven: str, harmless: str, unknown_shape: str
    ) -> None:
        for finding in filter(None, (unproven, harmless, unknown_shape)):
            action = locked.prepares(finding, CANARY)
            self.untouched(locked, lambda action=action: self.preview(locked, action))

    @pytest.mark.parametrize("action", Action)
    def test_a_write_of_a_locked_adapter_does_not_leave(self, locked: Stage, action: Action) -> None:
        locked.knows(CANARY)
        locked.suppresses(CANARY)
        before = locked.everybody()

        with pytest.raises(AdapterError) as caught:
            locked.adapter.apply(action, SUBJECT, ASKED)

        assert caught.value.code == "shadow_write"
        assert not written(locked) and locked.everybody() == before

    def test_nor_does_a_trial_with_an_invented_contact(self, locked: Stage) -> None:
        self.untouched(locked, lambda: list(locked.adapter.trial(SUBJECT, locked.place)))
