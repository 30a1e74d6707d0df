#!/usr/bin/env python3
"""Verify a syncer log, or a proof from it, without syncer, its database or any secret. Python 3.11 and `cryptography`.

    python verify_log.py --key KEY [--key KEY ...] export.jsonl NOTE [NOTE ...]     a whole log against signed notes
    python verify_log.py --key KEY proof.json                                       one entry, or a dossier's

KEY is what `syncer audit key` printed when you were given it; export.jsonl is `syncer audit export`; the NOTEs are the
ones you collected yourself (mail, journal, object store), in the order in which they came. Exit 0: proven; 1: not.
"""

import argparse
import base64
import codecs
import datetime
import hashlib
import json
import re
import sys
import unicodedata

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Bad(Exception):
    """Raised for the first thing that is wrong."""


class Unreadable(Exception):
    """Raised for what was damaged on its way: it proves nothing, and no forgery either."""


def must(condition, reason):
    """Raise Bad with the reason unless the condition holds."""
    if not condition:
        raise Bad(reason)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


# -- signed notes (C2SP signed-note and tlog-checkpoint) ---------------------------------------------------------------


def parse_key(text):
    """Return (name, key id, Ed25519 key) of name+hash+base64; the hash catches typing errors."""
    name, digest, encoded = text.strip(" \t\r\n\ufeff").split("+", 2)
    raw = base64.b64decode(encoded, validate=True)
    key_id = sha(name.encode(), b"\n", raw)[:4]
    must(raw[:1] == b"\x01" and len(raw) == 33 and key_id.hex() == digest, "the key was mistyped")
    return name, key_id, Ed25519PublicKey.from_public_bytes(raw[1:])


def open_note(note, keys):
    """Return (origin, size, root) of a note that the log itself signed.

    A note that does not open as it is, is opened without what Windows and mail programs add to a text: a byte order
    mark, other line ends, blanks around lines, lines around it. What is signed is compared to the letter either way.
    """
    try:
        return open_exactly(note, keys)
    except (Bad, Unreadable, InvalidSignature):
        lines = re.split("\r*\n|\r", note.lstrip("\ufeff"))
        mended = "\n".join(line.replace("\u00a0", " ").strip(" \t") for line in lines).strip("\n") + "\n"
        if mended == note:
            raise
        return open_exactly(mended, keys)


def open_exactly(note, keys):
    try:
        text, blank, signatures = note.rpartition("\n\n")
        lines = text.split("\n")
        must(
            blank and len(lines) >= 3 and all(lines) and signatures.endswith("\n"),
            "it has no three lines and a signature",
        )
        origin, size, root = lines[0], lines[1], unbase64(lines[2])
        must(
            size.isascii() and size.isdigit() and str(int(size)) == size and len(size) <= 19 and len(root) == 32,
            "its size or its root is none",
        )
        must(len(note) <= 65536 and not any(map(is_control, text)), "it is too long, or has control characters")
        signed = [signature(line) for line in signatures[:-1].split("\n")]
    except (Bad, ValueError) as error:
        raise Unreadable(f"not a signed checkpoint: {error}") from None
    good = False
    for name, raw in signed:
        for key_name, key_id, public in keys:
            if (key_name, key_id) == (name, raw[:4]):
                public.verify(raw[4:], (text + "\n").encode())  # raises InvalidSignature
                good = good or name == origin
    must(good, f"not signed by a known key of {origin}")
    return origin, int(size), root


def signature(line):
    """Return (name, octets) of a signature line; whose they are is not known yet."""
    dash, name, encoded = line.split(" ")
    raw = unbase64(encoded)
    must(dash == "\u2014" and name and "+" not in name and len(raw) >= 5, "a malformed signature line")
    must(name.isprintable() and not any(map(str.isspace, name)), "a malformed signature line")
    return name, raw


def unbase64(text):
    raw = base64.b64decode(text, validate=True)
    must(base64.b64encode(raw).decode() == text, "it has two spellings")
    return raw


def is_control(char):
    return char != "\n" and unicodedata.category(char) in ("Cc", "Cs")


# -- the tree (RFC 6962): a leaf is SHA-256(0x00 || body), a node SHA-256(0x01 || left || right) -----------------------


def add(stack, size, leaf):
    """Append the leaf with number `size` (from 0) to a stack of whole subtrees."""
    while size & 1:
        leaf, size = sha(b"\x01", stack.pop(), leaf), size >> 1
    stack.append(leaf)


def root_of(stack):
    """Return the root over a stack of whole subtrees."""
    root = stack[-1] if stack else sha()
    for left in reversed(stack[:-1]):
        root = sha(b"\x01", left, root)
    return root


