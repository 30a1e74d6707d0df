"""Audit entries, the chain over them, and its verification. Pure: knows no database and no clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

ZERO = bytes(32)

WHATS = frozenset(
    {
        "event:received",
        "event:held",
        "event:fulfilled",
        "delivery:attempted",
        "delivery:applied",
        "delivery:confirmed",
        "delivery:retrying",
        "delivery:held",
        "delivery:exempt",
        "delivery:reopened",
        "delivery:reappeared",
        "lane:paused",
        "lane:resumed",
        "lane:taken",
        "operator:looked_up",
        "operator:resynced",
        "report:exported",
        "identity:shredded",
        "daemon:started",
        "daemon:stopped",
    }
)


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
    """What a verification found: how many entries were read, and the first bad one with the reason."""

    ok: bool
    entries: int
    first_bad: int | None = None
    reason: str | None = None


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return RFC 8785 canonical JSON. Raises TypeError for anything but str, int, bool, None, list, mapping.

    With ASCII keys and without floats the standard encoder writes exactly what RFC 8785 asks for, six times
    faster than a general implementation; a property test compares the two.
    """
    _check(body)
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def _check(value: Any) -> None:
    if value is None or isinstance(value, (str, bool)):
        return
    if isinstance(value, int):
        if abs(value) > 2**53 - 1:
            raise TypeError("an audit body holds no integer beyond 2^53")
        return
    if isinstance(value, (list, tuple)):
        for item in value:
            _check(item)
        return
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise TypeError("an audit body has ASCII keys only")
            _check(item)
        return
    raise TypeError(f"an audit body cannot hold {type(value).__name__}")


def leaf(body: bytes) -> bytes:
    """Return SHA-256(0x00 || body), the leaf of RFC 6962."""
    return hashlib.sha256(b"\x00" + body).digest()


def mac(key: bytes, previous: bytes, seq: int, leaf_hash: bytes) -> bytes:
    """Return HMAC-SHA-256(key, previous mac || seq as 8 bytes big-endian || leaf)."""
    return hmac.digest(key, previous + seq.to_bytes(8, "big") + leaf_hash, "sha256")


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
        """Return the next entry; `what` is a word of WHATS, else ValueError."""
        if what not in WHATS:
            raise ValueError(f"{what} is no audit word")
        seq = self.seq + 1
        stamp = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        body = canonical(
            {
                "v": 1,
                "seq": seq,
                "at": stamp,
                "what": what,
                # without it a guessed body could be tested against the leaf after a purge
                "nonce": base64.b64encode(secrets.token_bytes(16)).decode("ascii"),
                "event": event,
                "subject": subject,
                "destination": destination,
                "actor": actor,
                "facts": facts,
                "sw": sw,
                "cfg": cfg,
            }
        )
        leaf_hash = leaf(body)
        self.mac = mac(self._key, self.mac, seq, leaf_hash)
        self.seq = seq
        return Entry(seq, stamp, what, event, destination, body.decode("utf-8"), leaf_hash, self.mac)


Row = tuple[int, str, str, str | None, str | None, str | None, bytes, bytes]


def verify(rows: Iterable[Row], key: bytes, head: tuple[int, bytes] | None) -> Verdict:
    """Check entries in the order of their seq against chain and head; constant memory. Names the first bad one."""
    previous, expected = ZERO, 1
    for seq, at, what, event, destination, body, leaf_hash, found_mac in rows:
        if seq != expected:
            return Verdict(False, expected - 1, expected, _gap(seq, expected))
        problem = _problem(seq, (at, what, event, destination), body, bytes(leaf_hash))
        if problem:
            return Verdict(False, seq, seq, problem)
        previous = hmac.digest(key, previous + seq.to_bytes(8, "big") + bytes(leaf_hash), "sha256")
        if previous != bytes(found_mac):
            reason = f"entry {seq} does not follow its predecessor (inserted, replaced or sealed with another key)"
            return Verdict(False, seq, seq, reason)
        expected += 1
    count = expected - 1
    if head is not None and head != (count, previous):
        reason = f"the log ends at {count} but the head says {head[0]}: entries were cut off or added"
        return Verdict(False, count, min(count, head[0]) + 1, reason)
    return Verdict(True, count)


def _gap(seq: int, expected: int) -> str:
    if seq > expected:
        return f"entry {expected} is missing"
    return f"entry {seq} stands there twice or out of order"


def _problem(seq: int, columns: tuple[Any, ...], body: str | None, leaf_hash: bytes) -> str | None:
    if body is None:
        return None  # purged: the leaf stands for it
    raw = body.encode("utf-8", "surrogateescape")
    if hashlib.sha256(b"\x00" + raw).digest() != leaf_hash:
        return f"entry {seq} was altered"
    content = json.loads(raw)
    if content.get("seq") != seq:
        return f"entry {seq} was moved"
    if columns != (content.get("at"), content.get("what"), content.get("event"), content.get("destination")):
        return f"entry {seq} was altered: its columns do not say what its body says"
    return None


#: what a spreadsheet may take for the start of a formula, full-width forms included
_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")


def csv_safe(value: str) -> str:
    """Return the value with a leading apostrophe where a spreadsheet would run it as a formula."""
    return f"'{value}" if value.startswith(_FORMULA) else value
