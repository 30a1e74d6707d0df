"""Checkpoints on real databases: when one is made, what it covers, what verification finds, and proofs from it."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from syncer.app import App, open_app
from syncer.audit.offline.inclusion import verify_proof
from syncer.audit.offline.merkle import root
from syncer.audit.offline.notes import open_checkpoint
from syncer.errors import UserError
from syncer.reports.as_json import as_json
from syncer.reports.status import needs_attention
from syncer.service.drain import drain, prepare
from tests.conftest import Clock
from tests.support.attacks.tampering import cut, undone
from tests.support.older import without_comparison
from tests.support.processes import inside as run
from tests.support.processes import inside_json as run_json
from tests.support.processes import started, until
from tests.support.servers import ENGINES
from tests.support.walk import put

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def entries(app: App, count: int) -> None:
    with app.transactions.write() as tx:
        for _ in range(count):
            tx.audit.add("operator:looked_up", facts={"events": 0})


def leaves(app: App) -> list[bytes]:
    return [bytes.fromhex(row["leaf"]) for row in app.ledger.rows()]


def whats(app: App) -> list[str]:
    return [row["what"] for row in app.ledger.rows()]


@everywhere
def test_a_checkpoint_signs_all_entries_its_own_included(app: App) -> None:
    entries(app, 6)

    first = app.checkpoints.make("operator")
    entries(app, 4)
    second = app.checkpoints.make("operator")

    assert first is not None
    assert second is not None
    assert (first.size, second.size) == (7, 12)
    hashes = leaves(app)
    assert first.checkpoint.root == root(hashes[:7])
    assert second.checkpoint.root == root(hashes)
    assert open_checkpoint(second.note, app.origins.public_keys()) == second.checkpoint
    assert whats(app)[6] == whats(app)[11] == "audit:checkpoint"
    assert app.checkpoints.root_at(7) == first.checkpoint.root
    assert app.checkpoints.root_at(9) == root(hashes[:9])
    assert app.checkpoints.root_at(13) is None
    assert app.verify().ok


def test_one_is_due_every_thousand_entries_every_hour_and_also_when_idle(app: App, clock: Clock) -> None:
    checkpoints = app.checkpoints

    assert checkpoints.tick() is None  # an empty log says nothing
    entries(app, 1)
    assert checkpoints.tick() is not None
    entries(app, 998)
    assert checkpoints.tick() is None
    entries(app, 1)
    assert checkpoints.tick() is None
    entries(app, 1)
    made = checkpoints.tick()
    assert made is not None
    assert made.size == 1003
    clock.advance(minutes=59)
    assert checkpoints.tick() is None
    clock.advance(minutes=1)
    assert checkpoints.tick() is not None
    clock.advance(hours=1)
    assert checkpoints.tick() is not None
    facts = [json.loads(row["body"])["facts"] for row in app.ledger.rows() if row["what"] == "audit:checkpoint"]
    assert [item["reason"] for item in facts] == ["entries", "entries", "time", "time"]
    assert [item["previous"] for item in facts] == [0, 2, 1003, 1004]


def test_a_clock_that_runs_back_puts_none_off(app: App, clock: Clock) -> None:
    entries(app, 1)
    app.checkpoints.tick()

    clock.advance(days=-1)

    assert app.checkpoints.tick() is not None


def test_of_two_daemons_one_signs(app: App, clock: Clock) -> None:
    entries(app, 1)
    checkpoints = app.checkpoints
    checkpoints.tick()
    clock.advance(hours=2)
    assert checkpoints.schedule.why_due(checkpoints.size(), checkpoints.newest(), clock()) == "time"

    assert checkpoints.tick() is not None
    assert checkpoints._make("time", due=True) is None  # the other one, which had looked before


def test_at_a_stop_only_what_is_new_is_signed(app: App) -> None:
    entries(app, 3)

    app.notary.finish()
    app.notary.finish()

    assert whats(app).count("audit:checkpoint") == 1


def test_a_spoilt_compact_range_is_replaced_by_the_entries(app: App) -> None:
    entries(app, 5)
    app.checkpoints.make("operator")
    with app.engine.begin() as connection:
        connection.execute(app.tables.checkpoint.update().values(frontier=b"x"))
    entries(app, 3)

    made = app.checkpoints.make("operator")

    assert made is not None
    assert made.checkpoint.root == root(leaves(app))


# -- what verification finds --------------------------------------------------------------------------------


def test_a_tail_that_was_cut_with_its_head_is_found_by_the_note(app: App) -> None:
    entries(app, 5)
    app.notary.make()
    cut(app, 4)

    assert app.ledger.verify().ok
    finding = app.verify()

    assert (finding.ok, finding.first_bad) == (False, 5)
    assert "6 entries were anchored, 4 are here" in finding.reason


def test_a_note_from_elsewhere_finds_what_the_state_folder_cannot(app: App, tmp_path: Path) -> None:
    entries(app, 5)
    made, _ = app.notary.make()
    mail = tmp_path / "mail.note"
    mail.write_text(made.note, encoding="utf-8")
    cut(app, 4)
    for path in app.notes_folder.iterdir():
        path.unlink()

    with open_app(app.settings, clock=app.clock) as later:  # this process saw the rest, and would say so
        assert later.verify().ok
        assert not later.verify([mail]).ok
        assert not later.verify([mail.parent]).ok


def test_a_log_that_was_rewritten_with_the_key_is_found_by_the_note(app: App) -> None:
    entries(app, 5)
    app.notary.make()
    size = app.checkpoints.size()
    cut(app, 2)
    without_comparison(app)
    entries(app, size - 2)

    assert app.ledger.verify().ok
    finding = app.verify()

    assert not finding.ok
    assert "not those that were anchored" in finding.reason


def test_a_state_that_the_log_does_not_bear_out_is_found(app: App) -> None:
    put(app, "erasure", "ada@lovelace.test", "k1")
    prepare(app)
    with app.engine.begin() as connection:
        connection.execute(app.tables.delivery.update().values(state="confirmed", claim_rank=None))

    finding = app.verify()

    assert not finding.ok
    assert "is confirmed in its table, but not in the log" in finding.reason


def test_an_event_that_the_log_never_received_is_found(app: App) -> None:
    put(app, "erasure", "ada@lovelace.test", "k1")
    prepare(app)
    size = app.checkpoints.size()
    undone(app, "DELETE FROM syncer_audit")
    with app.engine.begin() as connection:
        connection.execute(app.tables.head.update().values(seq=0, mac=bytes(32)))
    assert size

    assert "the log never received it" in app.verify().reason


@pytest.mark.slow
@everywhere
def test_a_whole_walk_verifies_against_its_notes_and_its_tables(app: App) -> None:
    for number in range(3):
        put(app, "erasure" if number else "objection", f"p{number}@people.test", f"k{number}")
    put(app, "erasure", "not an address", "bad")
    drain(app)
    app.notary.finish()

    finding = app.verify()

    assert (finding.ok, finding.reason, finding.warnings) == (True, None, ())
    assert finding.anchored.size == finding.entries


def test_a_foreign_file_in_the_state_folder_is_only_worth_a_word(app: App) -> None:
    entries(app, 2)
    app.notary.make()
    (app.notes_folder / "zz-000000000009.note").write_text("somebody's shopping list\n", encoding="utf-8")

    finding = app.verify()

    assert finding.ok
    assert any("passed over" in text for text in finding.warnings)
    app.rollback.require_not_behind()


# -- proofs and commands ------------------------------------------------------------------------------------


@everywhere
def test_an_entry_is_proven_without_a_database(app: App) -> None:
    entries(app, 9)
    app.notary.make()

    proof = app.checkpoints.prove(4)

    keys = [str(key) for key in app.origins.public_keys()]
    assert verify_proof(as_json(proof), keys).seq == 4


def test_what_no_checkpoint_covers_yet_has_no_proof(app: App) -> None:
    entries(app, 1)
    with pytest.raises(UserError, match="audit checkpoint"):
        app.checkpoints.prove(1)
    with pytest.raises(UserError, match="no entry 77"):
        app.checkpoints.prove(77)


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file()
    assert run(path, "init").returncode == 0
    return path


def test_the_commands_from_checkpoint_to_a_proof_that_needs_nothing(settings: Path, tmp_path: Path) -> None:
    run(settings, "find", stdin="ada@lovelace.test")
    made = run_json(settings, "audit", "checkpoint")
    key = run(settings, "audit", "key").stdout.strip()
    proof = tmp_path / "proof.json"

    assert run(settings, "audit", "prove", "1", "--out", str(proof)).returncode == 0
    (tmp_path / "key").write_text(key, encoding="utf-8")
    nowhere = tmp_path / "nowhere.toml"
    for words in (["--key", key], ["--key", str(tmp_path / "key")]):
        done = run(nowhere, "audit", "check-proof", str(proof), *words)
        assert (done.returncode, done.stdout.startswith("proven: entry 1")) == (0, True), done.stderr
    proof.write_text(proof.read_text(encoding="utf-8").replace('\\"v\\":1', '\\"v\\":2'), encoding="utf-8")
    assert run(nowhere, "audit", "check-proof", str(proof), "--key", key).returncode == 1
    assert Path(made["anchors"][0]["place"]).read_text(encoding="utf-8") == made["note"]
    assert "not proven beyond size 2 anchored at" in run(settings, "audit", "verify").stdout
    against = run_json(
        settings, "audit", "verify", "--against", made["anchors"][0]["place"], str(tmp_path / "checkpoints")
    )
    assert (against["ok"], against["entries"]) == (True, 2)
    assert key in run(settings, "init").stdout


def test_mistakes_about_notes_are_one_line_each(settings: Path, tmp_path: Path) -> None:
    for words in (
        ["audit", "verify", "--against", "nowhere.note"],
        ["audit", "verify", "nowhere.note"],
        ["audit", "prove", "5"],
        ["audit", "prove", "0"],
        ["audit", "check-proof", "nowhere.json", "--key", "nowhere"],
        ["audit", "fork", "--reason", "for the fun of it"],
        ["audit", "fork", "--reason", "x"],
        ["replay", "--since", "nowhere", "--reason", "for the fun of it"],
    ):
        done = run(settings, *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (words, done.stderr)
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_daemon_signs_while_it_runs_and_at_its_end(settings: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with started(settings, "run", log=log) as daemon:
        until(lambda: list((tmp_path / "checkpoints").glob("*.note")), 60)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(timeout=60) == 0

    exported = [json.loads(line) for line in run(settings, "audit", "export").stdout.splitlines()]
    assert [row["what"] for row in exported[-2:]] == ["daemon:stopped", "audit:checkpoint"]
    assert json.loads(exported[-1]["body"])["facts"]["reason"] == "stop"
    assert run_json(settings, "status")["audit"]["unsigned"] == 1  # that it was exported


# -- how it stands ------------------------------------------------------------------------------------------


def test_status_says_what_is_signed_and_where_it_is(app: App) -> None:
    entries(app, 2)
    app.notary.make()

    audit = app.status.read().audit

    shown = json.loads(as_json(audit))
    assert {"entries", "head", "origin", "checkpoint", "unsigned", "late", "page", "anchors"} <= set(shown)
    assert shown["checkpoint"]["size"] == audit.entries == 3
    assert audit.anchors["folder"].level == "ok"
    assert (audit.late, audit.page, audit.unsigned) == (False, False, 0)


def test_entries_that_nobody_signs_are_late_after_two_intervals_and_need_a_person_after_a_day(
    app: App, clock: Clock
) -> None:
    entries(app, 1)
    seen = []
    for hours in (1, 1, 21, 1):
        clock.advance(hours=hours)
        status = app.status.read()
        seen.append((status.audit.late, status.audit.page, needs_attention(status)))

    assert seen == [(False, False, False), (True, False, False), (True, False, False), (True, True, True)]
    app.notary.tick()
    assert not needs_attention(app.status.read())


def test_an_anchor_that_fails_is_late_then_pages_and_never_blocks(app: App, clock: Clock, tmp_path: Path) -> None:
    app.notes_folder.parent.joinpath("checkpoints").write_text("a file where the folder should be", encoding="utf-8")
    entries(app, 1)
    levels: list[Any] = []
    for _ in range(5):
        app.notary.tick()
        levels.append(app.notary.standing().anchors[0].level)
        clock.advance(hours=1)
    clock.advance(hours=24)
    app.notary.tick()
    levels.append(app.notary.standing().anchors[0].level)

    assert levels == ["ok", "ok", "late", "late", "late", "page"]
    status = app.status.read()
    assert needs_attention(status)
    assert "cannot be written" in (status.audit.anchors["folder"].error or "")
    put(app, "erasure", "ada@lovelace.test", "k1")
    drain(app)
    assert app.status.read().events.fulfilled == 1

    app.notes_folder.unlink()
    clock.advance(minutes=6)
    app.notary.tick()
    assert app.notary.standing().anchors[0].level == "ok"
    assert not needs_attention(app.status.read())
    assert timedelta(0) <= clock() - (app.notary.standing().anchors[0].at or clock())


@everywhere
def test_who_cannot_sign_wishes_for_it_and_the_next_look_signs_once(app: App, clock: Clock) -> None:
    entries(app, 3)
    app.checkpoints.make("operator")
    clock.advance(seconds=5)
    app.checkpoints.wish()
    assert app.checkpoints.tick() is None, "nothing new is there to be signed"

    entries(app, 1)
    clock.advance(seconds=5)
    made = app.checkpoints.tick()

    assert made is not None
    entries(app, 1)
    assert app.checkpoints.tick() is None, "the wish is fulfilled"
    app.checkpoints.wish()
    clock.advance(hours=0.9)
    assert app.checkpoints.tick() is not None


@everywhere
def test_a_wish_that_nobody_could_fulfil_for_an_hour_is_over(app: App, clock: Clock) -> None:
    entries(app, 3)
    app.checkpoints.make("operator")
    app.checkpoints.wish()
    entries(app, 1)
    before = app.checkpoints.newest()
    assert before is not None

    with app.engine.begin() as connection:
        once = app.tables.once
        connection.execute(once.update().values(until=clock()))

    assert app.checkpoints.tick() is None
