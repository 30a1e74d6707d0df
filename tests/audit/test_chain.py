"""The chain over the audit: published vectors, attacks on it, and canonical JSON."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from syncer.audit.chain import ZERO, Chain, ChainRow, Entry, canonical, leaf, mac, verify
from syncer.reports.as_csv import csv_safe

KEY = b"\x01" * 32
AT = datetime(2026, 11, 24, 12, 0, 0, 123456, tzinfo=UTC)
VECTORS = [
    "27fd365cb80701c696fcf70c969d8757e889599183e1a0244a00d3219795cac1",
    "fc8a602955a64450bd7930802eca5980110bff0b1a66740d4d80ae1259f34002",
    "339e269d570b6318f90269c8e96ebad46859ef851c5813da7d1fe881c8eff560",
]


def key_of(_seq: int) -> bytes:
    return KEY


def rows(count: int) -> list[ChainRow]:
    chain = Chain(KEY, 0, ZERO)
    entries: list[ChainRow] = []
    for number in range(count):
        e = chain.append(
            what="event:received",
            at=AT,
            event=f"e{number}",
            subject="p1:x",
            destination=None,
            actor={"kind": "cli"},
            facts={"n": number},
            sw="0",
            cfg="c",
        )
        entries.append((e.seq, e.at, e.what, e.event, e.destination, e.body, e.leaf, e.mac))
    return entries


def head(entries: list[ChainRow]) -> tuple[int, bytes]:
    return (entries[-1][0], entries[-1][7]) if entries else (0, ZERO)


def test_the_chain_follows_the_published_vectors() -> None:
    last = ZERO
    for number, expected in enumerate(VECTORS, 1):
        body = canonical({"nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "seq": number, "what": "event:received"})
        last = mac(KEY, last, number, leaf(body))

        assert last.hex() == expected


def test_an_untouched_chain_verifies() -> None:
    entries = rows(20)

    verdict = verify(entries, key_of, head(entries))

    assert (verdict.ok, verdict.entries, verdict.first_bad) == (True, 20, None)
    assert verify([], key_of, (0, ZERO)).ok


def altered(row: ChainRow, **changes: Any) -> ChainRow:
    names = ("seq", "at", "what", "event", "destination", "body", "leaf", "mac")
    values = dict(zip(names, row, strict=True)) | changes
    return tuple(values[name] for name in names)  # type: ignore[return-value]


@given(st.integers(2, 12), st.data())
def test_an_altered_entry_is_named(count: int, data: st.DataObject) -> None:
    entries = rows(count)
    at = data.draw(st.integers(0, count - 1))
    body = entries[at][5]
    assert body is not None
    entries[at] = altered(entries[at], body=body.replace('"n":', '"m":'))

    verdict = verify(entries, key_of, head(entries))

    assert (verdict.ok, verdict.first_bad, verdict.reason) == (False, at + 1, f"entry {at + 1} was altered")


@given(st.integers(2, 12), st.data())
def test_an_altered_entry_with_a_new_leaf_is_named_too(count: int, data: st.DataObject) -> None:
    entries = rows(count)
    at = data.draw(st.integers(0, count - 1))
    body = str(entries[at][5]).replace('"n":', '"m":')
    entries[at] = altered(entries[at], body=body, leaf=leaf(body.encode()))

    assert verify(entries, key_of, head(entries)).first_bad == at + 1


@given(st.integers(2, 12), st.data())
def test_a_missing_entry_is_named(count: int, data: st.DataObject) -> None:
    entries = rows(count)
    at = data.draw(st.integers(0, count - 2))
    whole = head(entries)
    del entries[at]

    verdict = verify(entries, key_of, whole)

    assert (verdict.first_bad, verdict.reason) == (at + 1, f"entry {at + 1} is missing")


@given(st.integers(2, 12), st.data())
def test_swapped_entries_are_named(count: int, data: st.DataObject) -> None:
    entries = rows(count)
    at = data.draw(st.integers(0, count - 2))
    a, b = entries[at], entries[at + 1]
    entries[at], entries[at + 1] = altered(b, seq=a[0]), altered(a, seq=b[0])

    assert verify(entries, key_of, head(entries)).first_bad == at + 1


@given(st.integers(2, 12), st.data())
def test_an_inserted_entry_is_named(count: int, data: st.DataObject) -> None:
    entries = rows(count)
    at = data.draw(st.integers(0, count - 1))
    entries.insert(at, entries[at])

    assert not verify(entries, key_of, head(entries)).ok


@given(st.integers(2, 12), st.integers(1, 5))
def test_a_tail_that_was_cut_or_grown_against_the_head_is_found(count: int, cut: int) -> None:
    entries = rows(count)
    whole = head(entries)

    verdict = verify(entries[:-cut] if cut < count else [], key_of, whole)

    assert not verdict.ok
    assert verdict.reason is not None
    assert "cut off or added" in verdict.reason


def test_entries_sealed_with_another_key_are_refused() -> None:
    entries = rows(3)

    assert verify(entries, lambda _: b"\x02" * 32, head(entries)).first_bad == 1


@pytest.mark.parametrize("column", ["at", "what", "event", "destination"])
def test_a_column_that_does_not_say_what_its_body_says_is_found(column: str) -> None:
    entries = rows(3)
    entries[1] = altered(entries[1], **{column: "other"})

    assert verify(entries, key_of, head(entries)).first_bad == 2


def test_a_purged_body_leaves_the_rest_verifiable() -> None:
    entries = rows(3)
    entries[1] = altered(entries[1], body=None)

    assert verify(entries, key_of, head(entries)).ok


plain = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text(st.characters(max_codepoint=127), max_size=8), plain, max_size=6))
def test_our_canonical_json_is_rfc_8785(body: dict[str, Any]) -> None:
    assert canonical(body) == rfc8785.dumps(body)
    assert json.loads(canonical(body)) == body


@pytest.mark.parametrize("bad", [1.5, b"x", 2**60, {1: "x"}, {"ü": 1}, {"x": object()}, [float("nan")]])
def test_what_canonical_json_cannot_hold_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError):
        canonical({"x": bad})


def test_a_word_that_is_none_of_ours_is_refused() -> None:
    with pytest.raises(ValueError, match="audit word"):
        Chain(KEY, 0, ZERO).append(
            what="delivery:vanished",
            at=AT,
            event=None,
            subject=None,
            destination=None,
            actor={},
            facts={},
            sw="",
            cfg="",
        )


@pytest.mark.parametrize("evil", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "＝1", "\0x"])
def test_a_spreadsheet_runs_nothing_of_ours(evil: str) -> None:
    assert csv_safe(evil) == "'" + evil
    assert csv_safe("plain") == "plain"


def log_and_head(size: int) -> tuple[list[ChainRow], tuple[int, bytes]]:
    entries = rows(size)
    return entries, head(entries)


Attack = Callable[[list[ChainRow]], list[ChainRow]]


def put(place: int, **columns: Any) -> Attack:
    return lambda entries: [*entries[: place - 1], altered(entries[place - 1], **columns), *entries[place:]]


def resealed(body: str) -> Attack:
    """Return what somebody without the key can do: write a new body with its right leaf."""
    return put(3, body=body, leaf=leaf(body.encode()))


ATTACKS: dict[str, tuple[Attack, int, str]] = {
    "body with other columns": (resealed('{"at":1,"what":2,"event":3,"destination":4,"seq":3}'), 3, "was altered"),
    "body is no JSON": (resealed("x"), 3, "entry 3 was altered"),
    "body is a list": (resealed("[3]"), 3, "entry 3 was altered"),
    "body is deep": (resealed("[" * 100_000), 3, "entry 3 was altered"),
    "body is bytes": (put(3, body=b"x"), 3, "entry 3 was altered"),
    "body is a number": (put(3, body=3), 3, "entry 3 was altered"),
    "body is half a character": (put(3, body="\udc80"), 3, "entry 3 was altered"),
    "leaf is a huge number": (put(3, leaf=2**40), 3, "entry 3 was altered"),
    "leaf gone": (put(3, leaf=None), 3, "entry 3 was altered"),
    "leaf gone from a purged entry": (put(3, leaf=None, body=None), 3, "entry 3 was altered"),
    "leaf of a purged entry altered": (put(3, leaf=bytes(32), body=None), 3, "does not follow its predecessor"),
    "mac altered": (put(3, mac=bytes(32)), 3, "does not follow its predecessor"),
    "mac gone": (put(3, mac=None), 3, "does not follow its predecessor"),
    "number is a text": (put(3, seq="3"), 3, "entry 3 was altered"),
    "first deleted": (lambda entries: entries[1:], 1, "entry 1 is missing"),
    "deleted, rest renumbered": (
        lambda entries: [*entries[:2], *(altered(row, seq=row[0] - 1) for row in entries[3:])],
        3,
        "entry 3 was moved",
    ),
    "doubled": (lambda entries: [*entries[:3], *entries[2:]], 3, "appears twice or out of order"),
    "all deleted": (lambda entries: [], 1, "ends at 0 but the head says 6"),
    "another log of the same length": (lambda entries: rows(6), 6, "head does not match entry 6"),
}


@pytest.mark.parametrize(("attack", "first_bad", "reason"), ATTACKS.values(), ids=ATTACKS.keys())
def test_an_attack_is_a_verdict_and_never_an_exception(attack: Attack, first_bad: int, reason: str) -> None:
    entries, end = log_and_head(6)

    verdict = verify(attack(entries), key_of, end)

    assert (verdict.ok, verdict.first_bad) == (False, first_bad)
    assert reason in str(verdict.reason)


def test_an_entry_behind_the_head_is_seen() -> None:
    entries, _end = log_and_head(6)

    verdict = verify(entries, key_of, (5, entries[4][7]))

    assert verdict.first_bad == 6
    assert verdict.reason == "the log ends at 6 but the head says 5: entries were cut off or added"


@given(st.permutations(range(5)).filter(lambda order: order != sorted(order)))
def test_no_other_order_verifies(order: list[int]) -> None:
    entries, end = log_and_head(5)

    assert not verify([entries[index] for index in order], key_of, end).ok
    assert not verify([altered(entries[index], seq=n) for n, index in enumerate(order, 1)], key_of, end).ok


def test_purged_bodies_are_counted() -> None:
    entries, end = log_and_head(6)

    assert verify(put(3, body=None)(entries), key_of, end).purged == 1
    assert verify(entries, key_of, end).purged == 0


def test_other_kinds_of_bytes_are_as_good() -> None:
    entries, end = log_and_head(2)

    assert verify(put(2, leaf=memoryview(entries[1][6]), mac=bytearray(entries[1][7]))(entries), key_of, end).ok


def entry(chain: Chain, at: datetime, **facts: Any) -> Entry:
    return chain.append(
        what="lane:taken", at=at, event=None, subject=None, destination="crm", actor={}, facts=facts, sw="0", cfg="c"
    )


def test_an_entry_says_its_time_in_utc_with_microseconds() -> None:
    west = AT.replace(microsecond=0).astimezone(timezone(timedelta(hours=-8)))
    written = entry(Chain(KEY, 0, ZERO), west)
    body = json.loads(written.body)

    assert written.at == body["at"] == "2026-11-24T12:00:00.000000Z"
    assert canonical(body).decode() == written.body
    assert set(body) == {
        "v", "seq", "at", "what", "nonce", "event", "subject", "destination", "actor", "facts", "sw", "cfg"
    }  # fmt: skip
    assert entry(Chain(KEY, 0, ZERO), west).leaf != written.leaf  # the nonce


def test_a_refused_entry_leaves_the_chain_as_it_was() -> None:
    chain = Chain(KEY, 4, b"\2" * 32)

    with pytest.raises(ValueError, match="zone"):
        entry(chain, AT.replace(tzinfo=None))
    with pytest.raises(TypeError):
        entry(chain, AT, share=0.5)
    with pytest.raises(TypeError):
        entry(chain, AT, reason="\ud800")
    assert (chain.seq, chain.mac) == (4, b"\2" * 32)


def test_verification_streams() -> None:
    entries, end = log_and_head(2000)
    tracemalloc.start()
    verdict = verify(iter(entries), key_of, end)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert verdict.ok
    assert peak < 100_000
