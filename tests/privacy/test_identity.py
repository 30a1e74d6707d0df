"""Normalisation, pseudonym, sealing and the key file."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.errors import AddressError, KeyFileError, SealError
from syncer.privacy.addresses import _normalised, normalise, spellings
from syncer.privacy.keyring import Keyring, subject
from tests.support.deliveries import asked

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
        "a@" + ".".join(["b" * 60] * 5) + ".test",
        "<a@x.test>",
        "a,b@x.test",
    ],
)
def test_what_is_not_an_address_is_refused_without_repeating_it(bad: str) -> None:
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
    sealed = KEYS.seal(asked(address), "e1")

    assert KEYS.open(sealed, "e1") == asked(address)
    assert KEYS.address(sealed, "e1") == address
    for keys, wrong in ((KEYS, "e1" + event), (Keyring(b"\x03" * 32), "e1")):
        with pytest.raises(SealError):
            keys.open(sealed, wrong)


@pytest.mark.parametrize("broken", ["", "v1", "v1.a.b", "v2.a.b.c", "v1.%%%%.b.c", "v3.a.b.c"])
def test_what_is_not_a_seal_is_an_error_of_its_own(broken: str) -> None:
    with pytest.raises(SealError):
        KEYS.open(broken, "e1")


def test_the_key_file_is_made_for_its_owner_only_and_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "syncer.key"
    made = Keyring.create(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert Keyring.load(path).check_value == made.check_value
    with pytest.raises(KeyFileError, match="never overwritten"):
        Keyring.create(path)


@pytest.mark.parametrize(
    ("content", "mode", "remedy"),
    [
        (None, 0, "syncer init"),
        ("", 0o600, "put back the one"),
        ("syncer-key-v1:c2hvcnQ=", 0o600, "put back the one"),
        ("garbage", 0o600, "put back the one"),
        ("syncer-key-v1:" + "A" * 44, 0o644, "chmod 600"),
        ("syncer-key-v1:" + "A" * 44, 0o640, "chmod 600"),
    ],
)
def test_an_unusable_key_file_is_refused_with_its_name_and_the_remedy(
    tmp_path: Path, content: str | None, mode: int, remedy: str
) -> None:
    path = tmp_path / "syncer.key"
    if content is not None:
        path.write_text(content, encoding="utf-8")
        os.chmod(path, mode)

    with pytest.raises(KeyFileError, match=remedy) as caught:
        Keyring.load(path)

    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("address", "code"),
    [
        ("us﹫er@x.test", "full_width_at"),
        ("x\u3164@x.test", "control_character"),
        ("x\ufe0f@x.test", "control_character"),
        ("x\u034f@x.test", "control_character"),
        ("x@\u2066x.test", "control_character"),
        ("x@example.org。", "domain"),
        ("x@[127.0.0.1]", "domain"),
        ("x@foo\u2010bar.test", "domain"),
        ("x@a/c.test", "domain"),
        ("x@%41.test", "domain"),
        ("x@😀\u2026.test", "domain"),
        ("a" * 10_000_000 + "@x.test", "too_long"),
    ],
    ids=range(12),
)
def test_what_cannot_be_seen_or_sent_is_refused_with_its_reason(address: str, code: str) -> None:
    with pytest.raises(AddressError) as caught:
        normalise(address)

    assert (caught.value.code, str(caught.value), caught.value.__cause__) == (code, code, None)


def test_marks_in_another_order_make_no_second_person() -> None:
    once = normalise("İ\u0327@x.test")

    assert normalise(once) == once


def test_a_quoted_local_part_may_hold_an_at_and_an_a_label_its_capitals() -> None:
    assert normalise('"a@b"@x.test') == '"a@b"@x.test'
    assert normalise("x@XN--BCHER-KVA.test") == "x@xn--bcher-kva.test"


@pytest.mark.parametrize(
    "held",
    [
        "ada@a0--0.test",
        "ada@xn--i-7iq.test",
        "ada@mail_server.list.test",
        "ada@-x.test",
        "ada@x-.test",
        "ada@xn--.test",
        "ada@xn--zzzzzz99999999999.test",
        "ada@xn--foo-qn0ab.test",
        f"ada@{'b' * 64}.test",
        f"{'a' * 65}@x.test",
        f"{'ä' * 33}@x.test",
    ],
    ids=range(11),
)
def test_what_a_provider_may_hold_goes_to_the_provider_whatever_idna_2008_thinks_of_it(held: str) -> None:
    assert normalise(held.upper() if held.isascii() else held) == held
    assert spellings(held)[0] == held


@pytest.mark.parametrize(
    ("typed", "on_the_wire"),
    [
        ("x@☕🦊✈.test", "x@xn--53hy7af013i.test"),
        ("x@I❤.test", "x@xn--i-7iq.test"),
        ("x@€.test", "x@xn--lzg.test"),
        ("x@BÜ_x.test", "x@xn--b_x-hoa.test"),
        ("x@a0--0.bücher.test", "x@a0--0.xn--bcher-kva.test"),
    ],
    ids=range(5),
)
def test_a_domain_of_symbols_is_looked_for_by_its_punycode_and_as_it_is_typed(typed: str, on_the_wire: str) -> None:
    assert spellings(typed) == (on_the_wire, typed.lower())
    assert spellings(on_the_wire) == (on_the_wire, typed.lower())


@pytest.mark.parametrize("label", ["xn--hjdarna07-b07a", "xn--foo-qn0ab", "xn--zzzzzz99999999999"])
def test_letters_that_would_lead_to_another_domain_are_no_spelling_of_this_one(label: str) -> None:
    assert spellings(f"x@{label}.test") == (f"x@{label}.test",)


labels = st.text("abxyzABN0123456789-_", min_size=1, max_size=70)


@given(st.lists(labels, min_size=2, max_size=3).map(".".join).filter(lambda domain: len(domain) < 240))
def test_no_ascii_domain_becomes_another_and_every_spelling_leads_back_to_the_same_person(domain: str) -> None:
    assert normalise(f"a@{domain}") == f"a@{domain.lower()}"
    assert {normalise(spelling) for spelling in spellings(f"a@{domain}")} == {f"a@{domain.lower()}"}


@given(st.text("äßßxé😀☕ıǅ.-_", min_size=1, max_size=20).map(lambda label: f"a@{label}.test"))
def test_every_spelling_of_a_domain_in_letters_leads_back_to_the_same_person(address: str) -> None:
    try:
        forms = spellings(address)
    except AddressError:
        return

    assert {normalise(form) for form in forms} == {forms[0]}


def test_the_form_as_given_is_kept_where_it_differs() -> None:
    assert spellings("U\u0308@x.test") == ("ü@x.test", "u\u0308@x.test")


def test_every_purpose_has_its_own_key_and_none_is_shown() -> None:
    shown = repr(KEYS)

    assert KEYS.chain_key != b"\x01" * 32
    assert not KEYS.chain_key.hex().startswith((KEYS.check_value, KEYS.key_id))
    assert KEYS.chain_key.hex() not in shown
    assert Keyring(b"\x02" * 32).check_value != KEYS.check_value


def test_a_seal_opens_neither_elsewhere_nor_changed() -> None:
    sealed = KEYS.seal(asked("user@x.test"), "e")
    _version, key_id, nonce, text = sealed.split(".")
    spoiled = [f"v1.{key_id}.{nonce}.{text}", f"v2.00000000.{nonce}.{text}", f"v2.{key_id}..{text}", f"{sealed}.x"]
    spoiled += [f"v2.{key_id}.{nonce}.é", f"v2.{key_id}.{nonce}.{'B' if text[0] == 'A' else 'A'}{text[1:]}"]

    for item, event in [*((item, "e") for item in spoiled), (sealed, "another")]:
        with pytest.raises(SealError) as caught:
            KEYS.open(item, event)
        assert "user" not in str(caught.value)
    assert sealed != KEYS.seal(asked("user@x.test"), "e")


@pytest.mark.parametrize("content", [b"\xff\xfe" * 40, b"syncer-key-v1:\xff", b"syncer-key-v1:QUJD", b"", b"\0" * 99])
def test_a_file_that_is_not_a_key_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "syncer.key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(KeyFileError, match=f"{path}: this is not a key file of syncer"):
        Keyring.load(path)


def test_a_folder_is_not_a_key_file_and_a_missing_folder_takes_none(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        Keyring.load(tmp_path)
    with pytest.raises(KeyFileError, match="cannot be written"):
        Keyring.create(tmp_path / "no" / "syncer.key")


def test_a_systemd_credential_may_be_readable_by_its_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "credentials" / "syncer.key"
    path.parent.mkdir()
    made = Keyring.create(path)
    path.chmod(0o440)
    with pytest.raises(KeyFileError, match=f"chmod 600 {path}"):
        Keyring.load(path)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(path.parent))

    assert Keyring.load(path).check_value == made.check_value

    path.chmod(0o444)
    with pytest.raises(KeyFileError):
        Keyring.load(path)
    path.chmod(0o440)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "elsewhere"))
    with pytest.raises(KeyFileError):
        Keyring.load(path)


def outcome(of: Callable[[str], str], text: str) -> str:
    try:
        return of(text)
    except AddressError as error:
        return f"refused: {error.code}"


@given(
    st.text(st.characters(max_codepoint=0x2FF), max_size=30),
    st.text(st.characters(max_codepoint=0xFF), max_size=20) | st.from_regex(r"[A-Za-z0-9._-]{1,250}", fullmatch=True),
    st.sampled_from(["", " ", "\t", "\n"]),
)
def test_an_ordinary_address_has_the_form_that_the_long_way_gives_it(local: str, domain: str, blank: str) -> None:
    for text in (f"{local}@{domain}{blank}", f"{local}x@mail.Example.org", f"o'neil+{blank}@{domain}"):
        assert outcome(normalise, text) == outcome(_normalised, text)
