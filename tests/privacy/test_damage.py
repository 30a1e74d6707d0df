"""What shows that an address was damaged on its way, and what only looks odd."""

from __future__ import annotations

import html
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.errors import AddressError
from syncer.privacy.addresses import normalise
from syncer.privacy.damage import damage, usable

DAMAGED = {
    "percent encoding": (
        "ada%2Bnews@x.test", "ada%2bnews@x.test", "jos%C3%A9@x.test", "jos%E9@x.test", "jos%e9@x.test",
        "jos%u00e9@x.test", "ada%252Bnews@x.test", "o%27neil@x.test", "ada%40x.test", "ada@x%2Etest",
    ),
    "HTML entity": (
        "o&#39;neil@x.test", "o&#039;neil@x.test", "o&#x27;neil@x.test", "o&#39neil@x.test", "a&amp;b@x.test",
        "jos&eacute;@x.test", "&lt;ada@x.test&gt;", "ada&commat;x.test", "jos&eacute@x.test", "m&uumlller@x.test",
        "&quotada@x.test",
    ),
    "quoted-printable encoding": ("ada=2Bnews@x.test", "ada=40x@x.test", "jos=C3=A9@x.test", "a=3Db.c@x.test"),
    "escape sequence": (
        "jos\\u00e9@x.test", "jos\\xe9@x.test", "o\\'neil@x.test", "ada@x.test\\n", "josu00e9@x.test",
        "adau002bnews@x.test", "josU+00E9@x.test", "u0430u043du043du0430@x.test", "ou015fa@x.test",
        "nguyu1ec5n@x.test", "u003cada@x.testu003e",
        "=?utf-8?q?ada=2Bnews?=@x.test", "=?ISO-8859-1?B?am9z6Q==?=@x.test",
    ),
    "quoting marks or punctuation around it": (
        "'ada@x.test'", "'ada@x.test", "ada@x.test'", '"ada@x.test"', '"ada@x.test', "<ada@x.test>", "`ada@x.test`",
        "Ada <ada@x.test>", "mailto:ada@x.test", "SMTP:ada@x.test", "ada@x.test,", "ada@x.test;", "ada@x.test.",
        "(ada@x.test)", "[ada@x.test]",
    ),
    "typographic quotes or dashes": ("„ada@x.test“", "‘ada@x.test’", "«ada@x.test»", "o’neil@x.test", "a–b@x.test"),
    "full-width or half-width letters, or ligatures": ("ａｄａ@x.test", "ﬁn@x.test", "josﾃｩ@x.test"),
    "a question mark where a letter was lost": ("jos?@x.test", "a\ufffdb@x.test", "jos¿@x.test", "a@x.test?subject=hi"),
    "letters of two alphabets in one word": (
        "josй@x.test", "mьller@x.test", "josθ@x.test", "аda@x.test", "info@kцln.test", "franτoise@x.test",
    ),
    "a sign where a letter was lost": (
        "m³ller@x.test", "mⁿller@x.test", "jos╔@x.test", "s°ren@x.test", "m¸ller@x.test", "†sa@x.test",
        "info@b³cher.test", "info@bⁿcher.test", "jos□@x.test", "fran√¡oise@x.test", "100€@x.test",
    ),
    "a spelled-out @": ("ada[at]x.test", "ada(at)x.test", "ada { AT } x.test", "ada@x[dot]test"),
}  # fmt: skip
ODD_BUT_RIGHT = (
    "o'neil@x.test", "a+b@x.test", "user=domain.test@list.test", "bounce+user=20minutes.test@list.test",
    "bounces+12345-ab=cd@x.test", "owner-list=ada+news=x.test@list.test", "SRS0=2Bd9=XY=example.test=user@x.test",
    "prvs=2B1234=user@x.test", "user%bank.test@relay.test", "user%eba.test@relay.test", "user%42co.test@relay.test",
    "josé@x.test", "用户@例子.test", "δοκιμή@παράδειγμα.test", "иван@пример.test", "日本@x.test", "김@x.test",
    "עברית@x.test", "عربي@x.test", "straße@x.test", "JOÃO@x.test", "ESPAÑA@x.test", "ÅÄÖ@x.test", "ÐÞ@x.test",
    "výška@x.test", "VÝŠKA@x.test", "mäž@x.test", "ÄŽUOL@x.test", "Různé@x.test", "blíž@x.test", "Ріна@x.test",
    "Різдво@x.test", "ЁЖИК@x.test", "Їжак@x.test", "ґава@x.test", "Гёте@x.test", "Гњавко@x.test", "Гірка@x.test",
    "RĂŞINĂ@x.test", "răşină@x.test", "DĹŽKA@x.test", "dĺžka@x.test", "ivan.иванов@x.test", "maria7мария@x.test",
    "İbrahim@x.test", "ŞİŞ@x.test", "ŁÓDŹ@x.test", "crêpe@x.test",
    "ada😀@x.test", '"a@b"@x.test', '"a.b"@x.test', "a.b.@x.test", "a..b@x.test", "menu0012@x.test", "u00d123@x.test",
    "r&d@x.test", "guitar&amp@x.test", "{x}@x.test", "a!b@x.test", "a#b@x.test", "$a@x.test", "a*b@x.test",
    "a/b@x.test", "a~b@x.test", "a|b@x.test", "a^b@x.test", "1234@x.test", "a_b@mail_server.list.test",
    "x@xn--i-7iq.test", "x@☕.test", "seth&ethan@x.test", "menu+2024@x.test", "lulu0123@x.test", "menu0142@x.test",
    "col·legi@x.test", "col·legi@col·legi.test", "王tom@x.test", "สมชาย@x.test", "tomไทย@x.test", "a♥b@x.test",
    "nguyễn@x.test", "علی@x.test", "иван-smith@x.test",
)  # fmt: skip
CODE_PAGES = (
    "latin-1", "cp1252", "cp1250", "cp1251", "cp1254", "mac_roman", "iso8859-2", "iso8859-15", "koi8_r", "cp437",
    "cp850", "cp866", "cp1255", "cp1256",
)  # fmt: skip
NAMES = ("josé", "müller", "straße", "ñandú", "çelik", "øystein", "łódź", "иван", "δοκιμή", "用户", "ЁЖИК", "Ünsal")


