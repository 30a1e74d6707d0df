"""Which passwords are taken, and what is kept of them."""

from __future__ import annotations

import statistics
import threading
import time
import unicodedata

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.console.sign_in import passwords

GOOD = (
    "four wet boots by the door",
    "correct horse battery staple",
    "Xk2!pQ9#vRt7",
    "drei nasse Hunde bellen",
    "ночью все кошки серы",
)


@pytest.mark.parametrize("password", GOOD)
def test_a_good_password_is_taken(password: str) -> None:
    assert passwords.objection(password, "anna") is None


@pytest.mark.parametrize(
    "password",
    [
        "1qaz2wsx3edc", "q1w2e3r4t5y6", "1q2w3e4r5t6y", "123qweasdzxc", "qazwsxedcrfv", "123456qwerty",
        "qwerty123456", "leavemealone", "123456654321", "password1234", "Password2026!", "P@ssw0rd2026",
        "Passwort12345", "motdepasse2026", "aaaaaaaaaaaa", "abcabcabcabc", "gfhjkmgfhjkm", "iloveyou1985",
        "qwertyuiop[]", "azertyuiop12", "administrator", "admin1admin2", "Sommer2026!!", "letmein letmein",
        "112233445566", "zaq1xsw2cde3", "            ", "welcome2welcome",
    ],
)  # fmt: skip
def test_a_password_that_strangers_try_first_is_not(password: str) -> None:
    assert passwords.objection(password, "anna") == passwords.GUESSABLE


@pytest.mark.parametrize(
    ("password", "said"),
    [
        ("eleven cha.", passwords.TOO_SHORT),
        ("", passwords.TOO_SHORT),
        ("n\u0303" * 8, passwords.TOO_SHORT),  # sixteen code points, eight letters
        ("four wet boots " * 9, passwords.TOO_LONG),
        ("my ANNA-like password", passwords.NAMES),
        ("wet SynCer boots here", passwords.NAMES),
    ],
)
def test_one_that_is_too_short_too_long_or_names_somebody_says_why(password: str, said: str) -> None:
    assert passwords.objection(password, "anna") == said


def test_accents_without_end_on_one_letter_hold_nobody_up() -> None:
    endless = "a" + "\u0301\u0323" * 15_000  # sorted by a way whose time grows with the square
    stored = passwords.kept(GOOD[0])
    began = time.process_time()

    assert not passwords.is_right(endless, stored)
    assert passwords.objection(endless, "anna") == passwords.TOO_LONG
    assert time.process_time() - began < 0.5


def test_a_hundred_and_twenty_eight_letters_may_each_be_written_as_four_characters() -> None:
    longest = unicodedata.normalize("NFD", "".join(chr(0x1F82 + number % 6) for number in range(128)))
    assert len(longest) == 4 * 128

    assert passwords.is_right(unicodedata.normalize("NFC", longest), passwords.kept(longest))
    assert passwords.objection(longest + "α", "anna") == passwords.TOO_LONG


def test_twelve_and_a_hundred_and_twenty_eight_characters_are_the_limits() -> None:
    mixed = "".join(chr(33 + number * 37 % 90) for number in range(128))

    assert [passwords.objection(mixed[:size], "zoe") for size in (12, 128)] == [None, None]
    assert passwords.objection(mixed[:11], "zoe") == passwords.TOO_SHORT
    assert passwords.objection(f"{mixed}x", "zoe") == passwords.TOO_LONG


def test_what_is_kept_is_argon2id_with_19_mib_two_passes_and_a_salt_of_its_own() -> None:
    kept = passwords.kept(GOOD[0])

    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != passwords.kept(GOOD[0])
    assert len(kept) <= 255
    assert passwords.is_right(GOOD[0], kept)
    assert not passwords.is_right(GOOD[1], kept)


def test_a_password_typed_on_another_keyboard_is_the_same() -> None:
    kept = passwords.kept(unicodedata.normalize("NFC", "Brücke über den Fluss"))

    assert passwords.is_right(unicodedata.normalize("NFD", "Brücke über den Fluss"), kept)


@pytest.mark.parametrize(
    "stored",
    [None, "", "x", "$argon2id$v=19$m=19456,t=2,p=1$", "$argon2id$v=19$m=4194304,t=9,p=1$c2FsdHNhbHQ$aGFzaGhhc2g"],
)
def test_what_is_no_hash_of_ours_lets_nobody_in_and_costs_no_more(stored: str | None) -> None:
    assert not passwords.is_right("", stored)
    assert not passwords.is_right(GOOD[0], stored)


def test_a_password_hashed_at_another_cost_is_not_believed() -> None:
    cheap = Argon2id(salt=b"s" * 16, length=32, iterations=1, lanes=1, memory_cost=8)

    assert not passwords.is_right(GOOD[0], cheap.derive_phc_encoded(GOOD[0].encode()))


def test_whatever_is_longer_than_any_password_is_wrong_even_if_it_begins_rightly() -> None:
    kept = passwords.kept("x" * 200)  # nobody could choose it

    assert not passwords.is_right("x" * 200, kept)
    assert not passwords.is_right("y" * 1_000_000, kept)


@settings(max_examples=200)
@given(st.text(max_size=200), st.sampled_from(["anna", "a.b-c_d", "zz"]))
def test_every_text_is_taken_or_refused_in_words(password: str, name: str) -> None:
    said = passwords.objection(password, name)

    assert said in (None, passwords.TOO_SHORT, passwords.TOO_LONG, passwords.NAMES, passwords.GUESSABLE)


def test_at_most_two_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, now, most, changing = passwords.kept(GOOD[0]), 0, 0, threading.Lock()
    real = passwords.Argon2id

    class Counted:
        """Argon2id, counted while it works."""

        @staticmethod
        def verify_phc_encoded(typed: bytes, stored: str) -> None:
            nonlocal now, most
            with changing:
                now += 1
                most = max(most, now)
            try:
                real.verify_phc_encoded(typed, stored)
            finally:
                with changing:
                    now -= 1

    monkeypatch.setattr(passwords, "Argon2id", Counted)
    threads = [threading.Thread(target=passwords.is_right, args=(GOOD[0], kept)) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert most == 2


@pytest.mark.slow
def test_looking_at_a_password_takes_as_long_without_an_account() -> None:
    kept, times = passwords.kept(GOOD[0]), {True: [], False: []}
    for _ in range(15):
        for known, taken in times.items():
            begun = time.perf_counter()
            passwords.is_right("not this one, by far", kept if known else None)
            taken.append(time.perf_counter() - begun)

    known, unknown = (statistics.median(times[each]) for each in (True, False))
    assert 0.5 < known / unknown < 2
