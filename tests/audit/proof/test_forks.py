"""A restored database: nothing is written to it, a person records the loss, and what the backup undid is repeated."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.audit.proof.rollback import Behind
from syncer.errors import UserError
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.backups import backup, restore
from tests.support.older import without_comparison
from tests.support.processes import inside as run
from tests.support.processes import inside_json as run_json
from tests.support.session.opened import until_the_end
from tests.support.walk import put, rows, states

#: computes for long, so it runs with the long tests
pytestmark = pytest.mark.slow

PERSON = "ada@lovelace.test"
OTHER = "grace@hopper.test"
WRITING = (
    ["drain"], ["submit", "erasure"], ["find"],
    ["pause", "crm", "--reason", "for a while"], ["resume", "crm", "--reason", "for a while"], ["audit", "export"],
    ["audit", "checkpoint"], ["report"], ["run"],
)  # fmt: skip
READING = (["status"], ["events"], ["audit", "key"], ["audit", "verify"])


@pytest.fixture
def settings(settings_file: Callable[..., Path]) -> Path:
    path = settings_file(recheck_days="[]")
    assert run(path, "init").returncode == 0
    return path


def reopened(app: App, settings: Path, clock: Clock) -> App:
    app.close()
    return until_the_end(open_app(load_settings(settings), clock=clock))


def standing(settings: Path) -> dict[str, Any]:
    """What `status` says, but for how the last verification ended: that is kept, also where it failed."""
    status: dict[str, Any] = run_json(settings, "status")
    del status["audit"]["last_verification"]
    return status


@pytest.mark.slow  # every command as a process
def test_no_command_writes_to_a_restored_database_and_each_says_why_in_one_line(settings: Path, tmp_path: Path) -> None:
    run(settings, "submit", "erasure", stdin=PERSON)
    run(settings, "drain")
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    run(settings, "submit", "objection", stdin=OTHER)
    run(settings, "drain")
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    before = standing(settings)

    for words in WRITING:
        done = run(settings, *words, stdin=PERSON)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (words, done.stderr)
        assert "audit fork --reason" in done.stderr
        assert done.stdout == ""
    for words in READING:
        assert run(settings, *words).returncode in (0, 1), words
    assert standing(settings) == before
    verdict = run_json(settings, "audit", "verify")
    assert (verdict["ok"], verdict["first_bad"]) == (False, verdict["entries"] + 1)


def test_a_fork_on_record_opens_the_log_again_under_a_new_name(settings: Path, tmp_path: Path) -> None:
    run(settings, "submit", "erasure", stdin=PERSON)
    run(settings, "drain")
    first = run_json(settings, "audit", "key")["keys"]
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    run(settings, "submit", "objection", stdin=OTHER)
    run(settings, "drain")
    lost = run_json(settings, "status")["audit"]["entries"]
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")

    made = run_json(settings, "audit", "fork", "--reason", "the disk died, backup of 8 o'clock")

    assert made["lost"]["size"] == lost
    assert made["origin"].endswith("/fork-1")
    keys = run_json(settings, "audit", "key")["keys"]
    assert keys == [*first, made["key"]]
    accepted = ("--accept-fork", str(made["seq"]))
    assert run(settings, "audit", "verify").returncode == 3
    assert run_json(settings, "audit", "verify", *accepted)["ok"]
    assert run(settings, "audit", "fork", "--reason", "and once more").returncode == 2
    assert run(settings, "submit", "objection", stdin=OTHER).returncode == 0
    assert run(settings, "drain").returncode == 0
    finding = run_json(settings, "audit", "verify", "--against", str(tmp_path / "checkpoints"), *accepted)
    assert finding["ok"], finding["reason"]
    assert any("records a restore" in text for text in finding["warnings"])
    assert finding["anchored"]["origin"] == made["origin"]
    entry = next(
        json.loads(line) for line in run(settings, "audit", "export").stdout.splitlines() if "audit:forked" in line
    )
    facts = json.loads(entry["body"])["facts"]
    assert facts["anchor"]["size"] == lost
    assert facts["reason"].startswith("the disk died")


def test_a_second_restore_is_a_second_fork(app: App, clock: Clock, tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    for number in (1, 2):
        put(app, "erasure", PERSON, f"k{number}")
        drain(app)
        app.notary.finish()
        backup(tmp_path / "syncer.db", tmp_path / "kept.db")
        put(app, "objection", OTHER, f"o{number}")
        drain(app)
        app.notary.finish()
        app.close()
        restore(tmp_path / "kept.db", tmp_path / "syncer.db")
        app = reopened(app, settings, clock)
        with pytest.raises(Behind):
            drain(app)

        assert app.forks.record(f"restored, number {number}").origin.endswith(f"/fork-{number}")
        app = reopened(app, settings, clock)
        drain(app)
        assert app.verify().declared_lost
        finding = app.verify(accepted=[fork.seq for fork in app.verify().forks])
        assert finding.ok, finding.reason
    app.close()


def test_a_database_made_anew_beside_old_notes_is_refused(settings: Path, tmp_path: Path) -> None:
    run(settings, "find", stdin=PERSON)
    run(settings, "audit", "checkpoint")
    for path in tmp_path.glob("syncer.db*"):
        path.unlink()
    assert run(settings, "init").returncode == 0

    done = run(settings, "drain")

    assert done.returncode == 2
    assert "but 2 were anchored" in done.stderr


def test_a_database_that_was_written_on_after_the_restore_is_refused_too(
    app: App, clock: Clock, tmp_path: Path
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    app.notary.finish()
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    put(app, "erasure", OTHER, "k2")
    prepare(app)
    app.notary.finish()
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    app = reopened(app, tmp_path / "settings.toml", clock)
    without_comparison(app)
    for number in range(9):
        put(app, "erasure", OTHER, f"other{number}")
    prepare(app)
    app = reopened(app, tmp_path / "settings.toml", clock)

    with pytest.raises(Behind, match="holds other entries than"):
        drain(app)

    fork = app.forks.record("somebody wrote on after a restore")
    assert fork.shared == 2
    assert app.verify(accepted=[fork.seq]).ok
    app.close()


def test_a_restore_under_a_running_daemon_is_seen_before_the_next_note(app: App, tmp_path: Path, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    app.notary.tick()
    app.engine.dispose()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    clock.advance(hours=2)

    with pytest.raises(Behind):
        app.notary.tick()
    with pytest.raises(Behind):
        prepare(app)


def test_a_note_from_elsewhere_forks_where_the_folder_was_restored_too(app: App, clock: Clock, tmp_path: Path) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    made, _ = app.notary.make()
    mail = tmp_path / "mail.txt"
    mail.write_text(made.note, encoding="utf-8")
    shutil.rmtree(app.notes_folder)
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    app = reopened(app, tmp_path / "settings.toml", clock)
    with pytest.raises(UserError, match="--against"):
        app.forks.record("restored the whole machine")

    fork = app.forks.record("restored the whole machine", mail)
    assert fork.lost.size == made.size
    assert app.verify().ok  # nothing here contradicts the log
    assert app.verify([mail]).declared_lost
    assert app.verify([mail], [fork.seq]).ok
    app.close()


# -- replay -------------------------------------------------------------------------------------------------


def test_a_replay_reads_back_what_was_confirmed_since_and_acts_where_the_person_is_back(
    make_app: Callable[..., App], clock: Clock, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    app = make_app(recheck_days="[1, 7]")
    app.notary.make()
    (first,) = app.notes_folder.iterdir()
    clock.advance(minutes=5)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.finish()
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    put(app, "erasure", OTHER, "k2")
    drain(app)
    app.notary.finish()
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    mailchimp.add(PERSON, AUDIENCES[0])  # the site's own backup brought the person back
    app = reopened(app, tmp_path / "settings.toml", clock)
    with pytest.raises(UserError, match="no fork is on record"):
        app.replays.plan(first, None)
    fork = app.forks.record("restored the backup")

    replay = app.replays.plan(first, None)

    assert [(item.destination, item.from_, item.to) for item in replay.plan.deliveries] == [
        ("crm", "confirmed", "applied"),
        ("newsletter", "confirmed", "applied"),
    ]
    app.replays.carry_out(replay, "after the restore")
    drain(app)
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    assert {state for state, _, _ in states(app).values()} == {"confirmed"}
    assert app.verify(accepted=[fork.seq]).ok
    app.close()


def test_a_replay_lists_what_only_the_lost_part_knew(app: App, clock: Clock, tmp_path: Path) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.finish()
    (note,) = app.notes_folder.iterdir()
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    put(app, "objection", OTHER, "k2")
    drain(app)
    app.notary.finish()
    export = tmp_path / "export.jsonl"
    export.write_text("".join(json.dumps(row) + "\n" for row in app.ledger.rows()), encoding="utf-8")
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    app = reopened(app, tmp_path / "settings.toml", clock)
    app.forks.record("restored the backup")

    (lost,) = app.replays.plan(note, export).lost

    assert (lost.event_key, lost.right) == ("k2", "objection")
    assert "syncer submit objection" in lost.remedy
    assert "resync --file" in lost.remedy
    put(app, "objection", OTHER, "k2")
    drain(app)
    assert app.replays.plan(note, export).lost == ()
    assert len(rows(app, app.tables.event)) == 2
    app.close()


def test_rows_that_the_lost_part_took_from_a_queue_of_its_own_are_listed(
    settings_file: Callable[..., Path], tmp_path: Path
) -> None:
    settings = settings_file(recheck_days="[]")
    text = f'[queue]\nurl = "sqlite:///{tmp_path}/queue.db"\n' + settings.read_text(encoding="utf-8")
    settings.write_text(text, encoding="utf-8")
    run(settings, "init")
    run(settings, "submit", "erasure", stdin=PERSON)
    run(settings, "drain")
    (note,) = (tmp_path / "checkpoints").iterdir()
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    (key,) = run(settings, "submit", "objection", stdin=OTHER).stdout.split()
    run(settings, "drain")
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    run(settings, "audit", "fork", "--reason", "restored the backup")

    done = run(settings, "replay", "--since", str(note), "--reason", "after the restore", "--json")

    assert done.returncode == 1
    shown: dict[str, Any] = json.loads(done.stdout)
    assert [(item["event_key"], item["right"]) for item in shown["lost"]] == [(key, "objection")]
