"""What every adapter must do, whatever its provider; each test is given the actions that the adapter has."""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import pytest

from adapters.contract import Action, Check, Outcome, Receipt, Stays, Subject
from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.sandbox import FAULTS, Fault
from tests.adapters.stage import Stage

CANARY = "canary.seven+news@mailbox.test"
OTHER = "somebody.else@mailbox.test"
SUBJECT = Subject("ref-1", (CANARY,))
ASKED = datetime.now(UTC)
BEFORE = ASKED - timedelta(days=30)
AFTER = ASKED + timedelta(days=1)


def free_of_personal_data(error: AdapterError, stage: Stage) -> AdapterError:
    """Return the error after a search of its traceback, and of all that hangs on it, for the person and the key."""
    text = "".join(traceback.format_exception(error)) + repr(error.args) + error.detail + repr(error.steps)
    text += repr(error.__cause__) + repr(error.__context__)
    local = CANARY.partition("@")[0]
    for secret in (CANARY, local, hashlib.md5(CANARY.encode()).hexdigest(), stage.sandbox.api_key, OTHER):
        assert secret not in text
    return error


class AdapterContract:
    stage_class: ClassVar[type[Stage]]

    @pytest.fixture
    def stage(self) -> Iterator[Stage]:
        stage = self.stage_class()
        yield stage
        stage.close()

    def do(self, stage: Stage, action: Action) -> Receipt:
        return stage.adapter.apply(action, SUBJECT, ASKED)

    def failure(self, stage: Stage, action: Action | None = None) -> AdapterError:
        with pytest.raises(AdapterError) as caught:
            self.do(stage, action or stage.any_action)
        return free_of_personal_data(caught.value, stage)

    def test_it_names_its_actions_and_options(self, stage: Stage) -> None:
        adapter = type(stage.adapter)

        assert adapter.actions <= set(Action) and adapter.actions
        assert all(isinstance(text, str) and text for text in adapter.options.values())
        assert stage.adapter.limits.senders >= 1
        assert adapter.actions & {Action.UNSUBSCRIBE, Action.SUPPRESS}, "an objection needs one of the two"
        assert adapter.title, "the name by which people know the provider"
        assert set(adapter.remains) == adapter.actions, "the person is told what stays"
        for item in (item for items in adapter.remains.values() for item in items):
            assert isinstance(item.why, Stays), "syncer names the ground by why it stays"
            assert item.text.endswith("."), "the person reads a sentence"

    @pytest.mark.parametrize("lacking", Action)
    def test_an_action_that_it_lacks_is_refused_before_any_call(self, stage: Stage, lacking: Action) -> None:
        stage.knows(CANARY)

        for verb in (lambda: self.do(stage, lacking), lambda: stage.adapter.confirm(lacking, SUBJECT)):
            with pytest.raises(Permanent) as caught:
                verb()
            assert caught.value.code == "unsupported_action"
        assert stage.sandbox.request_count == 0

    @pytest.mark.parametrize("action", Action)
    def test_what_it_applied_it_confirms(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY, since=BEFORE)
        stage.suppresses(CANARY)

        applied = self.do(stage, action)

        assert applied.outcome is Outcome.DONE
        assert stage.adapter.confirm(action, SUBJECT, applied).outcome is Outcome.DONE
        alone = stage.adapter.confirm(action, SUBJECT)
        assert alone.outcome is (Outcome.ABSENT if action is Action.DELETE else Outcome.DONE)
        assert not stage.reaches(CANARY)
        assert stage.holds(CANARY) is (action is not Action.DELETE)

    @pytest.mark.parametrize("action", Action)
    def test_it_keeps_evidence_without_personal_data(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY)
        stage.suppresses(CANARY)

        applied = self.do(stage, action)
        confirmed = stage.adapter.confirm(action, SUBJECT, applied)

        for receipt in (applied, confirmed):
            assert receipt.steps
            assert all(step.status and step.ms >= 0 and step.scope for step in receipt.steps)
            assert "canary" not in repr(receipt) + repr(receipt.steps) + repr(receipt.notes)
            assert not any(character.isdigit() for step in receipt.steps for character in step.call)

    @pytest.mark.parametrize("action", Action)
    def test_twice_leaves_it_as_once(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY)
        stage.knows(OTHER)
        stage.suppresses(CANARY)

        self.do(stage, action)
        once = stage.everybody()
        stage.sandbox.clear_requests()
        again = self.do(stage, action)

        assert stage.everybody() == once
        assert {request.method for request in stage.sandbox.requests} <= {"GET"}
        assert again.outcome is (Outcome.ABSENT if action is Action.DELETE else Outcome.DONE)

    @pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
    def test_an_absent_person_is_a_success_and_nothing_changes(self, stage: Stage, action: Action) -> None:
        stage.knows(OTHER)
        before = stage.everybody()

        receipt = self.do(stage, action)

        assert receipt.outcome is Outcome.ABSENT
        assert stage.adapter.confirm(action, SUBJECT, receipt).outcome is Outcome.ABSENT
        assert stage.everybody() == before
        assert {request.method for request in stage.sandbox.requests} == {"GET"}

    @pytest.mark.parametrize("action", Action)
    def test_other_people_are_left_alone(self, stage: Stage, action: Action) -> None:
        stage.knows(OTHER)
        before = stage.everybody()
        stage.knows(CANARY)
        stage.suppresses(CANARY)

        self.do(stage, action)

        if action is Action.DELETE:
            assert stage.everybody() == before
        assert stage.holds(OTHER) and stage.reaches(OTHER)

    @pytest.mark.parametrize("action", Action)
    def test_nothing_is_confirmed_that_was_not_done(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY)

        with pytest.raises(Transient) as caught:
            stage.adapter.confirm(action, SUBJECT)

        assert free_of_personal_data(caught.value, stage).code == "not_yet"
        assert stage.reaches(CANARY)
        assert {request.method for request in stage.sandbox.requests} == {"GET"}

    @pytest.mark.parametrize("action", [Action.UNSUBSCRIBE])
    def test_a_person_who_comes_back_is_not_confirmed(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY)
        self.do(stage, action)
        stage.knows(CANARY)

        with pytest.raises(Transient, match="not_yet"):
            stage.adapter.confirm(action, SUBJECT)

    @pytest.mark.parametrize("action", [Action.DELETE])
    def test_a_person_added_again_after_the_delete_is_not_confirmed(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY)
        applied = self.do(stage, action)
        stage.knows(CANARY)

        for receipt in (applied, None):
            with pytest.raises(Transient, match="not_yet"):
                stage.adapter.confirm(action, SUBJECT, receipt)

        again = self.do(stage, action)
        assert stage.adapter.confirm(action, SUBJECT, again).unseen == again.unseen == 0
        assert not stage.holds(CANARY)

    @pytest.mark.parametrize("action", Action)
    def test_newer_consent_is_held_and_nothing_changes(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY, since=AFTER)
        before = stage.everybody()

        error = self.failure(stage, action)

        assert isinstance(error, Permanent) and error.code == "newer_consent"
        assert f"{AFTER:%Y-%m-%d}" in error.detail
        assert stage.everybody() == before

    @pytest.mark.parametrize("action", Action)
    def test_a_stranger_in_the_answer_stops_everything(self, stage: Stage, action: Action) -> None:
        stage.knows(CANARY)
        stage.mixes_people_up(OTHER)
        before = stage.everybody()

        error = self.failure(stage, action)

        assert isinstance(error, Permanent) and error.code == "filter_ignored"
        assert stage.everybody() == before
        assert {request.method for request in stage.sandbox.requests} == {"GET"}

    def test_an_empty_address_is_refused_before_any_change(self, stage: Stage) -> None:
        stage.knows(OTHER)

        with pytest.raises(Permanent):
            stage.adapter.apply(stage.any_action, Subject("ref-1", ("",)), ASKED)

        assert {request.method for request in stage.sandbox.requests} <= {"GET"}
        assert stage.holds(OTHER)

    @pytest.mark.parametrize("with_body", [False, True], ids=["bare", "body"])
    @pytest.mark.parametrize("status", sorted(Stage.meanings))
    def test_it_names_the_kind_of_failure(self, stage: Stage, status: int, with_body: bool) -> None:
        stage.knows(CANARY)
        before = stage.everybody()
        headers = {"Location": "http://127.0.0.1:9/"} if status < 400 else None
        stage.answers(status, with_body=with_body, headers=headers)

        error = self.failure(stage)

        assert type(error) is stage.meanings[status][with_body]
        assert error.steps[0].status == status
        assert stage.everybody() == before

    @pytest.mark.parametrize("status", [429, 503])
    def test_it_passes_on_how_long_to_wait(self, stage: Stage, status: int) -> None:
        stage.answers(status, headers={"Retry-After": "17"})

        error = self.failure(stage)

        assert isinstance(error, Transient)
        assert (error.retry_after, error.cools_lane) == (17.0, True)

    def test_unreachable_is_transient(self, stage: Stage) -> None:
        stage.is_unreachable()

        error = self.failure(stage)

        assert isinstance(error, Transient) and error.code == "unreachable"
        assert error.steps[0].status is None

    @pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
    @pytest.mark.parametrize("name", sorted(FAULTS))
    def test_nothing_is_confirmed_untruly_while_a_fault_is_on(self, stage: Stage, name: str, action: Action) -> None:
        if name in SLOW:
            pytest.skip("waits for the deadline: the transport's tests have it")
        stage.knows(CANARY)
        stage.knows(OTHER)
        fault: Fault = FAULTS[name]()
        stage.breaks(fault)
        try:
            applied = self.do(stage, action)
            stage.adapter.confirm(action, SUBJECT, applied)
        except AdapterError as error:
            free_of_personal_data(error, stage)
        else:
            assert not stage.reaches(CANARY)
            assert action is not Action.DELETE or not stage.holds(CANARY)
        stage.works_again()

        applied = self.do(stage, action)

        assert stage.adapter.confirm(action, SUBJECT, applied)
        assert not stage.reaches(CANARY)
        assert action is not Action.DELETE or not stage.holds(CANARY)
        assert stage.holds(OTHER) and stage.reaches(OTHER)

    def test_a_wrong_key_is_found_by_ping_and_by_check(self, stage: Stage) -> None:
        stage.adapter.ping()
        assert [check for check in stage.adapter.check() if not check.ok] == []

        stage.answers(401, with_body=True)
        with pytest.raises(Misconfigured) as caught:
            stage.adapter.ping()
        free_of_personal_data(caught.value, stage)
        checks: list[Check] = stage.adapter.check()

        assert checks and not any(check.ok for check in checks)
        assert all(check.remedy for check in checks)

    def test_a_check_of_an_unreachable_provider_does_not_raise(self, stage: Stage) -> None:
        stage.is_unreachable()

        assert not any(check.ok for check in stage.adapter.check())


#: faults of the catalogue that end only with the transport's deadline of a minute
SLOW = {name for name, make in FAULTS.items() if make().kind in ("drip", "drip_headers") or make().delay > 5}
