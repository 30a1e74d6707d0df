#!/usr/bin/env python3
"""Verify a syncer log, a proof from it, or a dossier, without syncer, its database or any secret.

    python verify_log.py --key KEY [--key KEY ...] export.jsonl NOTE [NOTE ...]     a whole log against signed notes
    python verify_log.py --key KEY proof.json                                       one entry, or a dossier whole

Needs Python 3.11 and `cryptography`. KEY is what `syncer audit key` printed when you were given it; export.jsonl is
`syncer audit export`; the NOTEs are the ones you collected yourself (mail, journal, object store), in the order in
which they came. --accept-fork ENTRY: you were told of the restore that this entry records.

Exit 0: proven. 1: not proven, or a file cannot be read. 2: called wrongly. 3: nothing was found altered, but anchored
entries are declared lost by a restore on record that you did not accept, or not one of your notes agrees.
"""

import argparse
import base64
import calendar
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


class DeclaredLost(Exception):
    """Raised when nothing is wrong but that anchored entries are declared lost, and the reader did not accept it."""


def must(condition, reason):
    """Raise Bad with the reason unless the condition holds."""
    if not condition:
        raise Bad(reason)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def is_int(value):
    return type(value) is int  # to Python, True is one too


# -- signed notes (C2SP signed-note and tlog-checkpoint) ---------------------------------------------------------------


def parse_key(text):
    """Return (name, key id, Ed25519 key) of name+hash+base64; the hash catches typing errors."""
    try:
        name, digest, encoded = text.strip(" \t\r\n\ufeff").split("+", 2)
        raw = unbase64(encoded)
        must(is_name(name) and len(raw) == 33 and raw[:1] == b"\x01", "it has no Ed25519 key")
        key_id = sha(name.encode(), b"\n", raw)[:4]
        must(key_id.hex() == digest, "it was mistyped")
    except (Bad, ValueError) as error:
        raise Bad(f"not a key of the form name+hash+base64: {error}") from None
    return name, key_id, Ed25519PublicKey.from_public_bytes(raw[1:])


def mended(note):
    """Return a note without what Windows and mail programs add to a text.

    That is a byte order mark, other line ends, blanks around lines, lines around it.
    """
    lines = re.split("\r*\n|\r", note.lstrip("\ufeff"))
    return "\n".join(line.replace("\u00a0", " ").strip(" \t") for line in lines).strip("\n") + "\n"


def require_note(note):
    """Raise Unreadable for what is no signed checkpoint in any of its forms; verifies no signature."""
    try:
        parse_note(note)
    except Unreadable:
        parse_note(mended(note))


def open_note(note, keys):
    """Return (origin, size, root) of a note that the log itself signed."""
    return open_signed(note, keys)[:3]


def open_signed(note, keys):
    """Return (origin, size, root, signers) of a note that the log itself signed; each signer is a public key's octets.

    What is signed is compared to the letter.
    """
    try:
        return open_exactly(note, keys)
    except (Bad, Unreadable):
        return open_exactly(mended(note), keys)


def open_exactly(note, keys):
    text, origin, size, root, signed = parse_note(note)
    signers = []
    for name, raw in signed:
        for key_name, key_id, public in keys:
            if (key_name, key_id) == (name, raw[:4]):
                try:
                    public.verify(raw[4:], text.encode())
                except InvalidSignature:
                    raise Bad("a forged signature") from None
                signers += [public.public_bytes_raw()] if name == origin else []
    must(signers, f"not signed by a known key of {origin}")
    return origin, size, root, signers


def parse_note(note):
    """Return (signed text, origin, size, root, signatures as (name, octets)). Raises Unreadable."""
    try:
        text, blank, signatures = note.rpartition("\n\n")
        lines = text.split("\n")
        must(blank and len(lines) >= 3 and all(lines) and signatures.endswith("\n"), "no three lines and a signature")
        must(len(note) <= 65536 and not any(map(is_control, text)), "it is too long, or has control characters")
        origin, size, root = lines[0], lines[1], unbase64(lines[2])
        must(re.fullmatch("0|[1-9][0-9]{0,18}", size) and len(root) == 32, "its size or its root is none")
        return text + "\n", origin, int(size), root, [signature(line) for line in signatures[:-1].split("\n")]
    except (Bad, ValueError) as error:
        raise Unreadable(f"not a signed checkpoint: {error}") from None


def signature(line):
    """Return (name, octets) of a signature line; whose they are is not known yet."""
    dash, name, encoded = line.split(" ")
    raw = unbase64(encoded)
    must(dash == "\u2014" and is_name(name) and len(raw) >= 5, "a malformed signature line")
    return name, raw