@pytest.mark.parametrize(
    ("sign", "address"),
    [pytest.param(sign, text, id=f"{sign} {n}") for sign, texts in DAMAGED.items() for n, text in enumerate(texts)],
)
def test_a_sign_of_damage_is_named_and_the_address_not_repeated(sign: str, address: str) -> None:
    assert damage(address) == damage(f" {address}\t") == sign
    with pytest.raises(AddressError) as caught:
        usable(address)
    assert str(caught.value) == f"damaged: {sign}"


@pytest.mark.parametrize("address", ODD_BUT_RIGHT, ids=range(len(ODD_BUT_RIGHT)))
def test_an_odd_address_that_a_person_may_have_shows_no_damage(address: str) -> None:
    assert damage(address) == ""
    assert usable(address) == normalise(address)


@pytest.mark.parametrize("code_page", CODE_PAGES)
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_utf_8_that_was_read_in_another_encoding_is_seen_once_twice_and_in_either_case(
    name: str, code_page: str
) -> None:
    octets = name.encode()
    try:
        once = octets.decode(code_page)
    except UnicodeDecodeError:  # octets without a character: another program would have written U+FFFD
        once = octets.decode(code_page, "replace")

    for garbled in (once, once.encode().decode("latin-1")):
        for written in (garbled, f"a.{garbled}.b", garbled.lower()):
            assert damage(f"{written}@x.test"), ascii(written)
    assert damage(f"ada@{once}.test")
    assert damage(f"{name}@x.test") == ""


@given(st.text("abcxyz019.+_-'", min_size=1, max_size=30).filter(lambda local: local[0] != "'"))
def test_plain_addresses_show_no_damage_and_the_same_encoded_do(local: str) -> None:
    address = f"{local}@x.test"

    assert damage(address) == ""
    if quote(local) != local:
        assert damage(f"{quote(local)}@x.test")
    if html.escape(local) != local:
        assert damage(f"{html.escape(local)}@x.test")


@pytest.mark.slow
@given(st.text(max_size=600))
def test_looking_for_damage_never_raises_and_a_person_s_word_lets_every_address_pass(text: str) -> None:
    damage(text)
    try:
        form = normalise(text)
    except AddressError:
        return

    assert usable(text, as_written=True) == form


@pytest.mark.parametrize("garbled", ["josรฉ@x.test", "mรผller@x.test", "josֳ©@x.test", "josأ©@x.test"], ids=range(4))
def test_letters_of_thai_hebrew_and_arabic_that_were_utf_8_beside_latin_ones_are_seen(garbled: str) -> None:
    assert damage(garbled) == "letters read in the wrong encoding"


def test_a_very_long_text_is_not_searched() -> None:
    assert damage("%41" * 1_000_000) == ""
