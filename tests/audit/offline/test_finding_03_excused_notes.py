"""Finding 3: a note that only a restore on record explains does not agree; nothing in the log can hide that."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from syncer.audit.offline.finding import Finding
from syncer.audit.offline.merkle import root
from syncer.audit.offline.notes import Checkpoint, Signer, VerifierKey
from syncer.audit.offline.verifier import examine
from tests.support.attacks.bent_logs import ORIGIN, SEED, Log, a_log
from tests.support.paths import VERIFIER

KEYS = [Signer(ORIGIN, SEED).verifier, Signer(f"{ORIGIN}/fork-1", SEED).verifier]
HIDING = "\x1b[2K\x1b[1A\r\nPROVEN: all of it"


def rewritten(reason: str = "the disk broke", shared: int = 0) -> Log:
    """A log of two entries in the place of another, by somebody with key and database, and the notes of the other."""
    true = a_log()
    log = Log(notes=true.notes, signer=Signer(f"{ORIGIN}/fork-1", SEED))
    log.write("daemon:started")
    log.write(
        "audit:forked", reason=reason, origin=f"{ORIGIN}/fork-1", old_origin=ORIGIN, shared=shared, size=1,
        anchor={"size": len(true.rows), "root": true.root().hex()}, root=log.root().hex(),
    )  # fmt: skip
    return log


def gone_on() -> Log:
    """The same, and a note of the log under its new name."""
    log = rewritten()
    log.sign()
    return log


def by_product(log: Log, accepted: tuple[int, ...] = (), keys: list[VerifierKey] | None = None) -> Finding:
    return examine(log.as_table(), [log.notes], keys or KEYS, accepted)


@pytest.fixture
def by_script(tmp_path: Path) -> Callable[..., tuple[int, str]]:
    def judge(log: Log, *options: str) -> tuple[int, str]:
        export = tmp_path / "export.jsonl"
        export.write_text("".join(json.dumps(row) + "\n" for row in log.rows), encoding="utf-8")
        words = [word for key in KEYS for word in ("--key", str(key))]
        for number, (_, text) in enumerate(log.notes):
            (tmp_path / f"{number}.note").write_text(text, encoding="utf-8")
        notes = [str(tmp_path / f"{number}.note") for number in range(len(log.notes))]
        done = subprocess.run(
            [sys.executable, "-I", str(VERIFIER), *words, str(export), *notes, *options],
            capture_output=True, encoding="utf-8", check=False, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    return judge


def test_finding_03_a_rewritten_log_that_excuses_every_note_is_not_proven(by_script: Any) -> None:
    finding, (code, said) = by_product(rewritten()), by_script(rewritten())

    assert (finding.ok, finding.declared_lost, finding.lost) == (False, True, 18)
    assert (finding.notes, finding.agreeing, finding.excused) == (4, 0, 4)
    assert finding.reason == "18 anchored entries are declared lost by entry 2 (syncer: the disk broke)"
    assert (code, said.splitlines()[0]) == (3, f"NOT PROVEN: {finding.reason}")


def test_finding_03_whoever_was_told_accepts_it_and_still_reads_what_was_lost(by_script: Any) -> None:
    finding, (code, said) = by_product(gone_on(), (2,)), by_script(gone_on(), "--accept-fork", "2")

    assert (finding.ok, finding.reason, finding.lost) == (True, None, 0)
    (fork,) = finding.forks
    assert (fork.seq, fork.size, fork.shared, fork.who, fork.excused, fork.accepted) == (2, 18, 0, "syncer", 4, True)
    assert any("of 18 anchored entries, only 0 are here; syncer: the disk broke" in item for item in finding.warnings)
    assert code == 0
    assert "PROVEN: 3 entries, 1 notes agree, 4 lie in what was declared lost; not proven beyond entry 3" in said
    assert "18 anchored entries are declared lost by entry 2 (syncer: the disk broke)" in said


def test_finding_03_where_not_one_note_agrees_nothing_is_proven_whatever_was_accepted(by_script: Any) -> None:
    finding, (code, said) = by_product(rewritten(), (2,)), by_script(rewritten(), "--accept-fork", "2")

    assert (finding.ok, finding.declared_lost, finding.stands, finding.agreeing) == (False, True, True, 0)
    assert str(finding.reason).endswith("it was accepted, but not one note agrees with what is here")
    assert (code, said.splitlines()[0]) == (3, f"NOT PROVEN: {finding.reason}")
    assert "2 entries, 0 notes agree, 4 lie in what was declared lost" in said


def test_finding_03_a_note_of_an_empty_log_agrees_with_everything_and_proves_nothing(by_script: Any) -> None:
    log = rewritten()
    signer = Signer(ORIGIN, SEED)
    log.notes = [("empty.note", signer.sign(Checkpoint(ORIGIN, 0, root([])).text())), *log.notes]

    assert by_product(log, (2,)).declared_lost
    assert by_script(log, "--accept-fork", "2")[0] == 3


def test_finding_03_the_reason_cannot_hide_the_line_that_tells_of_it(by_script: Any) -> None:
    for options in ((), ("--accept-fork", "2")):
        said = by_script(rewritten(HIDING), *options)[1]

        assert "\x1b" not in said
        assert "\r" not in said
        assert r"\u001b[2K\u001b[1A\u000d\u000aPROVEN: all of it" in said
        assert [line for line in said.splitlines() if line.startswith("PROVEN: all")] == []


def test_finding_03_accepting_an_entry_that_records_no_restore_is_refused(by_script: Any) -> None:
    finding, (code, said) = by_product(a_log(), (3,)), by_script(a_log(), "--accept-fork", "3")

    assert (finding.ok, finding.declared_lost) == (False, False)
    assert (code, said.strip()) == (1, f"NOT PROVEN: {finding.reason}")


def shared_beyond_itself(log: Log) -> None:
    log.rebody(2, facts=json.loads(log.rows[1]["body"])["facts"] | {"shared": 17})


def more_shared_than_anchored(log: Log) -> None:
    log.rebody(2, facts=json.loads(log.rows[1]["body"])["facts"] | {"shared": 18})


def negative(log: Log) -> None:
    log.rebody(2, facts=json.loads(log.rows[1]["body"])["facts"] | {"shared": -1})


def another_root_before(log: Log) -> None:
    log.rebody(2, facts=json.loads(log.rows[1]["body"])["facts"] | {"root": "00" * 32})


def of_another_origin(log: Log) -> None:
    log.rebody(2, facts=json.loads(log.rows[1]["body"])["facts"] | {"old_origin": "example.org/other"})


def of_an_older_state(log: Log) -> None:
    log.rebody(2, facts=json.loads(log.rows[1]["body"])["facts"] | {"anchor": {"size": 6, "root": "00" * 32}})


IMPOSSIBLE = [shared_beyond_itself, more_shared_than_anchored, negative, another_root_before, of_another_origin,
              of_an_older_state]  # fmt: skip


@pytest.mark.parametrize("how", IMPOSSIBLE, ids=lambda how: how.__name__)
def test_finding_03_a_restore_excuses_no_more_than_it_can(how: Callable[[Log], None], by_script: Any) -> None:
    log = rewritten()
    how(log)
    log.reseal(2)

    finding = by_product(log, (2,))

    assert (finding.ok, finding.declared_lost) == (False, False)
    assert by_script(log, "--accept-fork", "2")[0] == 1


def test_finding_03_notes_that_agree_and_those_that_do_not_are_counted_apart(by_script: Any) -> None:
    log = a_log()
    lost, size = log.root(), len(log.rows)
    del log.rows[8:]
    log.mac = bytes.fromhex(log.rows[-1]["mac"])
    log.write(
        "audit:forked", reason="restored", origin=f"{ORIGIN}/fork-1", old_origin=ORIGIN, shared=6, size=8,
        anchor={"size": size, "root": lost.hex()}, root=log.root().hex(),
    )  # fmt: skip
    log.signer = Signer(f"{ORIGIN}/fork-1", SEED)
    log.sign()

    finding, (code, said) = by_product(log), by_script(log)

    assert (finding.notes, finding.agreeing, finding.excused, finding.lost) == (5, 2, 3, 12)
    assert code == 3
    assert "10 entries, 2 notes agree, 3 lie in what was declared lost; not proven beyond entry 10" in said
