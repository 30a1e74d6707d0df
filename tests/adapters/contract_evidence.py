"""What every adapter must say of how sure anybody can be: no more than its provider ever shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, ClassVar

import pytest

from adapters.contract import Action, Adapter, Evidence, Inapplicable, Outcome, Receipt, Subject
from adapters.errors import Transient

PERSON = "canary.evidence@mailbox.test"
SUBJECT = Subject("ref-1", (PERSON,))
ASKED = datetime.now(UTC)
#: what was seen at the provider; everything else is somebody's word
SEEN = frozenset({Outcome.DONE, Outcome.ABSENT})


class EvidenceContract:
    """Asks of a stage no more than an adapter, and that its provider may hold somebody."""

    stage_class: ClassVar[Any]

    @pytest.fixture
    def stage(self) -> Iterator[Any]:
        stage = self.stage_class()
        yield stage
        stage.close()

    def test_it_declares_how_sure_anybody_can_be(self, stage: Any) -> None:
        adapter = type(stage.adapter)

        assert isinstance(adapter.evidence, Evidence)
        own = adapter.__mro__[: adapter.__mro__.index(Adapter)]
        assert any("evidence" in vars(each) for each in own), "it is declared, and not left to what is usual"

    @pytest.mark.parametrize("action", Action)
    def test_it_says_no_more_than_it_can_know(self, stage: Any, action: Action) -> None:
        stage.knows(PERSON)
        if action is Action.SUPPRESS:
            stage.suppresses(PERSON)
        reads_back = stage.adapter.evidence is Evidence.READ_BACK

        applied = stage.adapter.apply(action, SUBJECT, ASKED)
        self._require_whole(applied)
        told = [applied.outcome] if applied.outcome is not Outcome.DONE else []  # then it is what confirm says
        for known in (applied, None):
            try:
                confirmed = stage.adapter.confirm(action, SUBJECT, known)
            except Transient as error:
                assert error.code == "not_yet"
                assert not reads_back or known is None, "what it did it can read back at once"
            else:
                self._require_whole(confirmed)
                assert confirmed.outcome is not Outcome.NOT_APPLICABLE, "it was asked"
                told.append(confirmed.outcome)

        assert reads_back or not SEEN & set(told), "nobody can have seen that"
        assert not reads_back or set(told) <= SEEN, "what can be read back is read back"

    @pytest.mark.parametrize("action", [Action.DELETE, Action.UNSUBSCRIBE])
    def test_it_does_not_say_of_a_stranger_what_it_cannot_know(self, stage: Any, action: Action) -> None:
        applied = stage.adapter.apply(action, SUBJECT, ASKED)

        assert stage.adapter.evidence is Evidence.READ_BACK or applied.outcome is not Outcome.ABSENT

    def _require_whole(self, receipt: Receipt) -> None:
        """Require that a receipt says what belongs to its outcome, and nothing that belongs to another."""
        assert (receipt.outcome is Outcome.NOT_APPLICABLE) is isinstance(receipt.reason, Inapplicable)
        assert receipt.settles_on is None or receipt.outcome is Outcome.ACCEPTED
        assert receipt.lapses_on is None or receipt.outcome is Outcome.NOT_APPLICABLE
        assert all(day is None or type(day) is date for day in (receipt.settles_on, receipt.lapses_on))