def is_name(text):
    return text and text.isprintable() and "+" not in text and not any(map(str.isspace, text))


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
    """Return (origin, size) of the signed log that an entry's path leads to."""
    shape = {"format": str, "seq": int, "body": str, "leaf": str, "size": int, "proof": list, "note": str}
    must(isinstance(proof, dict) and set(proof) == set(shape), "not a proof made by syncer")
    right = all(type(proof[key]) is kind or (key == "body" and proof[key] is None) for key, kind in shape.items())
    must(right and proof["format"] == "syncer-inclusion-v1", "not a proof made by syncer")
    try:
        leaf, path = bytes.fromhex(proof["leaf"]), [bytes.fromhex(sibling) for sibling in proof["proof"]]
    except (ValueError, TypeError):
        raise Bad("not a proof made by syncer") from None
    origin, size, root = open_note(proof["note"], keys)
    index, last, digest = proof["seq"] - 1, size - 1, leaf
    must(0 <= index < size == proof["size"], "the entry lies outside the signed log")
    if proof["body"] is not None:
        must(parse_body(proof["body"], leaf).get("seq") == proof["seq"], "the body is that of another entry")
    for sibling in path:
        must(last > 0 and len(sibling) == 32, "the path is too long")
        if index & 1 or index == last:
            digest = sha(b"\x01", sibling, digest)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            digest = sha(b"\x01", digest, sibling)
        index, last = index >> 1, last >> 1
    must(last == 0 and digest == root, "the path does not lead to the signed root")
    return origin, size


def parse_body(text, leaf):
    """Return what the body of an entry says, if it is the one of the leaf."""
    try:
        must(sha(b"\x00", text.encode()) == leaf, "the body is not the one of the fingerprint")
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise Bad("syncer did not write its body") from None
    must(isinstance(body, dict), "syncer did not write its body")
    return body


# -- the whole log -----------------------------------------------------------------------------------------------------


def verify_log(lines, notes, keys, accepted=()):
    """Verify points 1 to 8 of docs/audit.md; return what is proven, in lines."""
    signed = open_notes(notes, keys)
    log = Log({size for size, *_ in signed})
    for line in filter(str.strip, lines):
        log.take(parsed(line, f"the export behind entry {log.seq}"))
    log.require_purges()
    require_explained(log.rotations, keys)
    return compare(log, signed, accepted)


def open_notes(notes, keys):
    """Return (size, origin, root, name, signers) of each note (3).

    Each is signed by the log, they never shrink, and there is one root for one size.
    """
    signed, last = [], {}
    for name, text in notes:
        try:
            origin, size, root, signers = open_signed(text, keys)
        except (Bad, Unreadable) as error:
            raise Bad(f"{name}: {error}") from None
        before = last.get(origin, (0, root))
        must(size >= before[0], f"{name}: the log shrank between two notes")
        must(size > before[0] or root == before[1], f"{name}: two notes contradict each other about {size} entries")
        last[origin] = size, root
        signed.append((size, origin, root, name, signers))
    return signed


