"""Adapters that nobody can read back, under that part of the contract; and what claims too much is found by it."""

from __future__ import annotations

from typing import ClassVar

import pytest

from adapters.contract import Action, Inapplicable, Outcome, Receipt
from tests.adapters.contract_evidence import EvidenceContract
from tests.support.unread.adapters import LAPSES, THROUGH, Lying, LyingLater, Machine, Processing, Unasked, Unread


class UnreadStage:
    """A recipient that nobody can read: it holds whoever it holds."""

    adapter_class: ClassVar[type[Unread]] = Unread

    def __init__(self) -> None:
        self.adapter = self.adapter_class(Machine())

    def knows(self, address: str) -> None:
        """Hold somebody; nobody sees it."""

    def close(self) -> None:
        """There is nothing to end."""


class ProcessingStage(UnreadStage):
    adapter_class = Processing


class UnaskedStage(UnreadStage):
    adapter_class = Unasked


class TestUnread(EvidenceContract):
    stage_class = UnreadStage


class TestProcessing(EvidenceContract):
    stage_class = ProcessingStage


class TestUnasked(EvidenceContract):
    stage_class = UnaskedStage


RECEIPTS = [
    Receipt(Outcome.NOT_APPLICABLE, ()),
    Receipt(Outcome.NOT_APPLICABLE, (), reason=Inapplicable.NO_IDENTIFIER, settles_on=THROUGH),
    Receipt(Outcome.ACCEPTED, (), lapses_on=LAPSES),
    Receipt(Outcome.ACCEPTED, (), reason=Inapplicable.NO_IDENTIFIER),
]


class Mixed(Unread):
    """Says of one outcome what belongs to another."""

    receipt: ClassVar[Receipt] = RECEIPTS[0]

    def _apply(self, ref: str) -> Receipt:
        return self.receipt


@pytest.mark.parametrize("receipt", RECEIPTS)
def test_a_receipt_that_says_what_belongs_to_another_outcome_breaks_it(
    receipt: Receipt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Mixed, "receipt", receipt)
    stage = UnreadStage()
    stage.adapter = Mixed(Machine())

    with pytest.raises(AssertionError):
        EvidenceContract().test_it_says_no_more_than_it_can_know(stage, Action.DELETE)


def test_an_adapter_that_does_not_declare_it_breaks_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Unread, "evidence")

    with pytest.raises(AssertionError, match="it is declared"):
        EvidenceContract().test_it_declares_how_sure_anybody_can_be(UnreadStage())


@pytest.mark.parametrize(
    ("kind", "claimed"),
    [
        (Lying, Outcome.ABSENT),
        (Lying, Outcome.NOT_APPLICABLE),  # and not why
        (LyingLater, Outcome.DONE),
        (LyingLater, Outcome.ABSENT),
        (LyingLater, Outcome.NOT_APPLICABLE),  # though it was asked
    ],
)
def test_an_adapter_that_claims_what_it_cannot_know_breaks_it(kind: type[Unread], claimed: Outcome) -> None:
    stage = UnreadStage()
    stage.adapter = kind(Machine(outcome=claimed))

    with pytest.raises(AssertionError):
        EvidenceContract().test_it_says_no_more_than_it_can_know(stage, Action.DELETE)
