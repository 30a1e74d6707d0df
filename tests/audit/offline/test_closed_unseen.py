"""Deliveries that nobody read back, in a log: each verifier takes what can be true of them, and nothing else."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncer.audit.offline import history
from syncer.audit.offline.notes import Signer
from syncer.audit.offline.verifier import examine
from tests.support.attacks.bent_logs import ORIGIN, SEED, Log
from tests.support.paths import VERIFIER

SCRIPT = SimpleNamespace(**runpy.run_path(str(VERIFIER)))
KEY = Signer(ORIGIN, SEED).verifier


def came(log: Log, action: str = "delete") -> None:
    log.write("event:received", "e", destinations=[f"ads:{action}"], right="erasure")


def tried(log: Log) -> None:
    log.write("delivery:attempted", "e", "ads", attempt=1, action="delete")


def passed_on(log: Log, attempt: int | None = 1, action: str = "delete") -> None:
    log.write("delivery:accepted", "e", "ads", phase="apply", attempt=attempt, action=action, settles_on="2027-01-20")


def settled(log: Log, reason: str | None = "their letter") -> None:
    log.write("delivery:held", "e", "ads", code="by_hand")
    log.write("delivery:attested", "e", "ads", answer="done", on="2026-11-30", reason=reason)


def could_not_be_asked(log: Log) -> None:
    log.write("delivery:not_applicable", "e", "ads", phase="apply", attempt=1, action="delete", code="no_identifier")


def over(log: Log) -> None:
    log.write("event:fulfilled", "e")


# -- what can be true ---------------------------------------------------------------------------------------


def an_order_was_taken(log: Log) -> None:
    came(log), tried(log), passed_on(log), over(log)


def an_order_was_processed(log: Log) -> None:
    came(log), tried(log)
    log.write("delivery:applied", "e", "ads", phase="apply", attempt=1, action="delete")
    log.write("delivery:accepted", "e", "ads", phase="confirm", attempt=1, action="delete")
    over(log)


def an_order_was_sent_again(log: Log) -> None:
    an_order_was_taken(log)
    log.write("delivery:reopened", "e", "ads", **{"from": "accepted", "to": "pending", "reason": "they asked"})
    tried(log), passed_on(log), over(log)


def a_person_settled_it(log: Log) -> None:
    came(log), settled(log), over(log)


def nobody_could_be_asked(log: Log) -> None:
    came(log), tried(log), could_not_be_asked(log), over(log)


# -- what cannot --------------------------------------------------------------------------------------------


def an_order_was_taken_that_was_never_sent(log: Log) -> None:
    came(log), passed_on(log)


def an_order_was_taken_at_an_attempt_that_was_never_made(log: Log) -> None:
    came(log), tried(log), passed_on(log, attempt=2)


def an_order_was_taken_at_no_attempt(log: Log) -> None:
    came(log), tried(log), passed_on(log, attempt=None)


def another_order_was_taken(log: Log) -> None:
    came(log), tried(log), passed_on(log, action="unsubscribe")


def a_person_settled_it_without_a_reason(log: Log) -> None:
    came(log), settled(log, reason=None)


def a_person_settled_it_with_a_blank_for_a_reason(log: Log) -> None:
    came(log), settled(log, reason="  ")


def nobody_could_be_asked_for_no_reason(log: Log) -> None:
    came(log), tried(log)
    log.write("delivery:not_applicable", "e", "ads", phase="apply", attempt=1, action="delete")


def it_is_fulfilled_and_sent_again(log: Log) -> None:
    an_order_was_taken(log)
    log.write("delivery:reopened", "e", "ads", **{"from": "accepted", "to": "pending", "reason": "they asked"})
    over(log)


def it_is_fulfilled_and_only_applied(log: Log) -> None:
    came(log), tried(log)
    log.write("delivery:applied", "e", "ads", phase="apply", attempt=1, action="delete")
    over(log)


def it_is_fulfilled_and_held_again(log: Log) -> None:
    a_person_settled_it(log)
    log.write("delivery:held", "e", "ads", code="by_hand")
    over(log)


def it_is_fulfilled_by_a_word_that_closes_nothing(log: Log) -> None:
    came(log), tried(log)
    log.write("delivery:retrying", "e", "ads", phase="apply", attempt=1, action="delete", state="accepted")
    over(log)


GOOD = [an_order_was_taken, an_order_was_processed, an_order_was_sent_again, a_person_settled_it,
        nobody_could_be_asked]  # fmt: skip
BAD = [
    (an_order_was_taken_that_was_never_sent, "that attempt was never made"),
    (an_order_was_taken_at_an_attempt_that_was_never_made, "that attempt was never made"),
    (an_order_was_taken_at_no_attempt, "that attempt was never made"),
    (another_order_was_taken, "is of another action"),
    (a_person_settled_it_without_a_reason, "is a person's decision without a reason"),
    (a_person_settled_it_with_a_blank_for_a_reason, "is a person's decision without a reason"),
    (nobody_could_be_asked_for_no_reason, "nobody could be asked, and not why"),
    (it_is_fulfilled_and_sent_again, "calls an event fulfilled"),
    (it_is_fulfilled_and_only_applied, "calls an event fulfilled"),
    (it_is_fulfilled_and_held_again, "calls an event fulfilled"),
    (it_is_fulfilled_by_a_word_that_closes_nothing, "calls an event fulfilled"),
]


def verdicts(log: Log, folder: Path) -> tuple[str, str]:
    """What product and script say against the log; empty for nothing."""
    log.sign()
    export, note = folder / "log.jsonl", folder / "one.note"
    export.write_text("".join(json.dumps(row) + "\n" for row in log.rows), encoding="utf-8")
    note.write_text(log.notes[-1][1], encoding="utf-8")
    code, said = SCRIPT.answer([str(KEY)], str(export), [str(note)])
    finding = examine(log.as_table(), [log.notes], [KEY])
    return str(finding.reason or ""), said[0] if code else ""


@pytest.mark.parametrize("how", GOOD, ids=lambda how: how.__name__)
def test_what_nobody_read_back_can_be_true(how: Callable[[Log], None], tmp_path: Path) -> None:
    log = Log()
    how(log)

    assert verdicts(log, tmp_path) == ("", "")


@pytest.mark.parametrize(("how", "why"), BAD, ids=[how.__name__ for how, _ in BAD])
def test_what_cannot_be_true_of_it_is_refused_by_both(how: Callable[[Log], None], why: str, tmp_path: Path) -> None:
    log = Log()
    how(log)

    product, script = verdicts(log, tmp_path)

    assert why in product
    assert why in script


def test_both_verifiers_know_the_same_words() -> None:
    assert set(SCRIPT.CLOSED) == history.CLOSED
    assert {word: why for word, why in SCRIPT.CLOSED.items() if why} == dict(history.WHY)
    assert set(SCRIPT.NEEDS_REASON) == history.NEEDS_REASON