class Log:
    """What was read of a log so far."""

    def __init__(self, wanted):
        self.seq, self.before, self.stack = 0, None, []
        self.wanted, self.roots = wanted, {0: sha()}  # the roots at the sizes of the notes
        self.events, self.purged_events = {}, set()  # see `meaning`
        self.persons = {}  # event -> pseudonym
        self.nobodys, self.brought = set(), set()  # events received without a person; those whose address came since
        self.holes, self.purges, self.forks = [], [], {}
        self.rotations = []  # (entry, old public key, new one): the old key ends there
        self.beat, self.running = None, set()  # the last checkpoint, and which daemons run
        self.remarks = []

    def take(self, row):
        """Verify the next entry."""
        seq, leaf, at, body = require_row(row, self.seq + 1)  # 1, 2, 6
        if self.before and moment(at) < self.before - datetime.timedelta(minutes=5):  # 7: a remark, clocks do err
            self.remarks.append(f"the time runs backwards at entry {seq}")
        if body is None:
            self.holes.append((seq, at))
            self.purged_events.add(row.get("event"))
            if row["what"] == "operator:resynced":  # it goes before events that are not over; it may have named any
                self.bring(set(self.nobodys))
        else:
            must(not (problem := meaning(self.events, body, self.purged_events)), f"entry {seq} {problem}")  # 8
            must(self.is_of_its_person(body), f"entry {seq} is about another person than its event")  # 8
            self.take_of_itself(seq, at, body["what"], body["facts"], body["actor"])
        add(self.stack, seq - 1, leaf)
        if seq in self.wanted:
            self.roots[seq] = root_of(self.stack)
        self.seq, self.before = seq, moment(at)

    def bring(self, events):
        """Note that the address of these events came again: the next name that one of them has is its person's."""
        self.brought |= events & self.nobodys
        self.nobodys -= events

    def is_of_its_person(self, body):
        """Follow whose an event is; say whether an entry names that person, or nobody."""
        what, event, subject, facts = body["what"], body["event"], body.get("subject"), body["facts"]
        named = facts.get("deliveries")
        if what == "operator:resynced" and facts.get("addresses_brought") and isinstance(named, list):
            self.bring({item.partition(":")[0] for item in named if isinstance(item, str)})
        if event is None or event in self.purged_events:
            return True
        if what == "event:received":
            self.persons[event] = subject
            self.nobodys |= {event} if subject is None else set()
        elif subject is not None and self.persons[event] is None and event in self.brought:
            self.persons[event] = subject
        return what == "event:received" or subject is None or subject == self.persons[event]

    def take_of_itself(self, seq, at, what, facts, actor):
        """Verify what the log says of itself and of those who write it."""
        if what == "audit:purged":
            self.purges.append(require_purge(seq, at, facts, root_of(self.stack)))
        elif what == "audit:forked":
            self.forks[seq] = require_fork(seq, facts, actor, root_of(self.stack))
        elif what == "key:rotated":
            self.rotations.append(require_rotation(seq, facts, root_of(self.stack), self.rotations))
        elif what == "audit:checkpoint":  # 7: a running daemon signs every `every_minutes`, come what may
            every = facts.get("every_minutes")
            beat, every = self.beat, every if is_int(every) and 0 < every <= 1440 else 60
            if beat and self.running and moment(at) - beat[0] > datetime.timedelta(minutes=2 * beat[1]):
                self.remarks.append(f"no checkpoint from {beat[0]} to {at} (entry {seq}) although a daemon was running")
            self.beat = moment(at), every
        elif what in ("daemon:started", "daemon:stopped"):
            daemon = actor.get("host"), actor.get("pid")
            if isinstance(daemon[0], str) and is_int(daemon[1]):
                (self.running.add if what == "daemon:started" else self.running.discard)(daemon)

    def require_purges(self):
        """Require that every missing body lies under a purge on record, and that none took more than it says (5)."""
        for hole, at in self.holes:
            cover = [p for p in self.purges if p["from"] <= hole <= p["to"] and at < p["before"] and p["count"] > 0]
            must(cover, f"entry {hole} lost its body, and no purge on record took it")
            min(cover, key=lambda p: p["to"])["count"] -= 1


def compare(log, signed, accepted):
    """Compare a log with the signed states (3), and see that nothing was cut off behind them (4)."""
    for number in accepted:
        must(number in log.forks, f"entry {number}, which was accepted, records no restore")
    proven, agreeing, excusing = 0, 0, set()
    for size, origin, root, name, signers in sorted(signed):
        agrees = log.roots.get(size) == root
        admitting = [] if agrees else [n for n, fork in log.forks.items() if admits(fork, size, origin, root)]
        if not admitting:
            require_in_use(log.rotations, signers, size, name)
        if agrees:
            proven, agreeing = size, agreeing + 1
            continue
        must(admitting or size <= log.seq, f"{name}: {size} entries were anchored, {log.seq} are here: cut off")
        must(admitting, f"{name}: entries {proven + 1} to {size} are not those that were anchored")
        excusing.add(next((number for number in admitting if number in accepted), admitting[0]))
    excused = f", {len(signed) - agreeing} lie in what was declared lost" if excusing else ""
    said = [f"{log.seq} entries, {agreeing} notes agree{excused}; not proven beyond entry {proven}", *log.remarks]
    said += [f"a restore is on record: {lost(number, fork)}" for number, fork in log.forks.items()]
    # a number is no proof: whoever was told of a restore must hold a note that agrees as well
    if unproven := sorted(excusing - set(accepted if proven else ())):
        alone = "; it was accepted, but not one note agrees with what is here"
        reasons = [lost(number, log.forks[number]) + (alone if number in accepted else "") for number in unproven]
        raise DeclaredLost("; ".join(reasons), *said)
    return said


