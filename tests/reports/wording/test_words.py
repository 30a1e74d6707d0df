"""What the report says of an entry, in plain words."""

from __future__ import annotations

import pytest

from syncer.reports.views import TimelineEntry
from syncer.reports.wording.words import WORDS, sentence, who


@pytest.mark.parametrize("what", WORDS)
def test_a_purged_entry_keeps_its_word_and_says_that_its_details_are_gone(what: str) -> None:
    entry = TimelineEntry(seq=7, at="2026-11-28T09:00:00.000000Z", what=what, destination=None, actor=None, facts=None)

    told = sentence(entry)

    assert told.endswith(" (details purged)")
    assert len(told) > len("x (details purged)")
    assert not set("{?") & set(told)


def test_a_decision_is_told_with_its_ground_and_reason() -> None:
    facts = {"ground": "legal_claims", "reason": "court case under way"}
    entry = TimelineEntry(7, "2026-11-28T09:00:00.000000Z", "delivery:exempt", "crm", None, facts)

    assert sentence(entry).endswith(": court case under way")


def test_what_the_daemon_did_is_not_told_as_the_act_of_the_account_it_runs_as() -> None:
    daemon = {"kind": "daemon", "user": "syncer", "account": "syncer"}

    assert who(daemon) == "syncer by itself, as syncer"
    assert who({**daemon, "kind": "cli"}) == "syncer"


def test_a_decision_about_what_the_guard_stopped_says_about_how_many_requests() -> None:
    facts = {"requests": 500, "deletions": 1000, "reason": "a bug in the shop"}
    entry = TimelineEntry(7, "2026-11-28T09:00:00.000000Z", "guard:refused", None, None, facts)

    assert sentence(entry) == "a person judged requests not to be genuine (requests: 500): a bug in the shop"
