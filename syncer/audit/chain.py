"""Audit entries, the chain over them, and its verification. Pure: no database, no clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

import orjson

ZERO = bytes(32)

WHATS = frozenset(
    {
        "event:received",
        "event:held",
        "event:fulfilled",
        "event:extended",
        "event:withdrawn",
        "intake:refused",
        "delivery:attempted",
        "delivery:applied",
        "delivery:confirmed",
        "delivery:retrying",
        "delivery:held",
        "delivery:exempt",
        "delivery:accepted",
        "delivery:attested",
        "delivery:not_applicable",
        "delivery:answered",
        "delivery:reopened",
        "delivery:reappeared",
        "delivery:previewed",
        "lane:shadowed",
        "lane:live",
        "guard:tripped",
        "guard:released",
        "guard:refused",
        "guard:cleared",
        "lane:paused",
        "lane:resumed",
        "lane:taken",
        "operator:looked_up",
        "operator:resynced",
        "operator:dismissed",
        "operator:refused",
        "operator:proposed",
        "operator:approved",
        "operator:rejected",
        "operator:lapsed",
        "operator:submitted",
        "destination:tried",
        "report:exported",
        "identity:shredded",
        "daemon:started",
        "daemon:reloaded",
        "daemon:stopped",
        "clock:anomaly",
        "alert:raised",
        "alert:cleared",
        "alert:acknowledged",
        "alert:sent",
        "alert:undeliverable",
        "audit:checkpoint",
        "audit:purged",
        "audit:forked",
        "key:rotated",
        "backup:made",
        "console:signed_in",
        "console:signed_out",
        "console:refused",
        "console:denied",
        "user:added",
        "user:changed",
        "user:enrolled",
        "user:disabled",
        "user:enabled",
        "user:reset",
    }
)

_columns = itemgetter("at", "what", "event", "destination")
#: nothing about a value of one of these types can be wrong; asked first, because nearly all values are of one
_HARMLESS = frozenset({str, int, bool, type(None)})

#: returns the chain key that the entry of a number is made with
KeyOf = Callable[[int], bytes]
#: seq, at, what, event, destination, body, leaf, mac as they stand in the table
ChainRow = tuple[int, str, str, str | None, str | None, str | None, bytes, bytes]


@dataclass(frozen=True, slots=True)
class Entry:
    """One audit entry with its place in the chain; `at` is UTC with microseconds and Z."""

    seq: int
    at: str
    what: str
    event: str | None
    destination: str | None
    body: str
    leaf: bytes
    mac: bytes


@dataclass(frozen=True, slots=True)
class Verdict:
    """The result of a verification: how many entries were read, and the first bad one with the reason.

    `purged` counts entries without a body: their place in the chain is proven, their text is not. `mac` is the last
    entry's where all is well: together with `entries` it is where the next part of a chain begins.
    """

    ok: bool
    entries: int
    first_bad: int | None = None
    reason: str | None = None
    purged: int = 0
    mac: bytes = ZERO


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 canonical JSON. Raises TypeError for anything but str, int, bool, None, list and dict.

    With ASCII keys and without floats orjson writes exactly what RFC 8785 asks for; a property test compares it with a
    general implementation.
    """
    _require_plain(body)
    try:
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError as error:  # an integer beyond 2^53, a key that is no text, half of a surrogate pair
        raise TypeError(f"an audit body cannot hold this: {error}") from None
    if not text.isascii():
        _require_ascii_keys(body)
    return text


def _require_plain(value: Any) -> None:
    """Raise TypeError for what orjson would write and an audit body must not hold, such as a float or a time."""
    for item in value.values() if isinstance(value, dict) else value:
        if type(item) not in _HARMLESS:
            if isinstance(item, (dict, list, tuple)):
                _require_plain(item)
            elif not isinstance(item, (str, int)):
                raise TypeError(f"an audit body cannot hold {type(item).__name__}")


def _require_ascii_keys(value: Any) -> None:
    if isinstance(value, dict):
        if not all(key.isascii() for key in value):
            raise TypeError("an audit body must have ASCII keys")
        value = value.values()
    for item in value:
        if isinstance(item, (dict, list, tuple)):
            _require_ascii_keys(item)


def leaf(body: bytes) -> bytes:
    """Return SHA-256(0x00 || body), the leaf of RFC 6962."""
    return hashlib.sha256(b"\x00" + body).digest()


def mac(key: bytes, previous: bytes, seq: int, leaf_hash: bytes) -> bytes:
    """Return HMAC-SHA-256(key, previous mac || seq as 8 bytes big-endian || leaf)."""
    return hmac.digest(key, previous + seq.to_bytes(8, "big") + leaf_hash, "sha256")


def tag(key: bytes, purpose: str, content: Mapping[str, Any]) -> bytes:
    """Return the HMAC of a statement beside the chain, under a key of its own for each purpose.

    No entry's mac can stand for one, nor the other way round. Raises TypeError for what `canonical` cannot write.
    """
    return hmac.digest(hmac.digest(key, f"syncer.{purpose}".encode(), "sha256"), canonical(content), "sha256")


class Altered(ValueError):
    """Raised where an entry's body is not what syncer wrote; the text says so in one sentence."""


