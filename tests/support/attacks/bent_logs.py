"""Logs, proofs and dossiers as somebody who holds both the key and the database could bend them."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from syncer.audit.chain import ZERO, Chain, canonical, leaf, mac
from syncer.audit.offline.merkle import prove_inclusion, root
from syncer.audit.offline.notes import Checkpoint, Signer
from syncer.domain.deadlines import months_before

KEY, SEED, ORIGIN = b"\x01" * 32, b"\x02" * 32, "example.org/syncer"
START = datetime(2022, 11, 24, 8, tzinfo=UTC)
ACTOR = {"kind": "daemon", "user": "syncer", "uid": 990, "host": "a", "pid": 7}


@dataclass
class Log:
    """A log as an attacker holds it: rows to bend, and the notes that somebody else has collected."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    signer: Signer = field(default_factory=lambda: Signer(ORIGIN, SEED))
    now: datetime = START
    mac: bytes = ZERO
    key: bytes = KEY

    def write(
        self,
        what: str,
        event: str | None = None,
        destination: str | None = None,
        *,
        subject: str | None = None,
        **facts: Any,
    ) -> int:
        """Append an entry the way syncer does."""
        self.now += timedelta(seconds=1)
        chain = Chain(self.key, len(self.rows), self.mac)
        made = chain.append(
            what=what, at=self.now, event=event, subject=subject, destination=destination, actor=ACTOR, facts=facts,
            sw="1", cfg="c",
        )  # fmt: skip
        self.mac = made.mac
        self.rows.append(
            {"seq": made.seq, "at": made.at, "what": what, "event": event, "destination": destination,
             "body": made.body, "leaf": made.leaf.hex(), "mac": made.mac.hex()}
        )  # fmt: skip
        return made.seq

    def as_table(self) -> list[tuple[Any, ...]]:
        """Return the rows as a database gives them."""
        columns = ("seq", "at", "what", "event", "destination", "body")
        return [(*(row.get(key) for key in columns), _octets(row.get("leaf"))) for row in self.rows]

    def root(self, size: int | None = None) -> bytes:
        return root(bytes.fromhex(row["leaf"]) for row in self.rows[:size])

    def sign(self) -> str:
        """Write a checkpoint entry, sign, and hand the note out."""
        self.write("audit:checkpoint", reason="time", origin=self.signer.verifier.name, previous=0, every_minutes=60)
        size = len(self.rows)
        note = self.signer.sign(Checkpoint(self.signer.verifier.name, size, self.root()).text())
        self.notes.append((f"{size}.note", note))
        return note

    def event(self, name: str, *, attempt: bool = True, confirm: bool = True, fulfil: bool = True) -> None:
        self.write("event:received", name, destinations=["crm:delete"], right="erasure")
        if attempt:
            self.write("delivery:attempted", name, "crm", attempt=1, action="delete")
        if confirm:
            self.write("delivery:confirmed", name, "crm", attempt=1, action="delete", state="confirmed")
        if fulfil:
            self.write("event:fulfilled", name)

    def reseal(self, start: int, key: bytes | None = None) -> None:
        """Make every leaf and mac from entry `start` on fit its body again, as somebody with the key file would."""
        previous = bytes.fromhex(self.rows[start - 2]["mac"]) if start > 1 else ZERO
        for row in self.rows[start - 1 :]:
            if row["body"] is not None:
                row["leaf"] = leaf(row["body"].encode()).hex()
            previous = mac(key or self.key, previous, row["seq"], bytes.fromhex(row["leaf"]))
            row["mac"] = previous.hex()

    def rebody(self, seq: int, **changes: Any) -> None:
        body = json.loads(self.rows[seq - 1]["body"]) | changes
        self.rows[seq - 1]["body"] = canonical(body).decode()
        self.rows[seq - 1] |= {key: body[key] for key in ("at", "what", "event", "destination")}

    def purge(self, seqs: list[int], *, record: bool = True, count: int | None = None, **changes: Any) -> None:
        """Purge bodies as the policy of 36 months allows it, or as an attacker would like to."""
        if record:
            before = months_before(self.now, 36)
            facts = {
                "from": min(seqs), "to": max(seqs), "count": len(seqs) if count is None else count, "months": 36,
                "before": before.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "size": len(self.rows), "root": self.root().hex(),
            }  # fmt: skip
            self.write("audit:purged", **(facts | changes))
        for seq in seqs:
            self.rows[seq - 1]["body"] = None


def _octets(text: Any) -> Any:
    return bytes.fromhex(text) if isinstance(text, str) and re.fullmatch("([0-9a-f]{2})*", text) else text


def a_log() -> Log:
    """Return a small log: three events, a note after each, and a daemon that was started and stopped."""
    log = Log()
    log.write("daemon:started")
    for name in ("e1", "e2", "e3"):
        log.event(name)
        log.sign()
    log.write("daemon:stopped")
    log.sign()
    return log


def proof_of(log: Log, seq: int) -> dict[str, Any]:
    """Return the proof of an entry under the newest note, as `audit prove` writes it."""
    leaves = [bytes.fromhex(row["leaf"]) for row in log.rows]
    path = prove_inclusion(seq - 1, len(leaves), lambda low, high: root(leaves[low:high]))
    row = log.rows[seq - 1]
    return {"format": "syncer-inclusion-v1", "seq": seq, "body": row["body"], "leaf": row["leaf"],
            "size": len(leaves), "proof": [item.hex() for item in path], "note": log.notes[-1][1]}  # fmt: skip


