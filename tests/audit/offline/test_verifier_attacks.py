"""The verifiers as an attacker meets them: the product's and the stand-alone script, on the same attacks."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncer.audit.chain import canonical, leaf
from syncer.audit.chain import verify as verify_chain
from syncer.audit.offline.finding import Finding
from syncer.audit.offline.inclusion import ProofError, verify_proof
from syncer.audit.offline.merkle import Frontier
from syncer.audit.offline.notes import Checkpoint, Signer, VerifierKey
from syncer.audit.offline.verifier import examine
from tests.support.attacks.bent_logs import ACTOR, KEY, ORIGIN, SEED, Log, a_log, proof_of
from tests.support.paths import VERIFIER

pytestmark = pytest.mark.slow


def by_product(log: Log, keys: list[VerifierKey] | None = None, accepted: tuple[int, ...] = ()) -> Finding:
    return examine(log.as_table(), [log.notes], keys or [log.signer.verifier], accepted)


@pytest.fixture
def by_script(tmp_path: Path) -> Callable[..., tuple[bool, str]]:
    def judge(log: Log, keys: list[VerifierKey] | None = None, *options: str) -> tuple[bool, str]:
        export = tmp_path / "export.jsonl"
        export.write_text("".join(json.dumps(row) + "\n" for row in log.rows), encoding="utf-8")
        names = []
        for number, (name, text) in enumerate(log.notes):
            path = tmp_path / f"{number:03d}-{name}"
            path.write_text(text, encoding="utf-8")
            names.append(str(path))
        return run_script(keys or [log.signer.verifier], str(export), *names, *options)

    return judge


def run_script(keys: list[VerifierKey], *files: str) -> tuple[bool, str]:
    words = [sys.executable, "-I", str(VERIFIER)]
    for key in keys:
        words += ["--key", str(key)]
    done = subprocess.run([*words, *files], capture_output=True, encoding="utf-8", check=False, timeout=30)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode == 0, done.stdout + done.stderr


def drop(log: Log, seq: int) -> None:
    del log.rows[seq - 1]


def renumbered(log: Log) -> None:
    for number, row in enumerate(log.rows, 1):
        row["seq"] = number
        if row["body"] is not None:
            row["body"] = canonical(json.loads(row["body"]) | {"seq": number}).decode()
    log.reseal(1)


def alter(log: Log) -> None:
    log.rows[4]["body"] = log.rows[4]["body"].replace("fulfilled", "received ")


def alter_and_fit_the_leaf(log: Log) -> None:
    log.rebody(3, facts={"attempt": 1, "action": "unsubscribe"})
    log.rows[2]["leaf"] = leaf(log.rows[2]["body"].encode()).hex()


def alter_and_reseal(log: Log) -> None:
    log.rebody(3, facts={"attempt": 1, "action": "delete", "fence": 9})
    log.reseal(3)


def alter_a_column(log: Log) -> None:
    log.rows[3]["destination"] = "newsletter"


def delete(log: Log) -> None:
    drop(log, 4)


def delete_and_close_the_gap(log: Log) -> None:
    drop(log, len(log.rows) - 1)
    renumbered(log)


def swap(log: Log) -> None:
    log.rows[2], log.rows[3] = log.rows[3], log.rows[2]


def swap_bodies(log: Log) -> None:
    for key in ("body", "leaf", "mac", "what", "at"):
        log.rows[2][key], log.rows[3][key] = log.rows[3][key], log.rows[2][key]


def insert(log: Log) -> None:
    log.rows.insert(3, dict(log.rows[3]))


def insert_and_reseal(log: Log) -> None:
    log.rows.insert(3, dict(log.rows[3]))
    renumbered(log)


def cut_the_tail(log: Log) -> None:
    del log.rows[-2:]


def replace_by_an_older_copy(log: Log) -> None:
    del log.rows[6:]


def roll_back_and_write_on(log: Log) -> None:
    del log.rows[6:]
    log.mac = bytes.fromhex(log.rows[-1]["mac"])
    for name in ("f1", "f2", "f3", "f4"):
        log.event(name)


def replace_the_log(log: Log) -> None:
    other = Log()
    for name in ("o1", "o2", "o3", "o4", "o5"):
        other.event(name)
    log.rows = other.rows


def reseal_old_entries_with_a_newer_key(log: Log) -> None:
    log.rebody(2, facts={"destinations": ["crm:unsubscribe"], "right": "objection"})
    log.reseal(2, b"\x09" * 32)


def forge_a_note(log: Log) -> None:
    name, text = log.notes[-1]
    other = Signer(ORIGIN, b"\x05" * 32).sign(text.rpartition("\n\n")[0] + "\n")
    log.notes[-1] = (name, other)


def forge_a_signature(log: Log) -> None:
    name, text = log.notes[-1]
    head, _, line = text.rpartition(" ")
    raw = bytearray(base64.b64decode(line))
    raw[-1] ^= 1
    log.notes[-1] = (name, f"{head} {base64.b64encode(raw).decode()}\n")


def bend_a_signed_size(log: Log) -> None:
    name, text = log.notes[-1]
    log.notes[-1] = (name, text.replace(f"\n{len(log.rows)}\n", f"\n{len(log.rows) - 1}\n"))


def note_of_another_origin(log: Log) -> None:
    other = Signer("example.org/other", SEED)
    log.notes.append(("other.note", other.sign(Checkpoint("example.org/other", 3, log.root(3)).text())))


def note_of_another_origin_under_our_name(log: Log) -> None:
    log.notes.append(("other.note", log.signer.sign(Checkpoint("example.org/other", 3, log.root(3)).text())))


def shrink(log: Log) -> None:
    log.notes.append(log.notes[0])


def two_faces(log: Log) -> None:
    size = len(log.rows)
    log.notes.append(("second.note", log.signer.sign(Checkpoint(ORIGIN, size, bytes(32)).text())))


def purge_without_an_entry(log: Log) -> None:
    log.purge([2, 3, 4, 5], record=False)


def after_four_years(log: Log) -> None:
    log.now += timedelta(days=4 * 366)


def purge_more_than_recorded(log: Log) -> None:
    after_four_years(log)
    log.purge([2, 3, 4, 5])
    log.rows[6]["body"] = None


def purge_one_more_inside_the_range(log: Log) -> None:
    after_four_years(log)
    log.purge([2, 3, 4, 5], count=3)


def purge_too_young(log: Log) -> None:
    log.purge([2, 3, 4, 5])


def purge_with_a_policy_of_its_own(log: Log) -> None:
    log.purge([2, 3, 4, 5], months=0, before=log.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def purge_with_a_boundary_beyond_its_policy(log: Log) -> None:
    log.purge([2, 3, 4, 5], before=log.now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))


def purge_of_another_root(log: Log) -> None:
    after_four_years(log)
    log.purge([2, 3, 4, 5], root=bytes(32).hex())


def purge_of_what_comes_later(log: Log) -> None:
    after_four_years(log)
    log.purge([2, 3, 4, 5], to=len(log.rows) + 5)


def confirm_without_an_attempt(log: Log) -> None:
    log.event("x", attempt=False)


def confirm_another_attempt(log: Log) -> None:
    log.event("x", confirm=False, fulfil=False)
    log.write("delivery:confirmed", "x", "crm", attempt=2, action="delete", state="confirmed")


def fulfil_too_early(log: Log) -> None:
    log.event("x", confirm=False)


def fulfil_what_was_held_again(log: Log) -> None:
    log.event("x", fulfil=False)
    log.write("delivery:reappeared", "x", "crm", attempt=1)
    log.write("event:fulfilled", "x")


def tell_of_an_unknown_event(log: Log) -> None:
    log.write("delivery:attempted", "nobody", "crm", attempt=1)


def tell_of_an_unknown_destination(log: Log) -> None:
    log.event("x", fulfil=False)
    log.write("delivery:attempted", "x", "elsewhere", attempt=1)


def receive_twice(log: Log) -> None:
    log.write("event:received", "e1", destinations=["crm:delete"])


def decide_without_a_reason(log: Log) -> None:
    log.event("x", confirm=False, fulfil=False)
    log.write("delivery:exempt", "x", "crm", ground="other", reason=" ")


def withdraw_without_a_reason(log: Log) -> None:
    log.event("x", confirm=False, fulfil=False)
    log.write("event:withdrawn", "x", destinations=["crm:asked"])


def answer_an_attempt_that_was_never_made(log: Log) -> None:
    log.event("x", confirm=False, fulfil=False)
    log.write("delivery:exempt", "x", "crm", ground="withdrawn", reason="the wrong person")
    log.write("delivery:answered", "x", "crm", phase="apply", attempt=2, answer="applied")


def garble_a_time(log: Log) -> None:
    log.rebody(3, at="2022-02-31T08:00:00.000000Z")
    log.reseal(3)


def admit_a_smaller_loss_than_there_was(log: Log) -> None:
    """Roll back, and record a fork that cites an older note as the newest one."""
    lost = log.root(11)
    del log.rows[6:]
    log.mac = bytes.fromhex(log.rows[-1]["mac"])
    log.write(
        "audit:forked", reason="restored", origin=f"{ORIGIN}/fork-1", old_origin=ORIGIN,
        anchor={"size": 11, "root": lost.hex()}, shared=6, size=6, root=log.root().hex(),
    )  # fmt: skip


ATTACKS = [
    alter, alter_and_fit_the_leaf, alter_and_reseal, alter_a_column, delete, delete_and_close_the_gap, swap,
    swap_bodies, insert, insert_and_reseal, cut_the_tail, replace_by_an_older_copy, roll_back_and_write_on,
    replace_the_log, reseal_old_entries_with_a_newer_key, forge_a_note, forge_a_signature, bend_a_signed_size,
    note_of_another_origin, note_of_another_origin_under_our_name, shrink, two_faces, purge_without_an_entry,
    purge_more_than_recorded, purge_one_more_inside_the_range, purge_too_young, purge_with_a_policy_of_its_own,
    purge_with_a_boundary_beyond_its_policy, purge_of_another_root, purge_of_what_comes_later,
    confirm_without_an_attempt, confirm_another_attempt, fulfil_too_early, fulfil_what_was_held_again,
    tell_of_an_unknown_event, tell_of_an_unknown_destination, receive_twice, decide_without_a_reason,
    withdraw_without_a_reason, answer_an_attempt_that_was_never_made, garble_a_time,
    admit_a_smaller_loss_than_there_was,
]  # fmt: skip


def honest_purge(log: Log) -> None:
    after_four_years(log)
    log.purge([2, 3, 4, 5])


def purge_that_crashed_half_way(log: Log) -> None:
    after_four_years(log)
    log.purge([2, 3], count=4, to=5)


def second_purge_takes_what_the_first_had_to_keep(log: Log) -> None:
    after_four_years(log)
    log.purge([7, 8, 9, 10], **{"from": 2})
    log.purge([2, 3, 4, 5])


def restore_on_record(log: Log) -> None:
    lost, size = log.root(), len(log.rows)
    del log.rows[8:]
    log.mac = bytes.fromhex(log.rows[-1]["mac"])
    log.write(
        "audit:forked", reason="restored the backup", origin=f"{ORIGIN}/fork-1", old_origin=ORIGIN,
        anchor={"size": size, "root": lost.hex()}, shared=6, size=8, root=log.root().hex(),
    )  # fmt: skip
    log.signer = Signer(f"{ORIGIN}/fork-1", SEED)
    log.sign()


def start_over_and_exempt(log: Log) -> None:
    log.event("x", confirm=False, fulfil=False)
    log.write("delivery:held", "x", "crm", attempt=1, code="newer_consent")
    log.write("delivery:reopened", "x", "crm", reason="by phone", to="pending", **{"from": "held"})
    log.write("delivery:attempted", "x", "crm", attempt=1, action="delete")
    log.write("delivery:held", "x", "crm", attempt=1, code="newer_consent")
    log.write("delivery:exempt", "x", "crm", ground="other", reason="she consented again")
    log.write("event:fulfilled", "x")
    log.sign()


def recheck(log: Log) -> None:
    log.write("delivery:retrying", "e1", "crm", attempt=1, state="applied")
    log.write("delivery:confirmed", "e1", "crm", attempt=1, action="delete", state="confirmed")
    log.write("delivery:reopened", "e1", "crm", reason="looking again", to="applied")
    log.write("event:fulfilled", "e1")


def nothing(log: Log) -> None:
    return


HONEST = [
    nothing, honest_purge, purge_that_crashed_half_way, second_purge_takes_what_the_first_had_to_keep,
    start_over_and_exempt, recheck,
]  # fmt: skip


def keys_of(log: Log) -> list[VerifierKey]:
    return [Signer(ORIGIN, SEED).verifier, log.signer.verifier]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_product_refuses(attack: Callable[[Log], None]) -> None:
    log = a_log()
    attack(log)

    finding = by_product(log)

    assert not finding.ok
    assert finding.reason


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_the_stand_alone_script_refuses(attack: Callable[[Log], None], by_script: Any) -> None:
    log = a_log()
    attack(log)

    proven, output = by_script(log)

    assert not proven, output
    assert "NOT PROVEN: " in output


def test_a_restore_on_record_is_no_attack_and_no_proof_until_the_reader_accepts_it(by_script: Any) -> None:
    log = a_log()
    restore_on_record(log)

    found, told = by_product(log, keys_of(log)), by_product(log, keys_of(log), (9,))
    said, said_told = (by_script(log, keys_of(log), *words) for words in ((), ("--accept-fork", "9")))

    assert (found.ok, found.declared_lost, found.first_bad, told.ok) == (False, True, None, True)
    assert (said[0], said_told[0]) == (False, True)
    assert "12 anchored entries are declared lost by entry 9 (syncer: restored the backup)" in str(found.reason)
    assert str(found.reason) in said[1]
    assert str(found.reason) in said_told[1]


@pytest.mark.parametrize("change", HONEST, ids=lambda change: change.__name__)
def test_both_accept_what_is_honest(change: Callable[[Log], None], by_script: Any) -> None:
    log = a_log()
    change(log)

    finding = by_product(log, keys_of(log))

    assert (finding.ok, finding.reason) == (True, None)
    assert finding.anchored is not None
    proven, output = by_script(log, keys_of(log))
    assert proven, output
    assert f"not proven beyond entry {finding.anchored.size}" in output


@pytest.mark.parametrize(
    ("attack", "first_bad"),
    [
        (alter, 5),
        (delete, 4),
        (swap, 3),
        (insert, 5),
        (cut_the_tail, 17),
        (alter_and_reseal, 1),
        (purge_without_an_entry, 2),
    ],
)
def test_the_first_bad_entry_is_named(attack: Callable[[Log], None], first_bad: int) -> None:
    log = a_log()
    attack(log)

    assert by_product(log).first_bad == first_bad


def test_old_entries_sealed_with_a_newer_key_do_not_fit_the_chain() -> None:
    log = a_log()
    log.reseal(2, b"\x09" * 32)
    rows = [
        (r["seq"], r["at"], r["what"], r["event"], r["destination"], r["body"], bytes.fromhex(r["leaf"]),
         bytes.fromhex(r["mac"]))
        for r in log.rows
    ]  # fmt: skip

    assert verify_chain(rows, lambda _: KEY, (len(rows), rows[-1][7])).first_bad == 2


def test_a_hole_in_the_heartbeats_is_said(by_script: Any) -> None:
    log = Log()
    log.write("daemon:started")
    log.sign()
    log.now += timedelta(hours=5)
    log.sign()

    finding = by_product(log)

    assert finding.ok
    assert any("no checkpoint from" in text for text in finding.warnings)
    assert "no checkpoint from" in by_script(log)[1]


def test_a_silence_without_a_daemon_is_no_warning() -> None:
    log = Log()
    log.sign()
    log.now += timedelta(hours=5)
    log.sign()

    assert by_product(log).warnings == ()


def test_a_time_that_runs_back_is_said(by_script: Any) -> None:
    log = a_log()
    log.now -= timedelta(days=1)
    log.event("late")
    log.sign()

    assert any("runs back" in text for text in by_product(log).warnings)
    assert "runs back" in by_script(log)[1]


@pytest.mark.parametrize(
    ("what", "facts"),
    [
        ("audit:forked", {"reason": "restored", "anchor": "a text"}),
        ("audit:forked", {"reason": "restored", "anchor": {"size": "9"}, "shared": [1]}),
        ("audit:checkpoint", {"every_minutes": 2**53 - 1}),
        ("audit:purged", {"from": "2", "to": None, "count": 1}),
    ],
)
def test_facts_of_another_shape_are_a_verdict_and_never_an_exception(what: str, facts: Any, by_script: Any) -> None:
    log = a_log()
    log.write("daemon:started")
    log.write(what, **facts)
    log.sign()

    assert isinstance(by_product(log), Finding)
    by_script(log)  # shows no traceback


def test_a_daemon_with_a_list_for_its_host_is_a_verdict_and_never_an_exception(by_script: Any) -> None:
    log = a_log()
    log.rebody(1, actor=ACTOR | {"host": ["a"]})
    log.reseal(1)
    log.notes = []
    log.sign()

    assert by_product(log).ok
    by_script(log)  # shows no traceback


@pytest.mark.parametrize("seq", [1, 4, 17])
def test_a_proof_is_accepted_by_both_and_every_bent_one_refused(seq: int, tmp_path: Path) -> None:
    log = a_log()
    proof = proof_of(log, seq)
    bent = list(bendings(proof))
    path = tmp_path / "proof.json"
    path.write_text(json.dumps(proof), encoding="utf-8")

    assert verify_proof(json.dumps(proof), [str(log.signer.verifier)]).seq == seq
    assert run_script([log.signer.verifier], str(path))[0]
    for number, other in enumerate(bent):
        path.write_text(json.dumps(other), encoding="utf-8")
        with pytest.raises(ProofError):
            verify_proof(json.dumps(other), [str(log.signer.verifier)])
        assert not run_script([log.signer.verifier], str(path))[0], number


def test_a_purged_entry_can_still_be_proven() -> None:
    log = a_log()
    honest_purge(log)
    log.sign()

    assert verify_proof(json.dumps(proof_of(log, 3)), [str(log.signer.verifier)]).body is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '"x"', "{" * 5000])
def test_what_is_no_proof_is_one_reason(text: str) -> None:
    with pytest.raises(ProofError):
        verify_proof(text, [str(Signer(ORIGIN, SEED).verifier)])


def bendings(proof: dict[str, Any]) -> Iterator[dict[str, Any]]:
    other = Signer(ORIGIN, b"\x05" * 32)
    yield proof | {"seq": proof["seq"] + 1}
    yield proof | {"seq": 0}
    yield proof | {"body": proof["body"].replace("daemon", "cli")}
    yield proof | {"leaf": hashlib.sha256(b"x").hexdigest()}
    yield proof | {"body": None, "leaf": hashlib.sha256(b"x").hexdigest()}
    yield proof | {"size": proof["size"] - 1}
    yield proof | {"proof": proof["proof"][:-1]}
    yield proof | {"proof": [*proof["proof"], "00" * 32]}
    yield proof | {"note": other.sign(proof["note"].rpartition("\n\n")[0] + "\n")}
    yield proof | {"note": "x"}


def test_a_frontier_and_the_list_of_leaves_agree_on_the_log() -> None:
    log = a_log()
    frontier = Frontier()
    frontier.extend(bytes.fromhex(row["leaf"]) for row in log.rows)

    assert frontier.root() == log.root()
    assert replace(by_product(log), warnings=()).anchored is not None