def require_rotation(seq, facts, root, before):
    """Return (entry, old public key, new one) of an entry that says which key ended with it, and which follows."""
    try:
        old, new = (parse_key(facts[key])[2].public_bytes_raw() for key in ("old_public_key", "new_public_key"))
    except (Bad, ValueError, AttributeError, KeyError, TypeError):
        raise Bad(f"entry {seq} replaces a key without naming the old and the new one") from None
    ids = facts.get("old_key"), facts.get("new_key")
    named = old != new and ids[0] != ids[1] and all(isinstance(key_id, str) for key_id in ids)
    must(named, f"entry {seq} replaces a key without naming the old and the new one")
    must(facts.get("size") == seq - 1 and facts.get("root") == root.hex(), f"entry {seq} replaces another log's key")
    must(not before or before[-1][2] == old, f"entry {seq} replaces a key that was not the log's")
    return seq, old, new


def require_in_use(rotations, signers, size, name):
    """Require that one of the keys which signed a note was in use then: who stole an old one signs nothing new (3)."""
    for public in signers:
        ended = [seq for seq, old, _ in rotations if old == public and size > seq]
        early = [seq for seq, _, new in rotations if new == public and size <= seq]
        if not ended and not early:
            return
    when = f"was replaced at entry {ended[0]}" if ended else f"was not in use before entry {early[0] + 1}"
    raise Bad(f"{name}: forged: signed with a key that {when}")


def require_explained(rotations, keys):
    """Require that the log says where each of several keys of one name ended: else it may end before that, or lie."""
    known = {public for _, old, new in rotations for public in (old, new)}
    for name in {name for name, _, _ in keys}:
        publics = {public.public_bytes_raw() for key_name, _, public in keys if key_name == name}
        must(
            len(publics) == 1 or publics <= known, f"{name} has {len(publics)} keys, but no entry says where one ended"
        )


def require_row(row, seq):
    """Return (seq, leaf, time, body) of the line that should be entry `seq`; the body is None once it is purged."""
    must(isinstance(row, dict), f"entry {seq} is not a line of an export")
    must(is_int(row.get("seq")) and row["seq"] == seq, f"entry {seq} is missing or out of order")
    columns = [row.get(key) for key in ("what", "event", "destination")]
    must(isinstance(columns[0], str), f"entry {seq} was altered")
    must(all(name is None or isinstance(name, str) for name in columns[1:]), f"entry {seq} was altered")
    must(isinstance(row.get("leaf"), str) and re.fullmatch("[0-9a-f]{64}", row["leaf"]), f"entry {seq} was altered")
    must(moment(row.get("at")), f"entry {seq} was altered: its time cannot be read")
    leaf, body = bytes.fromhex(row["leaf"]), row.get("body")
    if body is not None:
        must(isinstance(body, str), f"entry {seq} was altered")
        try:
            body = parse_body(body, leaf)
        except Bad as error:
            raise Bad(f"entry {seq} was altered: {error}") from None
        must(is_int(body.get("seq")) and body["seq"] == seq, f"entry {seq} was moved")
        same = all(key in body and row.get(key) == body[key] for key in ("at", "what", "event", "destination"))
        must(same, f"entry {seq} was altered: its columns differ from its body")
    return seq, leaf, row["at"], body


def parsed(text, what):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable(f"{what}: not JSON") from None


