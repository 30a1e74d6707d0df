"""What a hold or a pause means for people: said for every code that can hold or pause."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from adapters.contract import Action
from syncer.domain.codes import CODES, DAMAGED
from syncer.domain.effects import EFFECTS, MAY_BE, decision, effect, result
from syncer.domain.patience import NOT_UNDERSTOOD
from tests.support.paths import ROOT

#: what raises a code that holds a delivery or pauses a lane
HOLDERS = {"Permanent", "Misconfigured"}


def held_in_code() -> Iterator[str]:
    """Every code that is written where something is held or paused."""
    for path in [*(ROOT / "adapters").rglob("*.py"), *(ROOT / "syncer").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            first = node.args[0] if node.args else None
            if getattr(node.func, "id", "") in HOLDERS and isinstance(first, ast.Constant):
                yield str(first.value)
            for named in node.keywords:
                if named.arg == "hold_as" and isinstance(named.value, ast.Constant) and named.value.value:
                    yield str(named.value.value)


@pytest.mark.slow
def test_every_code_that_can_hold_or_pause_has_an_effect() -> None:
    written = set(held_in_code())
    # at five in a row, at intake, when a destination is gone, on a row of somebody else, when a person is back
    others = {"unreachable", "malformed", "destination_removed", DAMAGED, "newer_consent", "suppression_missing"}

    assert len(written) > 12
    assert (written | others | NOT_UNDERSTOOD) - set(EFFECTS) == set()
    assert set(EFFECTS) <= set(CODES)


@pytest.mark.parametrize("code", [*EFFECTS, "of_a_later_version", None])
@pytest.mark.parametrize("action", [*Action, None])
def test_an_effect_is_a_sentence_that_names_the_recipient_or_the_copy_and_what_to_decide(
    code: str | None, action: Action | None
) -> None:
    for sentence in (result(code, action, "ActiveCampaign"), decision(code, "ActiveCampaign")):
        assert sentence[0].isupper() or sentence.startswith("ActiveCampaign")
        assert sentence.endswith(".")
        assert not set("{}`") & set(sentence)
    assert effect(code).steps


def test_the_effect_of_a_missing_right_is_that_a_copy_may_remain() -> None:
    said = result("archived_not_purged", Action.DELETE, "ActiveCampaign")

    assert said == "A copy may remain at ActiveCampaign for up to 360 days."


def test_what_may_be_is_told_for_every_action() -> None:
    assert set(MAY_BE) == {*Action, None}
