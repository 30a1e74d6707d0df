"""The tree of RFC 6962: published roots, and every proof against a slow oracle written from the RFC's own words."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.audit.chain import canonical, leaf
from syncer.audit.offline.merkle import (
    EMPTY,
    Frontier,
    prove_inclusion,
    root,
    root_from_inclusion,
)

ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "f6731090a9211beb719e712fd05b2f1add72bfa92043514f185d3137f1ed454c",
    2: "7a6bd1bcbaad1063ecefe76ce7ebf49b9323115c8b4e18afade09ca7a7b273cf",
    3: "595607cc3916104d0e91db8d09a531dc7f341b9dab78bd03b6ccd8adba5ae924",
    5: "44378d9732fc658d55fa00a31123671a24a445e8f69818c90e8d0fc758ce8a44",
}


def bodies(count: int) -> list[bytes]:
    return [
        leaf(canonical({"nonce": "AAAAAAAAAAAAAAAAAAAAAA==", "seq": number, "what": "event:received"}))
        for number in range(1, count + 1)
    ]


def leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"\x00" + bytes([number % 256, number // 256])).digest() for number in range(count)]


def k(n: int) -> int:
    power = 1
    while power * 2 < n:
        power *= 2
    return power


def mth(d: list[bytes]) -> bytes:
    if not d:
        return hashlib.sha256(b"").digest()
    if len(d) == 1:
        return d[0]
    return hashlib.sha256(b"\x01" + mth(d[: k(len(d))]) + mth(d[k(len(d)) :])).digest()


def path(m: int, d: list[bytes]) -> list[bytes]:
    if len(d) == 1:
        return []
    if m < k(len(d)):
        return [*path(m, d[: k(len(d))]), mth(d[k(len(d)) :])]
    return [*path(m - k(len(d)), d[k(len(d)) :]), mth(d[: k(len(d))])]


@pytest.mark.parametrize("size", ROOTS)
def test_the_roots_follow_the_published_vectors(size: int) -> None:
    assert root(bodies(size)).hex() == ROOTS[size]


@given(st.integers(0, 300))
def test_the_root_is_the_oracles(size: int) -> None:
    assert root(leaves(size)) == mth(leaves(size))


@given(st.integers(0, 200), st.integers(0, 200))
def test_a_compact_range_goes_on_where_it_was_packed(size: int, more: int) -> None:
    all_leaves = leaves(size + more)
    first = Frontier()
    first.extend(all_leaves[:size])

    again = Frontier.unpack(size, first.pack())
    again.extend(all_leaves[size:])

    assert again.root() == mth(all_leaves)
    assert again.size == size + more


@pytest.mark.parametrize(("size", "packed"), [(1, b""), (3, bytes(32)), (2, bytes(33)), (0, bytes(32))])
def test_a_compact_range_that_does_not_fit_its_size_is_refused(size: int, packed: bytes) -> None:
    with pytest.raises(ValueError, match="compact range"):
        Frontier.unpack(size, packed)


@given(st.integers(1, 130), st.data())
def test_an_inclusion_proof_is_the_oracles_and_leads_to_the_root(size: int, data: st.DataObject) -> None:
    all_leaves = leaves(size)
    index = data.draw(st.integers(0, size - 1))

    proof = prove_inclusion(index, size, lambda low, high: mth(all_leaves[low:high]))

    assert proof == path(index, all_leaves)
    assert root_from_inclusion(all_leaves[index], index, size, proof) == mth(all_leaves)


@given(st.integers(2, 130), st.data())
def test_an_inclusion_proof_leads_nowhere_for_another_leaf_place_size_or_path(size: int, data: st.DataObject) -> None:
    all_leaves = leaves(size)
    index = data.draw(st.integers(0, size - 1))
    proof = path(index, all_leaves)
    right = mth(all_leaves)
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
    bent = data.draw(st.integers(0, len(proof) - 1))

    assert root_from_inclusion(all_leaves[other], index, size, proof) != right
    assert root_from_inclusion(all_leaves[index], other, size, proof) != right
    assert root_from_inclusion(all_leaves[index], index, size, proof[:-1]) != right
    assert root_from_inclusion(all_leaves[index], index, size, [*proof, bytes(32)]) != right
    assert root_from_inclusion(all_leaves[index], index, size, [*proof[:bent], bytes(32), *proof[bent + 1 :]]) != right
    assert root_from_inclusion(all_leaves[index], size, size, proof) is None
    assert root_from_inclusion(all_leaves[index], -1, size, proof) is None
    assert root_from_inclusion(all_leaves[index], index, size, [proof[0][:-1], *proof[1:]]) is None


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_what_lies_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        prove_inclusion(index, size, lambda low, high: EMPTY)