def moment(text):
    """Return the time that the log's own form spells, None for everything else."""
    if not isinstance(text, str) or not re.fullmatch(r"[12]\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text, re.ASCII):
        return None
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        return None


def require_purge(seq, at, facts, root):
    """Return a purge's facts if it names its range, its policy (12 to 240 months) and the root before it."""
    numbers = all(is_int(facts.get(key)) for key in ("from", "to", "count", "months", "size"))
    must(numbers and facts["count"] >= 0 and 0 < facts["from"] <= facts["to"] < seq, f"the purge {seq} is impossible")
    must(12 <= facts["months"] <= 240, f"the purge {seq} has an impossible policy")
    year, month = divmod(int(at[:4]) * 12 + int(at[5:7]) - 1 - facts["months"], 12)
    day = min(int(at[8:10]), calendar.monthrange(year, month + 1)[1])
    boundary = moment(facts.get("before"))
    must(
        boundary and boundary <= moment(at).replace(year=year, month=month + 1, day=day),
        f"the purge {seq} took entries younger than its policy",
    )
    must(facts["size"] == seq - 1 and facts.get("root") == root.hex(), f"the purge {seq} is of another log")
    return dict(facts)


def require_fork(seq, facts, actor, root):
    """Return a restore on record if it names the lost signed state, what of it is here, and the root before."""
    anchor = facts.get("anchor") if isinstance(facts.get("anchor"), dict) else {}
    size, shared, who = anchor.get("size"), facts.get("shared"), actor["user"]
    must(is_int(size) and is_int(shared) and 0 <= shared < size and shared < seq, f"the restore {seq} is impossible")
    named = isinstance(facts.get("old_origin"), str) and isinstance(anchor.get("root"), str)
    must(named and len(anchor["root"]) == 64, f"the restore {seq} does not say what was lost")
    must(facts.get("size") == seq - 1 and facts.get("root") == root.hex(), f"the restore {seq} is of another log")
    return facts | {"lost": anchor, "who": who if isinstance(who, str) else "?"}


def lost(seq, fork):
    number = fork["lost"]["size"] - fork["shared"]
    return f"{number} anchored entries are declared lost by entry {seq} ({fork['who']}: {fork['reason']})"


def admits(fork, size, origin, root):
    """Say whether a signed state lies in what a restore on record declares lost."""
    cited = size != fork["lost"]["size"] or root.hex() == fork["lost"]["root"]
    return fork["old_origin"] == origin and fork["shared"] < size <= fork["lost"]["size"] and cited


NEEDS_REASON = {
    "delivery:exempt", "delivery:attested", "event:withdrawn", "operator:resynced", "audit:forked", "key:rotated",
    "guard:released", "guard:refused", "operator:proposed", "operator:approved", "operator:rejected",
}  # fmt: skip
# how a delivery is closed -> the fact that says why; that it was read back, `confirmed` alone says
CLOSED = {"confirmed": "", "exempt": "ground", "accepted": "", "attested": "answer", "not_applicable": "code"}
# what a recipient answered to an attempt
ANSWERS = ("delivery:applied", "delivery:confirmed", "delivery:accepted")


def meaning(events, body, purged_events):
    """Return why an entry cannot be true. `events`: id -> [destination -> action, attempts, closed destinations]."""
    what, event, destination = body["what"], body["event"], body["destination"]
    facts, actor = body.get("facts"), body.get("actor")
    if not isinstance(facts, dict) or not isinstance(actor, dict):
        return "has no facts, or does not say who acted"
    if not isinstance(actor.get("kind"), str) or not actor["kind"] or "user" not in actor:
        return "does not say who acted"
    reason = isinstance(facts.get("reason"), str) and facts["reason"].strip()
    if what in NEEDS_REASON and not reason:
        return "is a person's decision without a reason"
    if event is None or event in purged_events:
        return None
    if what == "event:received":
        destinations = facts.get("destinations")
        if event in events or not isinstance(destinations, list) or not all(isinstance(d, str) for d in destinations):
            return "receives an event a second time, or without its destinations"
        events[event] = [plan_of(destinations), {}, set()]
        return None if len(events[event][0]) == len(destinations) else "names a destination twice"
    if event not in events:
        return "concerns an event that was never received"
    plan, attempts, closed = events[event]
    if what == "event:fulfilled":
        return None if set(plan) <= closed else "calls an event fulfilled that is not"
    if not what.startswith("delivery:") or destination is None:
        return None
    if destination not in plan:
        return "concerns a destination that the event never named"
    if what == "delivery:previewed":  # a look at what would happen: it moves nothing, and is no attempt
        other = facts.get("action") != plan[destination]
        return f"is of another action than was planned at {destination}" if other else None
    if what == "delivery:answered":  # after it was closed: it moves nothing
        attempt = facts.get("attempt")
        made = is_int(attempt) and 0 < attempt <= attempts.get(destination, 0)
        return None if made else "is an answer, but that attempt was never made"
    if what == "delivery:attempted" or what in ANSWERS:
        attempt, made = facts.get("attempt"), attempts.get(destination, 0)
        if not is_int(attempt) or attempt < 1 or (what != "delivery:attempted" and attempt > made):
            return f"says {what}, but that attempt was never made"
        if facts.get("action") != plan[destination]:
            return f"is of another action than was planned at {destination}"
        attempts[destination] = max(made, attempt)
    if what == "delivery:not_applicable" and not (isinstance(facts.get("code"), str) and facts["code"].strip()):
        return "says that nobody could be asked, and not why"
    if what.partition(":")[2] in CLOSED:
        closed.add(destination)
    elif what == "delivery:reopened":
        if facts.get("to") == "pending":  # not when it is only read back again
            closed.discard(destination)
    elif what != "delivery:attempted" and (what != "delivery:retrying" or facts.get("state") != "applied"):
        closed.discard(destination)
    return None


def plan_of(destinations):
    """Return destination -> action of `name:action` each; the action is None where the right is not known."""
    parts = [item.partition(":") for item in destinations]
    return {name: None if action in ("", "-") else action for name, _, action in parts}


# -- a dossier: what it claims of a person, held against its proven entries --------------------------------------------

KEY_ENTRIES = {
    "event:received", "event:held", "event:extended", "event:withdrawn", "event:fulfilled", "delivery:confirmed",
    "delivery:held", "delivery:exempt", "delivery:accepted", "delivery:attested", "delivery:not_applicable",
    "delivery:reappeared", "identity:shredded",
}  # fmt: skip
ENTRY = ("seq", "at", "what", "event", "destination", "actor", "facts")
RECEIVED = ("right", "event_key", "source", "source_ref", "received_at")
DATES = ("due_on", "legal_due_on", "extended_at", "informed_on")
EVENT = {
    *RECEIVED, *DATES, "id", "case", "subject", "state", "ending", "fulfilled_at", "shredded_at", "deliveries", "audit",
}  # fmt: skip
STATES = ("fulfilled", "held", "open")
ENDINGS = ("everywhere", "answered", "with_exception", "withdrawn", "nobody")
EVIDENCE = (
    "first_confirmed_at", "read_back", "notes", "confirmed_seq", "held_at", "detail", "reason", "decided_by",
    "decided_at", "reappeared", "accepted_at", "order", "accepted_seq", "attested_at", "attested_by", "answered_on",
    "attested_reason", "evidence_sha256", "not_applicable_at",
)  # fmt: skip
DAYS = ("settles_on", "lapses_on")
DELIVERY = {*EVIDENCE, *DAYS, "destination", "action", "state", "outcome", "code"}


def verify_file(text, name, keys):
    """Return what a proof or a dossier proves, in lines."""
    content = parsed(text, name)
    if not isinstance(content, dict) or "proofs" not in content:
        return proven_lines(content, verify_proof(content, keys))
    proofs = content["proofs"]
    must(isinstance(proofs, list) and proofs, "no proof in it")
    logs = [verify_proof(proof, keys) for proof in proofs]
    must(len(set(logs)) == 1, "its proofs are under different notes")
    try:
        unproven = verify_dossier(content, proofs)
    except (TypeError, KeyError, AttributeError, ValueError, RecursionError):
        raise Bad("not a dossier made by syncer") from None
    lines = [line for proof, log in zip(proofs, logs, strict=True) for line in proven_lines(proof, log)]
    return [*lines, f"the rest of the file is unproven: {', '.join(sorted(unproven))}"]


def proven_lines(proof, log):
    where = f"PROVEN: entry {proof['seq']} stands among the first {log[1]} entries of {log[0]}"
    return [where, proof["body"] or "(purged)"]


def verify_dossier(content, proofs):
    """Hold all claims against the proven entries; return what neither proves nor contradicts, as keys and entries."""
    bodies, told = {}, set()
    for proof in proofs:
        seq, text = proof["seq"], proof["body"]
        must(text is not None, f"entry {seq} has no body (purged, or left out): what the file says of it is unproven")
        bodies[seq] = body = json.loads(text)
        whole = all(key in body for key in ENTRY) and isinstance(body["facts"], dict) and isinstance(body["what"], str)
        must(whole, f"syncer did not write the body of entry {seq}")
    events, summary = content["events"], content["summary"]
    must(len(bodies) == len(proofs) and isinstance(events, list), "not a dossier made by syncer")
    must(len({event["id"] for event in events}) == len(events), "it tells of an event twice")
    unproven = {key for key in content if key not in ("events", "proofs", "subject", "summary")}
    for event in events:
        same(f"event {event['id']}: subject", event["subject"], content["subject"])
        told |= verify_event(event, bodies, unproven)
    must(told == set(bodies), "an entry is proven that belongs to no event of the dossier")
    states, endings = [event["state"] for event in events], [event["ending"] for event in events]
    counts = {"requests": len(events), "overdue": sum(event["overdue"] is True for event in events)}
    counts["answered_late"] = sum(event["late"] is True and event["state"] == "fulfilled" for event in events)
    counts |= {ending: endings.count(ending) for ending in ENDINGS}
    if "answered" not in summary and not counts["answered"]:
        del counts["answered"]  # a dossier that was made before that word existed
    same("summary", summary, counts | {state: states.count(state) for state in STATES})
    return unproven


def verify_event(event, bodies, unproven):
    """Hold a request against its proven entries; return their numbers."""
    place, own, before = f"event {event['id']}", [], 0
    for entry in event["audit"]:
        seq = entry["seq"]
        ordered = is_int(seq) and seq > before and entry["event"] == event["id"]
        must(ordered, f"{place}: its timeline is out of order, or another event's")
        before = seq
        if seq in bodies:
            same(f"entry {seq}", entry, {key: bodies[seq][key] for key in ENTRY})
            own.append(bodies[seq])
        else:
            must(entry["what"] not in KEY_ENTRIES, f"entry {seq} ({entry['what']}) has no proof")
            unproven.add(f"entry {seq}")
    received = [body for body in own if body["what"] == "event:received"]
    must(len(received) == 1, f"{place}: there is no proof of its event:received")
    facts = received[0]["facts"]
    same(f"{place}: case", event["case"], received[0]["seq"])
    for key in RECEIVED:
        same(f"{place}: {key}", event[key], facts[key])
    named = [body for body in [*received, *own] if body.get("subject") is not None]
    for body in named:  # all of one person: whose request it was when it came
        same(f"entry {body['seq']} is about another person", body["subject"], named[0]["subject"])
        same(f"{place}: subject", event["subject"], body["subject"])
    if received[0].get("subject") is None and event["subject"] is not None:
        unproven.add("events.subject")  # known since its address came again, which the whole log shows
    extended = last_of(own, "event:extended")
    days = extended["facts"] if extended else facts
    dates = days["due_on"], days.get("legal_due_on"), extended and extended["at"], days.get("informed_on")
    for key, value in zip(DATES, dates, strict=True):
        same(f"{place}: {key}", event[key], value)
    verify_end(place, event, own)
    verify_deliveries(place, event, plan_of(facts["destinations"]), own, unproven)
    unproven |= {f"events.{key}" for key in event if key not in EVENT}
    return {body["seq"] for body in own}


def verify_end(place, event, own):
    """Hold against the proven entries whether, and since when, a request is fulfilled or held."""
    state, fulfilled, held = event["state"], last_of(own, "event:fulfilled"), last_of(own, "event:held")
    must(state in STATES, f"{place}: its state is none")
    if state == "fulfilled":
        undone = last_of(own, "event:held", "delivery:held", "delivery:reappeared")
        so = fulfilled and not event["overdue"] and (not undone or undone["seq"] < fulfilled["seq"])
        must(so, f"{place}: its proven entries do not say that it is fulfilled")
    elif state == "held":
        so = held and (not fulfilled or fulfilled["seq"] < held["seq"])
        must(so, f"{place}: its proven entries do not say that it is held")
    same(f"{place}: fulfilled_at", event["fulfilled_at"], fulfilled["at"] if state == "fulfilled" else None)
    if event["shredded_at"] is not None:  # its address may have come again since
        shredded = last_of(own, "identity:shredded")
        same(f"{place}: shredded_at", event["shredded_at"], shredded and shredded["at"])
    must(event["overdue"] is not True or event["late"] is True, f"{place}: it is overdue, and not called late")


def verify_deliveries(place, event, plan, own, unproven):
    """Hold what a request became at each recipient against the proven entries."""
    deliveries = event["deliveries"]
    names = sorted(delivery["destination"] for delivery in deliveries)
    must(names == sorted(plan), f"{place}: its deliveries are not those that were planned")
    same(f"{place}: ending", event["ending"], ending_of(plan, own) if event["state"] == "fulfilled" else None)
    whole = len(own) > 1 and own[1]["what"] == "event:held"  # held as it came: all its deliveries are
    for delivery in deliveries:
        name, state = delivery["destination"], delivery["state"]
        where, told = f"{place} at {name}", [body for body in own if body["destination"] == name]
        last = told[-1]["what"] if told else "delivery:held" if whole else ""
        same(f"{where}: action", delivery["action"], plan[name])
        through = event["state"] != "fulfilled" or last.partition(":")[2] in CLOSED
        must(through, f"{where}: its proven entries do not say that it is through")
        if state in CLOSED or state == "held":
            same(f"{where}: state", f"delivery:{state}", last)
        else:
            unproven.add("events.deliveries.state")
        if state == "confirmed":
            same(f"{where}: outcome", delivery["outcome"], told[-1]["facts"].get("outcome"))
        else:
            unproven.add("events.deliveries.outcome")
        closing = told[-1]["facts"] if state in CLOSED else {}
        if state in CLOSED:
            same(f"{where}: code", delivery["code"], closing.get(CLOSED[state]))
        else:
            unproven.add("events.deliveries.code")
        for key in DAYS:
            same(f"{where}: {key}", delivery.get(key), closing.get(key))
        evidence = evidence_of(told)
        for key in EVIDENCE:
            same(f"{where}: {key}", delivery.get(key), evidence.get(key))
        unproven |= {f"events.deliveries.{key}" for key in delivery if key not in DELIVERY}


def ending_of(plan, own):
    """Return how a fulfilled request ended, by the last proven entry of each delivery."""
    if not plan:
        return "nobody"
    last = {body["destination"]: body for body in own if body["destination"] in plan}
    grounds = [body["facts"].get("ground") for body in last.values() if body["what"] == "delivery:exempt"]
    if "withdrawn" in grounds:
        return "withdrawn"
    if grounds:
        return "with_exception"
    unseen = {"delivery:accepted", "delivery:attested", "delivery:not_applicable"}
    return "answered" if any(body["what"] in unseen for body in last.values()) else "everywhere"


def evidence_of(told):
    """Return what proven entries say of a delivery, under the keys of a dossier."""
    evidence = {}
    for body in told:
        what, at, facts = body["what"], body["at"], body["facts"]
        if what == "delivery:confirmed":
            evidence.setdefault("first_confirmed_at", at)
            evidence["read_back"] = steps_of(facts)
            evidence |= {"notes": facts.get("notes", []), "confirmed_seq": body["seq"]}
        elif what == "delivery:held":
            evidence |= {"held_at": at, "detail": facts.get("detail")}
        elif what == "delivery:exempt":
            evidence |= {"reason": facts.get("reason"), "decided_by": body["actor"].get("user"), "decided_at": at}
        elif what == "delivery:accepted":
            evidence |= {"accepted_at": at, "order": steps_of(facts), "accepted_seq": body["seq"]}
        elif what == "delivery:attested":
            evidence |= {"attested_at": at, "attested_by": body["actor"].get("user"), "answered_on": facts.get("on")}
            evidence |= {"attested_reason": facts.get("reason"), "evidence_sha256": facts.get("evidence_sha256")}
        elif what == "delivery:not_applicable":
            evidence["not_applicable_at"] = at
        elif what == "delivery:reappeared":
            evidence["reappeared"] = evidence.get("reappeared", 0) + 1
    return evidence


def steps_of(facts):
    return [{"status": None, **step} for step in facts.get("steps", [])]


def last_of(bodies, *whats):
    return next((body for body in reversed(bodies) if body["what"] in whats), None)


def same(place, claimed, proven):
    # as JSON: to Python, true and 1 are equal
    equal = json.dumps(claimed, sort_keys=True) == json.dumps(proven, sort_keys=True)
    must(equal, f"{place}: the file does not say what its proven entry says")


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


def read_note(path):
    text = read(path)
    try:
        require_note(text)
    except Unreadable as error:
        raise Unreadable(f"{path}: {error}") from None
    return path, text


# -- the answer --------------------------------------------------------------------------------------------------------


def shown(text):
    """Return a text with all that a terminal obeys, that ends a line or turns the direction of writing, visible."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def answer(keys, file, notes=(), accepted=()):
    """Return (exit code, what is said, in lines): 0 proven, 1 not proven or not to be read, 3 declared lost."""
    try:
        keys = [parse_key(key) for key in keys]
        if not notes:
            return 0, verify_file(read(file), file, keys)
        notes = [read_note(name) for name in notes]  # a damaged one is named before anything is judged
        with opened(file) as lines:
            first, *more = verify_log(lines, notes, keys, accepted)
            return 0, [f"PROVEN: {first}", *more]
    except DeclaredLost as error:
        return 3, [f"NOT PROVEN: {error.args[0]}", *error.args[1:]]
    except Unreadable as error:
        return 1, [f"CANNOT BE READ: {error}; it is damaged: get it again from where it was kept"]
    except UnicodeDecodeError:
        return 1, [f"CANNOT BE READ: {file}: not a text; it is damaged: get it again from where it was kept"]
    except (Bad, OSError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        return 1, [f"NOT PROVEN: {error or type(error).__name__}"]


def main():
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.error = lambda problem: parser.exit(2, shown(f"called wrongly: {problem}; see --help") + "\n")
    parser.add_argument("--key", action="append", required=True)
    parser.add_argument("--accept-fork", action="append", type=int, default=[], metavar="ENTRY")
    parser.add_argument("file")
    parser.add_argument("notes", nargs="*")
    given = parser.parse_args()
    code, lines = answer(given.key, given.file, given.notes, given.accept_fork)
    print(*map(shown, lines), sep="\n", file=sys.stderr if code else sys.stdout)
    sys.exit(code)


if __name__ == "__main__":
    main()