# -- what else could stand there ----------------------------------------------------------------------------


def deep(levels: int = 100_000) -> str:
    """Return JSON that is nested beyond what Python reads."""
    return "[" * levels + "]" * levels


#: values that nobody expects where they stand
JUNK = st.one_of(
    st.sampled_from(
        [None, True, False, 0, 1, 2, -1, 12, 10**30, 1.0, 1e400, "", "-", "1", "crm", "e1", "pending", "applied",
         "delete", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00.000000Z", "2022-02-31T08:00:00.000000Z",
         "٢٠٢٢-01-01T00:00:00.000000Z", "\ud800", "\x1b[2K", "\u202e", "\x00", "a\nb", [], {}, [[]], [None], ["crm"],
         ["crm:delete", "crm:delete"], ["crm:unsubscribe"], [1], {"size": 3}, {"kind": "x"}, "00" * 32]
    ),
    st.integers(0, 20),
    st.text(max_size=3),
).map(copy.deepcopy)  # fmt: skip
#: texts in the place of a body
BODIES = st.sampled_from(
    ["", "{}", "[]", "null", "1", '"x"', "nonsense", '{"seq":1}', "\ufeff{}", "\ud800", '{"seq":' + "9" * 5000 + "}",
     deep(), '{"a":' + deep() + "}"]
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of everything within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from places(part, (*path, key))


def bend(data: st.DataObject, value: Any) -> None:
    """Replace, remove or add one thing somewhere within a JSON value."""
    path = data.draw(st.sampled_from(sorted(places(value), key=str) or [()]))
    if not path:
        return
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    match data.draw(st.sampled_from(["replace", "replace", "remove", "add"])):
        case "replace":
            holder[path[-1]] = data.draw(JUNK)
        case "remove":
            del holder[path[-1]]
        case _ if isinstance(holder, dict):
            holder[data.draw(st.sampled_from(["reason", "facts", "extra", "state", "seq", "size"]))] = data.draw(JUNK)
        case _:
            holder.append(data.draw(JUNK))


def bend_log(data: st.DataObject, log: Log) -> None:
    """Change one thing about a log: a body, its text, a column, the order, a note; leaves may follow, and notes too."""
    at, other = (data.draw(st.integers(0, len(log.rows) - 1)) for _ in range(2))
    row = log.rows[at]
    match data.draw(st.sampled_from(["body", "body", "body", "body", "text", "column", "order", "hole", "note"])):
        case "body":
            body = read_body(row)
            bend(data, body)
            row["body"] = json.dumps(body, sort_keys=True, separators=(",", ":"))
            row |= {key: body.get(key) for key in ("at", "what", "event", "destination")}
        case "text":
            row["body"] = data.draw(BODIES)
        case "column":
            row[data.draw(st.sampled_from(sorted(row)))] = data.draw(JUNK)
        case "order":
            log.rows[at], log.rows[other] = log.rows[other], row
        case "hole":
            row["body"] = None
        case _:
            bend_a_note(data, log)
    if data.draw(st.booleans()):
        fit_the_leaves(log)
    if data.draw(st.booleans()):
        before = log.notes if data.draw(st.booleans()) else []
        sign_again(log)
        log.notes = [*before, *log.notes]


def read_body(row: dict[str, Any]) -> dict[str, Any]:
    """Return what the body of a row says; nothing where it is no object any more."""
    try:
        body = json.loads(row["body"])
    except (ValueError, TypeError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def bend_a_note(data: st.DataObject, log: Log) -> None:
    """Put something into a note, or repeat one."""
    name, text = data.draw(st.sampled_from(log.notes))
    cut = data.draw(st.integers(0, len(text)))
    what = data.draw(st.sampled_from(["", "\n", "x", "\u00a0", "\r\n"]))
    log.notes.append((name, text[:cut] + what + text[cut:]))


def fit_the_leaves(log: Log) -> None:
    """Make each leaf that can be made the one of its body."""
    for row in log.rows:
        if isinstance(row["body"], str):
            row["leaf"] = leaf(row["body"].encode("utf-8", "surrogatepass")).hex()


def sign_again(log: Log) -> None:
    """Sign the log as it stands, as somebody with the key would, in the place of the notes that there are."""
    leaves = [octets for row in log.as_table() if isinstance(octets := row[-1], bytes) and len(octets) == 32]
    checkpoint = Checkpoint(log.signer.verifier.name, len(leaves), root(leaves))
    log.notes = [("again.note", log.signer.sign(checkpoint.text()))]


def prove_again(dossier: dict[str, Any], signer: Signer) -> None:
    """Make the proofs of a dossier fit their bodies, under a note of a log that holds just these entries."""
    proofs = [proof for proof in dossier["proofs"] if type(proof["seq"]) is int and isinstance(proof["body"], str)]
    size = max(proof["seq"] for proof in proofs)
    leaves = [bytes(32)] * size
    for proof in proofs:
        proof["leaf"] = leaf(proof["body"].encode("utf-8", "surrogatepass")).hex()
        leaves[proof["seq"] - 1] = bytes.fromhex(proof["leaf"])
    note = signer.sign(Checkpoint(signer.verifier.name, size, root(leaves)).text())
    for proof in proofs:
        path = prove_inclusion(proof["seq"] - 1, size, lambda low, high: root(leaves[low:high]))
        proof |= {"size": size, "note": note, "proof": [item.hex() for item in path]}
