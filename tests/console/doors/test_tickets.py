"""A ticket is believed when its MAC is ours and each of its fields fits, and else refused in a phrase of ours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.console.doors.ticket import GOOD_FOR, BadTicket, read_ticket
from tests.support.web.tickets import AUDIENCE, ISSUER, SECRET, plain, said, signed, ticket

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
STAMP = int(NOW.timestamp())
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


def read(text: str, secret: str = SECRET, now: datetime = NOW) -> str:
    return read_ticket(text, secret.encode(), ISSUER.rstrip("/"), AUDIENCE, now).who


def refusal(text: str, **how: Any) -> str:
    with pytest.raises(BadTicket) as caught:
        read(text, **how)
    return str(caught.value)


def test_a_good_ticket_says_who_and_where_to_and_is_remembered_until_it_is_worthless() -> None:
    holder = read_ticket(ticket(NOW, jti="ab" * 16), SECRET.encode(), ISSUER, AUDIENCE, NOW)

    assert (holder.who, holder.to, holder.once) == ("1:7", "/requests/", "ab" * 16)
    assert holder.until == NOW + 2 * GOOD_FOR


@pytest.mark.parametrize(
    ("lie", "phrase"),
    [
        ({"iss": "https://evil.example.org/"}, "another site"),
        ({"iss": ISSUER.upper()}, "another site"),
        ({"iss": [ISSUER]}, "another site"),
        ({"aud": "https://privacy.example.com/"}, "another console"),
        ({"aud": 1}, "another console"),
        ({"sub": "1:0"}, "nobody"),
        ({"sub": "7"}, "nobody"),
        ({"sub": "1:7\n"}, "nobody"),
        ({"sub": "1:٧"}, "nobody"),
        ({"sub": "1:7:8"}, "nobody"),
        ({"sub": 7}, "nobody"),
        ({"exp": STAMP + 61}, "too long"),
        ({"exp": STAMP - 1}, "too long"),
        ({"iat": STAMP - 120, "exp": STAMP - 61}, "too old"),
        ({"iat": STAMP + 61, "exp": STAMP + 62}, "future"),
        ({"iat": 10**11, "exp": 10**11}, "future"),
        ({"iat": 253_402_300_799, "exp": 253_402_300_799}, "future"),
        ({"iat": 10**40}, "fields"),
        ({"iat": str(STAMP)}, "fields"),
        ({"exp": True}, "fields"),
        ({"exp": float(STAMP)}, "fields"),
        ({"jti": "ab"}, "fields"),
        ({"jti": "AB" * 16}, "fields"),
        ({"jti": None}, "fields"),
        ({"to": 1}, "fields"),
        ({"role": "admin"}, "fields"),
    ],
)
def test_each_field_that_lies_is_refused(lie: dict[str, Any], phrase: str) -> None:
    assert phrase in refusal(ticket(NOW, **lie))


@pytest.mark.parametrize("content", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 700, b"1" * 1000])
def test_what_is_signed_and_no_ticket_is_refused(content: bytes) -> None:
    assert "fields" in refusal(signed(content))


def test_the_mac_comes_before_everything_that_it_guards() -> None:
    lie = {"iss": "https://evil.example.org/", "exp": 0}

    for wrong in (
        signed(said(NOW, **lie), secret="f" * 32),
        signed(said(NOW), purpose=b"syncer-ticket-v2"),
        signed(said(NOW), purpose=b""),
        ticket(NOW).partition(".")[0],
        ticket(NOW).partition(".")[0] + ".",
        ticket(NOW) + "A",
        ticket(NOW) + "=",
        ticket(NOW).replace(".", ".."),
        " " + ticket(NOW),
        ticket(NOW) + "\n",
        "." + ticket(NOW).partition(".")[2],
        plain(b"{}") + "." + "é",
        "",
        ".",
    ):
        assert refusal(wrong) == "it was not made with our secret"


def test_a_ticket_that_is_too_long_is_not_even_looked_at() -> None:
    assert refusal(ticket(NOW, to="/" * 2000)) == "it is too long"
    assert refusal("A" * 10_000_000) == "it is too long"


@pytest.mark.parametrize("secret", ["", "a", "a" * 31])
def test_a_secret_that_can_be_guessed_opens_nothing(secret: str) -> None:
    assert "too short" in refusal(signed(said(NOW), secret=secret), secret=secret)


@pytest.mark.parametrize("seconds", [-60, -59, 0, 59, 60])
def test_clocks_may_differ_by_a_minute(seconds: int) -> None:
    assert read(ticket(NOW), now=NOW + timedelta(seconds=seconds)) == "1:7"


@given(st.text(max_size=300))
def test_no_text_does_anything_but_be_refused(text: str) -> None:
    refusal(text)


@given(ANYTHING)
def test_nothing_that_is_signed_does_anything_but_be_refused(content: Any) -> None:
    refusal(signed(content))


@given(st.sampled_from(["iss", "aud", "sub", "iat", "exp", "jti"]), ANYTHING)
def test_no_value_of_a_field_does_anything_but_be_refused_or_fit(field: str, value: Any) -> None:
    try:
        read(ticket(NOW, **{field: value}))
    except BadTicket:
        return
    assert field in ("iat", "exp", "sub")