def verify_proof(proof, keys):
    """Return what is proven, in words: that an entry's path leads to a signed root."""
    origin, size, root = open_note(proof["note"], keys)
    leaf, index, last = bytes.fromhex(proof["leaf"]), proof["seq"] - 1, size - 1
    must(0 <= index < size == proof["size"], "the entry lies outside the signed log")
    if proof["body"] is not None:
        must(sha(b"\x00", proof["body"].encode()) == leaf, "the body is not the one of the leaf")
        must(json.loads(proof["body"])["seq"] == proof["seq"], "the body is that of another entry")
    digest = leaf
    for sibling in map(bytes.fromhex, proof["proof"]):
        must(last > 0 and len(sibling) == 32, "the path is too long")
        if index & 1 or index == last:
            digest = sha(b"\x01", sibling, digest)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            digest = sha(b"\x01", digest, sibling)
        index, last = index >> 1, last >> 1
    must(last == 0 and digest == root, "the path does not lead to the signed root")
    return f"entry {proof['seq']} stands among the first {size} entries of {origin}\n{proof['body'] or '(purged)'}"


# -- the whole log -----------------------------------------------------------------------------------------------------


def verify_log(lines, notes, keys):
    """Verify points 1 to 8 of docs/audit.md; return what is proven, in words."""
    signed, last = [], {}
    for name, text in notes:  # 3: signature, origin, and sizes that never shrink
        try:
            origin, size, root = open_note(text, keys)
        except Unreadable as error:
            raise Unreadable(f"{name}: {error}") from None
        must(size >= last.get(origin, 0), f"{name}: the log shrank between two notes")
        last[origin] = size
        signed.append((size, origin, root, name))
    wanted, roots, stack, seq = {size for size, *_ in signed}, {0: sha()}, [], 0
    events, purged_events, holes, purges, forks, remarks, before = {}, set(), [], [], [], [], ""
    for line in filter(str.strip, lines):
        row = parsed(line, f"the export behind entry {seq}")
        must(row["seq"] == seq + 1, f"entry {seq + 1} is missing or out of order")  # 1
        seq, leaf, at, what = seq + 1, bytes.fromhex(row["leaf"]), row["at"], row["what"]
        must(len(leaf) == 32 and len(at) == 27 and at.endswith("Z"), f"entry {seq} was altered")
        moment(at)
        if before and moment(at) < moment(before) - datetime.timedelta(minutes=5):  # 7: a remark, clocks do err
            remarks.append(f"the time runs backwards at entry {seq}")
        if row["body"] is None:
            holes.append((seq, at))
            purged_events.add(row["event"])
        else:
            must(sha(b"\x00", row["body"].encode()) == leaf, f"entry {seq} was altered")  # 2
            body = json.loads(row["body"])
            must(body["seq"] == seq, f"entry {seq} was moved")
            same = all(row[key] == body[key] for key in ("at", "what", "event", "destination"))
            must(same, f"entry {seq} was altered: its columns differ from its body")  # 6
            if row["event"] not in purged_events:
                must(not (problem := meaning(events, body)), f"entry {seq} {problem}")  # 8
            if what == "audit:purged":
                purges.append(require_purge(seq, at, body["facts"], root_of(stack)))
            if what == "audit:forked":
                forks.append(body["facts"])
                remarks.append(f"entry {seq} records a restore: {body['facts']['reason']}")
            if what == "audit:checkpoint":
                remarks += silence(events, seq, at, body["facts"])
        add(stack, seq - 1, leaf)
        if seq in wanted:
            roots[seq] = root_of(stack)
        before = at
    for hole, at in holes:  # 5: every missing body lies under a purge on record, and none took more than it says
        cover = [p for p in purges if p["from"] <= hole <= p["to"] and at < p["before"] and p["count"] > 0]
        must(cover, f"entry {hole} lost its body, and no purge on record took it")
        min(cover, key=lambda p: p["to"])["count"] -= 1
    proven = 0
    for size, origin, root, name in sorted(signed):  # 3 and 4: the signed states, and nothing cut off behind them
        if roots.get(size) == root:
            proven = size
        elif not any(excused(fork, size, origin, root) for fork in forks):
            must(size <= seq, f"{name}: {size} entries were anchored, {seq} are here: cut off or rolled back")
            raise Bad(f"{name}: entries {proven + 1} to {size} are not those that were anchored")
    return "\n".join([f"{seq} entries, {len(signed)} notes agree; not proven beyond entry {proven}", *remarks])


def parsed(text, what):
    try:
        return json.loads(text)
    except ValueError:
        raise Unreadable(f"{what}: not JSON") from None


def moment(text):
    return datetime.datetime.fromisoformat(text)


def require_purge(seq, at, facts, root):
    """Return a purge's facts if it names its range, its policy (at least 12 months) and the root before it."""
    numbers = all(type(facts[key]) is int for key in ("from", "to", "count", "months", "size"))
    must(numbers and 0 < facts["from"] <= facts["to"] < seq and facts["months"] >= 12, f"the purge {seq} is impossible")
    must(facts["size"] == seq - 1 and facts["root"] == root.hex(), f"the purge {seq} is of another log")
    year, month = divmod(int(at[:4]) * 12 + int(at[5:7]) - 1 - facts["months"], 12)
    must(
        facts["before"] <= f"{year:04d}-{month + 1:02d}{at[7:]}",
        f"the purge {seq} took entries younger than its policy",
    )
    return dict(facts)


