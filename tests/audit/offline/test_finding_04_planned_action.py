"""Finding 4, in the log: every attempt has the action that was planned when the request came; both verifiers ask."""

from __future__ import annotations

import json
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from syncer.audit.offline.notes import Signer
from syncer.audit.offline.verifier import examine
from tests.support.attacks.bent_logs import ORIGIN, SEED, Log
from tests.support.paths import VERIFIER

SCRIPT = SimpleNamespace(**runpy.run_path(str(VERIFIER)))
KEY = Signer(ORIGIN, SEED).verifier


def erasure(log: Log, attempted: str = "delete", applied: str = "delete", confirmed: str = "delete") -> None:
    log.write("event:received", "e", destinations=["crm:delete", "mail:unsubscribe"], right="erasure")
    log.write("delivery:attempted", "e", "crm", attempt=1, action=attempted)
    log.write("delivery:applied", "e", "crm", attempt=1, action=applied)
    log.write("delivery:confirmed", "e", "crm", attempt=1, action=confirmed)


def as_planned(log: Log) -> None:
    erasure(log)
    log.write("delivery:attempted", "e", "mail", attempt=1, action="unsubscribe")


def held_without_a_plan(log: Log) -> None:
    log.write("event:received", "e", destinations=["crm:-", "mail:-"], right=None)
    log.write("event:held", "e", code="malformed", detail="kind is neither")
    log.write("delivery:exempt", "e", "crm", ground="other", reason="nobody knows who")


def attempted_another(log: Log) -> None:
    erasure(log, attempted="unsubscribe")


def applied_another(log: Log) -> None:
    erasure(log, applied="unsubscribe")


def confirmed_another(log: Log) -> None:
    erasure(log, confirmed="unsubscribe")


def that_of_the_other_place(log: Log) -> None:
    erasure(log)
    log.write("delivery:attempted", "e", "mail", attempt=1, action="delete")


def without_any(log: Log) -> None:
    log.write("event:received", "e", destinations=["crm:delete"], right="erasure")
    log.write("delivery:attempted", "e", "crm", attempt=1)


def though_none_was_planned(log: Log) -> None:
    held_without_a_plan(log)
    log.write("delivery:attempted", "e", "mail", attempt=1, action="delete")


GOOD = [as_planned, held_without_a_plan]
BAD = [attempted_another, applied_another, confirmed_another, that_of_the_other_place, without_any,
       though_none_was_planned]  # fmt: skip


def verdicts(log: Log, folder: Path) -> tuple[bool, bool]:
    log.sign()
    export, note = folder / "log.jsonl", folder / "one.note"
    export.write_text("".join(json.dumps(row) + "\n" for row in log.rows), encoding="utf-8")
    note.write_text(log.notes[-1][1], encoding="utf-8")
    code, _ = SCRIPT.answer([str(KEY)], str(export), [str(note)])
    return examine(log.as_table(), [log.notes], [KEY]).ok, code == 0


@pytest.mark.parametrize("how", GOOD, ids=lambda how: how.__name__)
def test_finding_04_what_was_planned_is_proven(how: Callable[[Log], None], tmp_path: Path) -> None:
    log = Log()
    how(log)

    assert verdicts(log, tmp_path) == (True, True)


@pytest.mark.parametrize("how", BAD, ids=lambda how: how.__name__)
def test_finding_04_an_action_that_was_not_planned_is_refused(how: Callable[[Log], None], tmp_path: Path) -> None:
    log = Log()
    how(log)

    assert verdicts(log, tmp_path) == (False, False)
