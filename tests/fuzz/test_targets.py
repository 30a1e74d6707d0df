"""Every target, with what hypothesis thinks of, with what once was too much, and with a pile of one thing."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, clean_up

#: what parsers meet and people do not write
PIECES = st.sampled_from(
    [
        b"\xff", b"@", b".", b"x", b"ada@list.test", b"erasure", b"\0", b"\r", b"\n", b"\n\n", b'"', b"'", b"[", b"{",
        b"=",
        b"\xe2\x80\x94 a ", b"1", b"9" * 400, b"-", b"0001-01-01T00:00:00+23:00", b"9999-12-31T23:59:59-23:00",
        b"row:1", b"xn--", b"&amp;", b"%40", b"\xed\xb3\xbf", b"\xc2\xa0", b"\xe2\x80\xae", b";", b",", b"\t", b"#",
        b"[deadlines]\ntimezone = 'Europe/Berlin'\n", b"_", b"__", b"SCHEDULE__INTAKE_SECONDS",
        b'{"seq": 1, "what": "event:received", "event": "e", "body": "{}"}\n', b"1e999", b"Infinity", b"\xef\xbb\xbf",
    ]
)  # fmt: skip
OCTETS = st.one_of(st.binary(max_size=200), st.lists(PIECES, max_size=25).map(b"".join), st.text().map(str.encode))
#: of one thing a quarter of a megabyte: whatever is quadratic takes minutes, what is not a second or two
MANY = 250_000
PILES = [
    b"a",
    b"\r",
    b"\n",
    b'"',
    b"[",
    b"@",
    b" ",
    b",",
    b";",
    b"#",
    b"=",
    b"\xc3\xa9",
    b'",',
    b'"\n',
    b"a@b,",
    b"&#",
]


@pytest.fixture(autouse=True, scope="module")
def _no_folder_is_left() -> Iterator[None]:
    yield
    clean_up()  # a worker of several does not end as Python does


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60)
@given(data=OCTETS)
def test_finding_22_any_octets_raise_only_what_their_parser_says(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.parametrize(
    "data",
    [
        b"a = " + b"[" * 20_000, b"a" + b".a" * 2000 + b" = 1", b"a = " + b"{a=" * 5000, b"X=1\xff" + b"[" * 20_000,
        b"SCHEDULE\xff" + b"[" * 20_000,
        b'{"seq": 1, "what": "event:received", "event": "e", "body": "[]"}',
        b'{"seq": 1, "what": "event:received", "event": 5, "body": "{\\"facts\\": 7}"}',
        b'{"seq": 1, "what": "event:received", "event": "\\ud800", "body": "{\\"facts\\": {}}"}',
        b"[" * 100_000, b"1" * 5000, b"\xff\xfe", b"7\xff" * 8, b"\xff" * 5 + b"0001-01-01T00:00:00+23:00",
    ],
    ids=range(13),
)  # fmt: skip
@pytest.mark.parametrize("name", TARGETS)
def test_finding_22_what_is_nested_or_no_number_raises_only_what_its_parser_says(name: str, data: bytes) -> None:
    TARGETS[name](data)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"wordpress_rows"}))
def test_finding_22_a_pile_of_one_thing_takes_no_parser_long(name: str) -> None:
    for piece in PILES:
        data = (piece * (MANY // len(piece) + 1))[:MANY]
        began = time.monotonic()
        TARGETS[name](data)
        assert time.monotonic() - began < 30, piece
