"""The Merkle tree of RFC 6962 over the audit's leaves: roots, the compact range, proofs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

HASH = 32
EMPTY = sha256(b"").digest()

#: returns the root over the leaves from `low` (included) to `high` (excluded), counted from 0
RangeRoot = Callable[[int, int], bytes]


def node(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A compact range: the roots of the whole subtrees that a tree of `size` leaves consists of, largest first.

    Enough to go on adding leaves and to know the root, however many leaves there were: at most 64 hashes.
    """

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Sequence[bytes] = ()) -> None:
        if len(hashes) != size.bit_count() or any(len(digest) != HASH for digest in hashes):
            raise ValueError("a compact range has one hash for each bit that is set in its size")
        self.size = size
        self._hashes = list(hashes)

    @classmethod
    def unpack(cls, size: int, packed: bytes) -> Frontier:
        """Return the range that `pack` wrote. Raises ValueError when it is not one of that size."""
        if len(packed) % HASH:
            raise ValueError("a compact range is made of whole hashes")
        return cls(size, [packed[at : at + HASH] for at in range(0, len(packed), HASH)])

    def pack(self) -> bytes:
        """Return the hashes as bytes, one after the other."""
        return b"".join(self._hashes)

    def add(self, leaf: bytes) -> None:
        """Append one leaf hash."""
        size, hashes = self.size, self._hashes
        while size & 1:  # two whole subtrees of one size become one
            leaf = node(hashes.pop(), leaf)
            size >>= 1
        hashes.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Append leaf hashes in their order."""
        level = list(leaves)
        size, left = self.size + len(level), self.size
        rest: list[bytes] = []  # of each level the last hash, where it has no partner yet
        while level:
            if left & 1:
                level.insert(0, self._hashes.pop())
            if len(level) & 1:
                rest.append(level.pop())
            level = [node(*pair) for pair in zip(level[::2], level[1::2], strict=True)]
            left >>= 1
        self._hashes += reversed(rest)
        self.size = size

    def root(self) -> bytes:
        """Return the root over everything appended so far."""
        if not self._hashes:
            return EMPTY
        digest = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            digest = node(left, digest)
        return digest


def root(leaves: Iterable[bytes]) -> bytes:
    """Return the root over leaf hashes."""
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1


def prove_inclusion(index: int, size: int, range_root: RangeRoot) -> list[bytes]:
    """Return the hashes that lead from leaf `index` (from 0) to the root of the first `size` leaves, lowest first.

    Raises ValueError for a leaf outside the tree.
    """
    if not 0 <= index < size:
        raise ValueError("the leaf lies outside the tree")
    path: list[bytes] = []
    low, high = 0, size
    while high - low > 1:
        middle = low + split(high - low)
        if index < middle:
            path.append(range_root(middle, high))
            high = middle
        else:
            path.append(range_root(low, middle))
            low = middle
    return path[::-1]


def root_from_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a proof leads to, or None when the proof cannot belong to that place and size."""
    if not 0 <= index < size or any(len(sibling) != HASH for sibling in path):
        return None
    digest, first, last = leaf, index, size - 1
    for sibling in path:
        if last == 0:
            return None
        if first & 1 or first == last:
            digest = node(sibling, digest)
            while not first & 1 and first:
                first, last = first >> 1, last >> 1
        else:
            digest = node(digest, sibling)
        first, last = first >> 1, last >> 1
    return digest if last == 0 else None
