"""The product and the stand-alone script come to one verdict on every file, and none on a forged one is good."""

from __future__ import annotations

import random
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.exceptions import InvalidSignature

from syncer.audit.offline.files import text_of
from syncer.audit.offline.notes import Checkpoint, NoteError, Signer, UnreadableNote, open_checkpoint, require_note
from tests.support.paths import VERIFIER

LOG, WITNESS = Signer("log.test/syncer", b"\x01" * 32), Signer("witness.test/w", b"\x02" * 32)
SIGNED = Checkpoint("log.test/syncer", 42, b"\x07" * 32)
NOTE = LOG.sign(SIGNED.text())
BOTH = NOTE + WITNESS.sign(SIGNED.text()).rpartition("\n\n")[2]
SCRIPT = SimpleNamespace(**runpy.run_path(str(VERIFIER)))
PIECES = (
    b"\r", b"\n", b" ", b"\t", b"\n\n", b"\xef\xbb\xbf", b"\xc2\xa0", b"\xc2\x85", b"\xe2\x80\xa8", b"> ", b"\x0c",
    b"\x1a", b"\0", b"=", b"0", b"-", b"+", b"\xe2\x80\x94 ",
)  # fmt: skip


def by_product(raw: bytes) -> object:
    try:
        text = text_of(raw)
        require_note(text)
        return open_checkpoint(text, [LOG.verifier])
    except (UnreadableNote, UnicodeError):
        return "unreadable"
    except NoteError:
        return "not proven"


def by_script(raw: bytes, path: Path) -> object:
    path.write_bytes(raw)
    try:
        return Checkpoint(*SCRIPT.open_note(SCRIPT.read(path), [SCRIPT.parse_key(str(LOG.verifier))]))
    except SCRIPT.Unreadable:
        return "unreadable"
    except (SCRIPT.Bad, InvalidSignature):
        return "not proven"


@pytest.mark.parametrize(
    "line",
    ["— a b", "— a AAAAAAAA b", "—  AAAAAAAA", "— w AAAA", "— w AAAAAA==", "— w+x AAAAAAAA", "— w AAAAAAB=",
     "— w\x07 AAAAAAAA", "—\tw AAAAAAAA", "-- ", "— w AAAAAAAA"],
    ids=range(11),
)  # fmt: skip
def test_a_strange_line_among_the_signatures_is_the_same_to_both(tmp_path: Path, line: str) -> None:
    raw = f"{NOTE}{line}\n".encode()

    verdict = by_product(raw)

    assert by_script(raw, tmp_path / "note") == verdict
    assert verdict == (SIGNED if line == "— w AAAAAAAA" else "unreadable")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_every_encoding_is_read_by_both(tmp_path: Path, encoding: str) -> None:
    raw = BOTH.replace("\n", "\r\n").encode(encoding)

    assert by_product(raw) == by_script(raw, tmp_path / "note") == SIGNED


@pytest.mark.parametrize("size", ["042", "+42", "-42", "4_2", "४२", "42.0", "9" * 20, ""])
def test_a_size_that_is_none_is_the_same_to_both(tmp_path: Path, size: str) -> None:
    raw = NOTE.replace("\n42\n", f"\n{size}\n").encode()

    assert by_product(raw) == by_script(raw, tmp_path / "note") == "unreadable"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_both_come_to_one_verdict_on_whatever_happened_to_a_note(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(100):
        raw = bytearray(dice.choice((NOTE, BOTH)).encode())
        for _ in range(dice.choice((1, 1, 2, 3))):
            at = dice.randrange(len(raw))
            match dice.randrange(4):
                case 0:
                    raw[at : at + 1] = dice.choice(PIECES)
                case 1:
                    raw[at:at] = dice.choice(PIECES)
                case 2:
                    del raw[at]
                case _:
                    raw[at] ^= 1 << dice.randrange(8)

        verdict = by_product(bytes(raw))

        assert by_script(bytes(raw), tmp_path / "note") == verdict, bytes(raw)
        assert verdict in (SIGNED, "unreadable", "not proven")
