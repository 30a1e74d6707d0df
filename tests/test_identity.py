"""Normalisation, pseudonym, sealing and the key file."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.errors import AddressError, KeyFileError, SealError
from syncer.identity import Keyring, normalise, spellings, subject

KEYS = Keyring(b"\x01" * 32)


@pytest.mark.parametrize(
    ("given_", "result"),
    [
        ("User@Example.TEST", "user@example.test"),
        ("  user@example.test\t", "user@example.test"),
        ("x@straße.test", "x@xn--strae-oqa.test"),
        ("x@faß.test", "x@xn--fa-hia.test"),
        ("x@BÜCHER.test", "x@xn--bcher-kva.test"),
        ("straße@x.test", "straße@x.test"),
        ("ﬁn@x.test", "ﬁn@x.test"),
        ("Ⅳ@x.test", "ⅳ@x.test"),
        ("u\u0308ser@x.test", "üser@x.test"),
        ("user+tag@x.test", "user+tag@x.test"),
        ("u.s.e.r@x.test", "u.s.e.r@x.test"),
        ("o'brien@x.test", "o'brien@x.test"),
        ("a&b@x.test", "a&b@x.test"),
    ],
)
def test_an_address_is_known_under_one_form(given_: str, result: str) -> None:
    assert normalise(given_) == result


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "   ",
        "no-at.test",
        "@x.test",
        "a@",
        "a@b@x.test",
        "user＠x.test",
        "x@example.org.",
        "x@localhost",
        "a b@x.test",
        "a\nb@x.test",
        "a\x00b@x.test",
        "a\u200bb@x.test",
        "a\u202eb@x.test",
        "a\ufffdb@x.test",
        "\x1b[31ma@x.test",
        "a@x..test",
        "a@-x.test",
        "a" * 65 + "@x.test",
        "a@" + "b" * 64 + ".test",
        "a@" + ".".join(["b" * 60] * 5) + ".test",
        "<a@x.test>",
        "a,b@x.test",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_it(bad: str) -> None:
    with pytest.raises(AddressError) as caught:
        normalise(bad)

    assert "x.test" not in str(caught.value)


@given(st.text(max_size=300))
def test_normalising_never_crashes_and_is_stable(text: str) -> None:
    try:
        once = normalise(text)
    except AddressError:
        return

    assert normalise(once) == once
    assert unicodedata.is_normalized("NFC", once.rpartition("@")[0])


locals_ = st.text("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789.+_-'", min_size=1, max_size=30)
domains = st.sampled_from(["x.test", "Mail.X.TEST", "bücher.test", "xn--bcher-kva.test"])


@given(locals_, domains)
def test_letter_case_and_blanks_around_make_no_other_person(local: str, domain: str) -> None:
    address = f"{local}@{domain}"

    assert normalise(address) == normalise(f" {address.upper()} ") == normalise(address.lower())


@given(locals_)
def test_dots_and_tags_do_make_another_person(local: str) -> None:
    assert KEYS.ref(normalise(f"{local}@x.test")) != KEYS.ref(normalise(f"{local}+t@x.test"))


def test_an_internationalised_domain_is_looked_up_in_both_spellings() -> None:
    assert spellings("x@BÜCHER.test") == ("x@xn--bcher-kva.test", "x@bücher.test")
    assert spellings("User@X.test") == ("user@x.test",)


def test_the_pseudonym_is_keyed_and_says_nothing() -> None:
    one, other = KEYS.ref("a@x.test"), Keyring(b"\x02" * 32).ref("a@x.test")

    assert one.startswith("p1:")
    assert one != other
    assert "x.test" not in repr(subject(KEYS, "a@x.test"))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.text(min_size=1, max_size=40))
def test_what_is_sealed_opens_for_its_own_event_only(address: str, event: str) -> None:
    sealed = KEYS.seal(address, "e1")

    assert KEYS.open(sealed, "e1") == address
    for keys, wrong in ((KEYS, "e1" + event), (Keyring(b"\x03" * 32), "e1")):
        with pytest.raises(SealError):
            keys.open(sealed, wrong)


@pytest.mark.parametrize("broken", ["", "v1", "v1.a.b", "v2.a.b.c", "v1.%%%%.b.c"])
def test_what_is_no_seal_is_an_error_of_its_own(broken: str) -> None:
    with pytest.raises(SealError):
        KEYS.open(broken, "e1")


def test_the_key_file_is_made_for_its_owner_only_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "syncer.key"
    made = Keyring.create(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(path).check_value == made.check_value
    with pytest.raises(KeyFileError, match="never written over"):
        Keyring.create(path)


@pytest.mark.parametrize(
    ("content", "mode", "remedy"),
    [
        (None, 0, "syncer init"),
        ("", 0o600, "put the one back"),
        ("syncer-key-v1:c2hvcnQ=", 0o600, "put the one back"),
        ("garbage", 0o600, "put the one back"),
        ("syncer-key-v1:" + "A" * 44, 0o644, "chmod 600"),
        ("syncer-key-v1:" + "A" * 44, 0o640, "chmod 600"),
    ],
)
def test_an_unusable_key_file_is_refused_with_its_name_and_the_remedy(
    tmp_path: Path, content: str | None, mode: int, remedy: str
) -> None:
    path = tmp_path / "syncer.key"
    if content is not None:
        path.write_text(content)
        os.chmod(path, mode)

    with pytest.raises(KeyFileError, match=remedy) as caught:
        Keyring.load(path)

    assert str(path) in str(caught.value)