def excused(fork, size, origin, root):
    """Say whether a person recorded that this signed state was lost in a restore."""
    lost = fork["anchor"]
    cited = size != lost["size"] or root.hex() == lost["root"]
    return fork["old_origin"] == origin and fork["shared"] < size <= lost["size"] and cited


def silence(events, seq, at, facts):
    """Return a remark if a running daemon missed a checkpoint: it signs every `every_minutes`, come what may."""
    beat, running = events.get(None, (None, set()))
    events[None] = (at, facts["every_minutes"]), running
    if beat and running and moment(at) - moment(beat[0]) > datetime.timedelta(minutes=2 * beat[1]):
        return [f"no checkpoint from {beat[0]} to {at} (entry {seq}) although a daemon was running"]
    return []


def meaning(events, body):
    """Return why an entry cannot be true. `events`: id -> [planned, attempts, closed]; None -> last note, daemons."""
    what, event, destination, facts, actor = (body[k] for k in ("what", "event", "destination", "facts", "actor"))
    if not actor.get("kind") or "user" not in actor:
        return "does not say who acted"
    if what in ("delivery:exempt", "operator:resynced", "audit:forked") and not str(facts.get("reason") or "").strip():
        return "is a person's decision without a reason"
    if what in ("daemon:started", "daemon:stopped"):
        running = events.setdefault(None, (None, set()))[1]
        (running.add if what == "daemon:started" else running.discard)((actor.get("host"), actor.get("pid")))
    if event is None:
        return None
    if what == "event:received":
        twice = event in events
        events[event] = [{item.partition(":")[0] for item in facts["destinations"]}, {}, set()]
        return "receives an event a second time" if twice else None
    if event not in events:
        return "concerns an event that was never received"
    planned, attempts, closed = events[event]
    if what == "event:fulfilled":
        return None if planned <= closed else "calls an event fulfilled that is not"
    if not what.startswith("delivery:") or destination is None:
        return None
    if destination not in planned:
        return "concerns a destination that the event never named"
    attempt = facts.get("attempt")
    if what == "delivery:attempted":
        attempts[destination] = max(attempts.get(destination, 0), attempt)
    elif what in ("delivery:applied", "delivery:confirmed"):
        if type(attempt) is not int or not 0 < attempt <= attempts.get(destination, 0):
            return f"says {what}, but that attempt was never made"
        (closed.add if what == "delivery:confirmed" else closed.discard)(destination)
    elif what == "delivery:exempt":
        closed.add(destination)
    elif what == "delivery:reopened":
        if facts.get("to") == "pending":  # not when it is only read back again
            closed.discard(destination)
    elif what != "delivery:retrying" or facts.get("state") != "applied":
        closed.discard(destination)
    return None


# -- files, however Windows or a mail program saved them --------------------------------------------------------------


def opened(path, newline=None):
    """Open a text for reading: UTF-8, UTF-16 or UTF-32, with or without a byte order mark, with any line ends."""
    with open(path, "rb") as file:
        start = file.read(64)
    even, odd, characters = start[0::2].count(0), start[1::2].count(0), len(start) // 2
    encoding = "utf-8-sig"
    if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        encoding = "utf-32"
    elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif 2 * odd > characters and 10 * even < odd:
        encoding = "utf-16-le"
    elif 2 * even > characters and 10 * odd < even:
        encoding = "utf-16-be"
    return open(path, encoding=encoding, newline=newline)


def read(path):
    with opened(path, newline="") as file:
        try:
            return file.read()
        except UnicodeError:
            raise Unreadable(f"{path}: not a text") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("file")
    parser.add_argument("notes", nargs="*")
    given = parser.parse_args()
    try:
        keys = [parse_key(key) for key in given.key]
        if given.notes:
            notes = [(name, read(name)) for name in given.notes]
            with opened(given.file) as file:
                print("PROVEN:", verify_log(file, notes, keys))
        else:
            content = parsed(read(given.file), given.file)
            must(proofs := content.get("proofs", [content]), "no proof in it")  # a dossier holds several
            print("\n".join(f"PROVEN: {verify_proof(proof, keys)}" for proof in proofs))
    except InvalidSignature:
        sys.exit("NOT PROVEN: a forged signature")
    except Unreadable as error:
        sys.exit(f"CANNOT BE READ: {error}; it is damaged: get it again from where it was kept")
    except (Bad, OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        sys.exit(f"NOT PROVEN: {error or type(error).__name__}")


if __name__ == "__main__":
    main()