class Chain:
    """The end of a chain, ready to be continued."""

    def __init__(self, key: bytes, seq: int, last: bytes) -> None:
        self._key = key
        self.seq = seq
        self.mac = last

    def append(
        self,
        *,
        what: str,
        at: datetime,
        event: str | None,
        subject: str | None,
        destination: str | None,
        actor: Mapping[str, Any],
        facts: Mapping[str, Any],
        sw: str,
        cfg: str,
    ) -> Entry:
        """Return the next entry; it becomes the end of the chain.

        Raises ValueError for a `what` outside WHATS and for a time without a zone.
        """
        if what not in WHATS:
            raise ValueError(f"{what} is not an audit word")
        if at.tzinfo is None:
            raise ValueError("an audit entry needs a time with its zone")
        seq = self.seq + 1
        stamp = at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
        body = canonical(
            {
                "v": 1,
                "seq": seq,
                "at": stamp,
                "what": what,
                # without it a guessed body could be tested against the leaf after a purge
                "nonce": base64.b64encode(os.urandom(16)).decode("ascii"),
                "event": event,
                "subject": subject,
                "destination": destination,
                "actor": dict(actor),
                "facts": dict(facts),
                "sw": sw,
                "cfg": cfg,
            }
        )
        leaf_hash = leaf(body)
        self.mac = mac(self._key, self.mac, seq, leaf_hash)
        self.seq = seq
        return Entry(seq, stamp, what, event, destination, body.decode("utf-8"), leaf_hash, self.mac)


def verify(
    rows: Iterable[ChainRow],
    key_of: KeyOf,
    head: tuple[int, bytes] | None,
    start: tuple[int, bytes] = (0, ZERO),
    *,
    of_events: bool = True,
) -> Verdict:
    """Verify entries in the order of their seq against chain and head, in constant memory; name the first bad one.

    `start` is the number and the mac of the entry before the first: a chain can be verified in parts. Its mac needs no
    proof of its own: without the key nobody finds a mac that makes another one of it.
    Without `of_events` the texts of entries that name an event are not looked at, but for whether there is one: for a
    caller that holds them against their leaves elsewhere, with `sealed_text`.
    Whoever wrote the rows, nothing in them raises. Without a head a cut tail cannot be seen.
    """
    (count, previous), purged, key = start, 0, b""
    for seq, at, what, event, destination, body, stored_leaf, stored_mac in rows:
        if type(seq) is not int or seq != count + 1:
            return Verdict(False, count, *_gap(seq, count + 1), purged)
        leaf_hash = stored_leaf if type(stored_leaf) is bytes and len(stored_leaf) == 32 else digest(stored_leaf)
        problem = f"entry {seq} was altered" if leaf_hash is None else None
        if body is None:
            purged += 1  # the leaf stands for it
        elif leaf_hash is not None and (of_events or event is None):
            problem = _problem(seq, (at, what, event, destination), body, leaf_hash)
        if problem is None and leaf_hash is not None:
            if (its := key_of(seq)) is not key:
                (inner, outer), key = _begun(its), its
            inside, outside = inner.copy(), outer.copy()
            inside.update(previous + seq.to_bytes(8, "big") + leaf_hash)
            outside.update(inside.digest())
            previous = outside.digest()
            if previous != stored_mac and previous != digest(stored_mac):
                problem = f"entry {seq} does not follow its predecessor (inserted, replaced or sealed with another key)"
        if problem:
            return Verdict(False, seq, seq, problem, purged)
        count = seq
    if head is not None and head[0] != count:
        reason = f"the log ends at {count} but the head says {head[0]}: entries were cut off or added"
        return Verdict(False, count, min(count, head[0]) + 1, reason, purged)
    if head is not None and head[1] != previous:
        reason = f"the head does not match entry {count}: one of the two was replaced"
        return Verdict(False, count, count, reason, purged)
    return Verdict(True, count, purged=purged, mac=previous)


def _begun(key: bytes) -> tuple[Any, Any]:
    """Return the two hashes of an HMAC-SHA-256 with the key taken in (RFC 2104): `mac` finds them anew for each entry.

    To copy them takes a third of its time, and a verification makes millions.
    """
    block = key.ljust(64, b"\0")
    inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in block)) for pad in (0x36, 0x5C))
    return inner, outer


def _gap(seq: Any, expected: int) -> tuple[int, str]:
    if type(seq) is not int:
        return expected, f"entry {expected} was altered: its number cannot be read"
    if seq > expected:
        return expected, f"entry {expected} is missing"
    return seq, f"entry {seq} appears twice or out of order"


def digest(stored: Any) -> bytes | None:
    """Return what a column of digests holds, None for anything else: SQLite gives back whatever type was written."""
    return bytes(stored) if isinstance(stored, (bytes, bytearray, memoryview)) and len(stored) == 32 else None


def _problem(seq: int, columns: tuple[Any, ...], body: Any, leaf_hash: bytes) -> str | None:
    try:
        sealed_text(seq, columns, body, leaf_hash)
    except Altered as altered:
        return str(altered)
    return None


def sealed_text(seq: int, columns: tuple[Any, ...], body: Any, leaf_hash: Any) -> dict[str, Any]:
    """Return what an entry's body says. `columns` are its time, kind, event and destination as the table has them.

    Raises Altered for a body that is not the leaf's, that syncer did not write, or that differs from the columns.
    """
    try:
        octets = body.encode("utf-8")
        if hashlib.sha256(b"\x00" + octets).digest() != leaf_hash:
            raise Altered(f"entry {seq} was altered")
        content: dict[str, Any] = orjson.loads(octets)
        body_seq, body_columns = content["seq"], _columns(content)
    except (AttributeError, TypeError, UnicodeEncodeError, orjson.JSONDecodeError, KeyError):
        raise Altered(f"entry {seq} was altered: syncer did not write its body") from None
    if type(body_seq) is not int or body_seq != seq:
        raise Altered(f"entry {seq} was moved")
    if columns != body_columns:
        raise Altered(f"entry {seq} was altered: its columns differ from its body")
    return content
