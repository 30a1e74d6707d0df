"""Notes, proofs and exports that passed through Windows, mail and editors: both verifiers prove what is whole."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.app import App
from syncer.audit.anchors.folder import read
from syncer.audit.offline.files import text_of
from syncer.audit.offline.notes import (
    Checkpoint,
    NoteError,
    Signer,
    UnreadableNote,
    VerifierKey,
    names,
    open_checkpoint,
    require_note,
)
from syncer.reports.as_json import as_json
from syncer.service.drain import drain
from tests.support.paths import VERIFIER
from tests.support.processes import inside as run
from tests.support.walk import PERSON, put

pytestmark = pytest.mark.slow

SIGNER = Signer("example.org/syncer", b"\x02" * 32)
NOTE = SIGNER.sign(Checkpoint("example.org/syncer", 5, b"\x07" * 32).text())

#: what happens to a text on its way
WHOLE: dict[str, Callable[[str], bytes]] = {
    "as it is": str.encode,
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "CR CRLF": lambda text: text.replace("\n", "\r\r\n").encode(),
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "mark and CRLF": lambda text: text.replace("\n", "\r\n").encode("utf-8-sig"),
    "UTF-16 of a terminal": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
    "UTF-16 big-endian": lambda text: text.encode("utf-16-be"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-le"),
    "last newline lost": lambda text: text.rstrip("\n").encode(),
    "blank lines more": lambda text: f"\n\n{text}\n\r\n".encode(),
    "blanks at the ends of lines": lambda text: text.replace("\n", " \t\n").encode(),
    "blanks before lines": lambda text: ("  " + text.replace("\n", "\n  ")).encode(),
    "no-break blanks": lambda text: text.replace("\u2014 ", "\u2014\u00a0").encode(),
}
#: what leaves no note to read
BROKEN: dict[str, Callable[[str], bytes]] = {
    "empty": lambda _: b"",
    "cut off": lambda text: text[: text.index("\u2014") + 10].encode(),
    "signature lost": lambda text: text[: text.index("\u2014")].encode(),
    "a page instead": lambda _: b"<html><body>Not found</body></html>\n",
    "quoted in a mail": lambda text: ("> " + text.replace("\n", "\n> ")).encode(),
    "encoded for mail": lambda text: text.encode().replace(b"\xe2\x80\x94", b"=E2=80=94"),
    "dash lost": lambda text: text.replace("\u2014", "?").encode(),
    "wrapped": lambda text: f"{text[:-20]}\n{text[-20:]}".encode(),  # within the signature, whatever its letters
    "half of UTF-16": lambda text: text.encode("utf-16")[:-1],
    "octets": lambda _: b"\xff\xfe\xfd" * 9,
}


@pytest.fixture
def log(app: App) -> App:
    """An installation with a log, signed."""
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    return app


@pytest.fixture
def export(log: App, tmp_path: Path) -> Path:
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in log.ledger.rows()), encoding="utf-8")
    return path


def newest(app: App) -> str:
    """The newest note of the log that the export holds."""
    return next(sealed.note for sealed in reversed(app.checkpoints.all()))


def by_script(app: App, *files: Path) -> tuple[int, str]:
    keys = [word for key in app.origins.public_keys() for word in ("--key", f"\ufeff{key}\r\n")]
    words = [sys.executable, "-I", str(VERIFIER), *keys, *map(str, files)]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False, timeout=120)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("way", WHOLE.values(), ids=WHOLE)
def test_a_note_whose_content_is_whole_is_proven_by_both_verifiers(
    log: App, export: Path, tmp_path: Path, way: Callable[[str], bytes]
) -> None:
    note = tmp_path / "one.note"
    note.write_bytes(way(newest(log)))

    code, said = by_script(log, export, note)
    own = log.verify([note])

    assert (code, said.startswith("PROVEN:")) == (0, True), said
    assert own.ok, own.reason
    assert log.origins.read(note) == log.origins.open(newest(log))


@pytest.mark.parametrize("way", BROKEN.values(), ids=BROKEN)
def test_a_note_that_cannot_be_read_is_called_so_and_neither_forged_nor_a_broken_log(
    log: App, export: Path, tmp_path: Path, way: Callable[[str], bytes]
) -> None:
    note = tmp_path / "one.note"
    note.write_bytes(way(newest(log)))

    code, said = by_script(log, export, note)
    own = run(log.settings.path, "audit", "verify", "--against", str(note))

    assert (code, said.startswith("CANNOT BE READ:")) == (1, True), said
    assert (own.returncode, own.stdout, len(own.stderr.splitlines())) == (2, "", 1)
    assert f"{note}: cannot be read as a note" in own.stderr
    assert "forged" not in said + own.stderr


def test_a_note_of_another_hand_is_forged_for_both_with_any_line_ends(log: App, export: Path, tmp_path: Path) -> None:
    note = tmp_path / "one.note"
    origin = log.origins.current()
    size = str(log.origins.open(newest(log)).size)
    for way in WHOLE.values():
        note.write_bytes(way(newest(log).replace(f"\n{size}\n", f"\n{int(size) - 1}\n", 1)))
        code, said = by_script(log, export, note)
        own = log.verify([note])

        assert (code, said.strip()) == (1, f"NOT PROVEN: {note}: a forged signature")
        assert not own.ok
        assert f"the signature of {origin} is forged" in str(own.reason)


@pytest.mark.parametrize("way", list(WHOLE)[:9])
def test_an_export_and_a_proof_are_read_in_every_form_by_both(log: App, export: Path, tmp_path: Path, way: str) -> None:
    note, proof, key = tmp_path / "one.note", tmp_path / "proof.json", tmp_path / "key.txt"
    note.write_text(newest(log), encoding="utf-8")
    export.write_bytes(WHOLE[way](export.read_text(encoding="utf-8") + "\n\n"))
    proof.write_bytes(WHOLE[way](as_json(log.checkpoints.prove(2)) + "\n"))
    key.write_bytes(WHOLE[way]("\n".join(map(str, log.origins.public_keys())) + "\n"))

    assert by_script(log, export, note)[0] == 0
    assert by_script(log, proof)[0] == 0
    done = run(log.settings.path, "audit", "check-proof", str(proof), "--key", str(key))
    assert (done.returncode, done.stdout.startswith("proven: entry 2")) == (0, True), done.stderr


def test_an_export_that_is_cut_within_a_line_is_called_unreadable(log: App, export: Path, tmp_path: Path) -> None:
    note = tmp_path / "one.note"
    note.write_text(newest(log), encoding="utf-8")
    export.write_bytes(export.read_bytes()[:-30])

    code, said = by_script(log, export, note)

    assert (code, said.startswith("CANNOT BE READ:")) == (1, True), said


def test_the_note_in_the_state_folder_still_guards_the_database_after_an_editor_saved_it(log: App) -> None:
    path = sorted(log.settings.path.parent.rglob("*.note"))[-1]
    path.write_bytes(WHOLE["mark and CRLF"](read(path)))

    finding = log.verify()

    assert finding.ok
    assert not [warning for warning in finding.warnings if "passed over" in warning]


@given(st.integers(0, len(NOTE) - 1), st.characters(exclude_categories=["Cs"]), st.sampled_from(sorted(WHOLE)))
def test_no_other_character_passes_for_a_trace_of_the_way(at: int, char: str, way: str) -> None:
    bent = NOTE[:at] + char + NOTE[at + 1 :]
    try:
        opened = open_checkpoint(text_of(WHOLE[way](bent)), [SIGNER.verifier])
    except (NoteError, UnicodeError):
        return

    assert opened == Checkpoint("example.org/syncer", 5, b"\x07" * 32)


@pytest.mark.parametrize("way", WHOLE.values(), ids=WHOLE)
def test_the_names_on_a_note_are_read_whatever_happened_to_it(way: Callable[[str], bytes]) -> None:
    text = text_of(way(NOTE))

    require_note(text)
    assert names(text) == ["example.org/syncer"]


def test_a_witness_s_signature_survives_the_way_too() -> None:
    witness = Signer("witness.test", b"\x07" * 32)
    both = NOTE + witness.sign(NOTE.rpartition("\n\n")[0] + "\n").rpartition("\n\n")[2]

    for way in WHOLE.values():
        assert open_checkpoint(text_of(way(both)), [SIGNER.verifier, witness.verifier]).size == 5
    with pytest.raises(NoteError, match="forged"):
        spoiled = both.replace(both[-8:-4], base64.b64encode(b"xyz").decode())
        open_checkpoint(text_of(WHOLE["CRLF"](spoiled)), [SIGNER.verifier, witness.verifier])


@pytest.mark.parametrize("around", ["{}", " {}\r\n", "\ufeff{}", "\ufeff{}\n\n"], ids=range(4))
def test_a_key_is_read_as_it_was_pasted(around: str) -> None:
    assert VerifierKey.parse(around.format(SIGNER.verifier)) == SIGNER.verifier


@given(st.text(max_size=200))
def test_whatever_stands_in_a_file_is_a_note_or_unreadable(text: str) -> None:
    with pytest.raises(UnreadableNote):
        require_note(text)
