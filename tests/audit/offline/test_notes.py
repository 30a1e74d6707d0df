"""Signed notes: the published vector byte for byte, round trips, and what must not be believed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.audit.offline.notes import (
    Checkpoint,
    NoteError,
    Signer,
    VerifierKey,
    names,
    open_checkpoint,
    open_note,
    parse_checkpoint,
)

NAME = "example.org/syncer"
SEED = b"\x02" * 32
ROOT = bytes.fromhex("44378d9732fc658d55fa00a31123671a24a445e8f69818c90e8d0fc758ce8a44")
NOTE = """\
example.org/syncer
5
RDeNlzL8ZY1V+gCjESNnGiSkRej2mBjJDo0Px1jOikQ=

— example.org/syncer Zf/SI2A1fEEjEsME0wu3WicNcVXku4QnWH19qYA8HALK1iNB/sI2GmRET8HUZxJGWAFpMWk6GBxEZ2mK/I9NgiNM/AU=
"""
KEY = "example.org/syncer+65ffd223+AYE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"


def test_the_published_checkpoint_is_written_byte_for_byte() -> None:
    signer = Signer(NAME, SEED)

    assert signer.sign(Checkpoint(NAME, 5, ROOT).text()) == NOTE
    assert str(signer.verifier) == KEY


def test_the_published_checkpoint_is_read_back() -> None:
    assert open_checkpoint(NOTE, [VerifierKey.parse(KEY)]) == Checkpoint(NAME, 5, ROOT)


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32), st.binary(min_size=32, max_size=32))
def test_any_checkpoint_comes_back_as_it_was_signed(size: int, root: bytes, seed: bytes) -> None:
    signer, checkpoint = Signer("a.test/log", seed), Checkpoint("a.test/log", size, root)

    assert open_checkpoint(signer.sign(checkpoint.text()), [VerifierKey.parse(str(signer.verifier))]) == checkpoint


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])).map(lambda line: line + "\n"))
def test_any_text_without_control_characters_comes_back(text: str) -> None:
    signer = Signer(NAME, SEED)

    assert open_note(signer.sign(text), [signer.verifier]) == text


@given(st.integers(0, len(NOTE) - 1), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_note_with_one_other_character_is_refused(at: int, char: str) -> None:
    bent = NOTE[:at] + char + NOTE[at + 1 :]

    if bent != NOTE:
        with pytest.raises(NoteError):
            open_checkpoint(bent, [VerifierKey.parse(KEY)])


def test_a_witness_may_have_signed_as_well() -> None:
    witness = Signer("witness.test", b"\x07" * 32)
    text, _, ours = NOTE.rpartition("\n\n")
    theirs = witness.sign(text + "\n").rpartition("\n\n")[2]
    both = f"{text}\n\n{theirs}{ours}"

    assert open_checkpoint(both, [VerifierKey.parse(KEY)]).size == 5
    assert open_checkpoint(both, [VerifierKey.parse(KEY), witness.verifier]).size == 5
    assert names(both) == ["witness.test", NAME]


def test_a_witness_alone_does_not_make_it_the_logs_word() -> None:
    witness = Signer("witness.test", b"\x07" * 32)
    note = witness.sign(Checkpoint(NAME, 5, ROOT).text())

    with pytest.raises(NoteError, match="not signed by a key"):
        open_checkpoint(note, [VerifierKey.parse(KEY)])
    with pytest.raises(NoteError):
        open_checkpoint(note, [VerifierKey.parse(KEY), witness.verifier])


def test_a_forged_signature_beside_a_good_one_spoils_the_note() -> None:
    forged = NOTE.replace("Zf/SI2A1", "Zf/SI2A2").rpartition("\n\n")[2]

    with pytest.raises(NoteError, match="forged"):
        open_note(NOTE + forged, [VerifierKey.parse(KEY)])


def test_a_note_of_another_origin_is_refused() -> None:
    signer = Signer(NAME, SEED)
    note = signer.sign(Checkpoint("example.org/other", 5, ROOT).text())

    with pytest.raises(NoteError, match="another log"):
        open_checkpoint(note, [signer.verifier])


def test_the_same_name_with_another_key_is_refused() -> None:
    note = Signer(NAME, b"\x03" * 32).sign(Checkpoint(NAME, 5, ROOT).text())

    with pytest.raises(NoteError, match="not signed by a key"):
        open_checkpoint(note, [VerifierKey.parse(KEY)])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n5\n",
        f"a\n5\n{'A' * 43}=",
        f"a\n05\n{'A' * 43}=\n",
        f"a\n-5\n{'A' * 43}=\n",
        f"a\n٥\n{'A' * 43}=\n",
        f"a\n{'9' * 20}\n{'A' * 43}=\n",
        "a\n5\nAAAA\n",
        f"a\n5\n{'A' * 42}B=\n",
        f"a\n5\n{'A' * 43}=\n\n",
        f"\n5\n{'A' * 43}=\n",
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "note",
    ["", "\n", "text\n", "text\n\n", "text\n\n— x\n", "te\x00xt\n\n— a AAAAAAAA\n", "a\n\n- a AAAAAAAA\n", "x" * 70000],
)
def test_what_is_no_note_is_refused(note: str) -> None:
    with pytest.raises(NoteError):
        open_note(note, [VerifierKey.parse(KEY)])


@pytest.mark.parametrize(
    "key",
    [
        "",
        "x",
        KEY.replace("65ff", "65fe"),
        KEY[:-4],
        KEY.replace("AYE5", "AgE5"),
        KEY.replace("org", "o rg"),
        "+" + KEY,
    ],
)
def test_what_is_no_verifier_key_is_refused(key: str) -> None:
    with pytest.raises(NoteError):
        VerifierKey.parse(key)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\tb", "a\u2003b"])
def test_a_key_cannot_be_called_anything(name: str) -> None:
    with pytest.raises(NoteError):
        Signer(name, SEED)


@pytest.mark.parametrize("text", ["no newline", "bell\a\n", ""])
def test_what_a_note_cannot_hold_is_not_signed(text: str) -> None:
    with pytest.raises(NoteError):
        Signer(NAME, SEED).sign(text)


def test_the_private_key_is_not_printed() -> None:
    assert repr(Signer(NAME, SEED)) == f"Signer('{NAME}')"
