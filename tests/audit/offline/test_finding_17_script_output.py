"""Finding 17: whatever stands in a log, a file's name or a key, the script prints nothing that a terminal obeys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from syncer.audit.offline.notes import Signer
from tests.support.attacks.bent_logs import ORIGIN, SEED, Log, a_log, proof_of, sign_again
from tests.support.paths import VERIFIER

KEY = str(Signer(ORIGIN, SEED).verifier)
#: C0, DEL, C1, direction, separators, a mark, half of a surrogate pair
HARMFUL = ["\x07", "\x1b[2J", "\r", "\n", "\x7f", "\x9b", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069",
           "\u2028", "\u2029", "\ufeff", "\ud800"]  # fmt: skip
ALL = "".join(HARMFUL)


def run(*words: str, ascii_only: bool = False) -> tuple[int, str]:
    environment = os.environ | {"PYTHONIOENCODING": "ascii" if ascii_only else "utf-8"}
    done = subprocess.run(
        [sys.executable, str(VERIFIER), *words], capture_output=True, check=False, timeout=60, env=environment
    )
    said = (done.stdout + done.stderr).decode("ascii" if ascii_only else "utf-8")
    assert "Traceback" not in said
    return done.returncode, said


def harmless(said: str) -> bool:
    return all(char.isprintable() for line in said.split("\n") for char in line)


def exported(log: Log, folder: Path) -> list[str]:
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in log.rows), encoding="utf-8")
    (folder / "one.note").write_text(log.notes[-1][1], encoding="utf-8")
    return [str(folder / "log.jsonl"), str(folder / "one.note")]


@pytest.mark.parametrize("ascii_only", [False, True])
def test_finding_17_texts_of_a_log_are_printed_escaped(tmp_path: Path, ascii_only: bool) -> None:
    log = a_log()
    log.rebody(2, facts={"destinations": [f"crm{ALL[:-1]}:delete"]})
    log.reseal(2)
    sign_again(log)

    code, said = run("--key", KEY, *exported(log, tmp_path), ascii_only=ascii_only)

    assert (code, harmless(said)) == (1, True)


@pytest.mark.parametrize("ascii_only", [False, True])
def test_finding_17_a_proven_body_is_printed_escaped(tmp_path: Path, ascii_only: bool) -> None:
    log = a_log()
    log.write("lane:paused", destination="crm", reason=f"naïve {ALL[:-1]}")
    log.sign()
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof_of(log, 19)), encoding="utf-8")

    code, said = run("--key", KEY, str(path), ascii_only=ascii_only)

    assert (code, harmless(said)) == (0, True)
    assert "\\u202e" in said
    assert ("naïve" in said) is not ascii_only


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(HARMFUL)))
def test_finding_17_names_and_keys_and_wrong_options_are_printed_escaped(tmp_path: Path, number: int) -> None:
    bad = HARMFUL[number].replace("\ud800", "\udcff")
    path = tmp_path / f"log{bad}.jsonl"
    path.write_text("x", encoding="utf-8")

    for words in (
        ["--key", KEY, str(path)],
        ["--key", KEY, str(path), str(path)],
        ["--key", f"a{bad}+b+c", str(path)],
        ["--key", KEY, str(tmp_path / f"none{bad}")],
        [f"--no{bad}", "--key", KEY, str(path)],
        ["--key", KEY, "--accept-fork", f"x{bad}", str(path)],
    ):
        code, said = run(*words)
        assert (code in (1, 2), harmless(said)) == (True, True), words
        assert len(said.splitlines()) == (1 if code == 1 else len(said.splitlines()))
