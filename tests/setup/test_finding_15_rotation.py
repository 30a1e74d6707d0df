"""Finding 15: a leaked key is replaced, and whoever has it can do nothing with it that the log would believe."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.audit.chain import leaf, mac
from syncer.audit.ledger import Pending
from syncer.audit.offline.merkle import Frontier
from syncer.audit.offline.notes import Checkpoint, Signer
from syncer.audit.offline.verifier import examine
from syncer.database.connections import reading, writing
from syncer.errors import UntrustedLog, UserError
from syncer.privacy.keyring import Keyring
from syncer.service.drain import drain
from syncer.setup import rotation
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.tampering import undone
from tests.support.backups import backup, restore
from tests.support.looks import look
from tests.support.paths import ROOT
from tests.support.processes import inside, inside_json, started, until
from tests.support.session.opened import until_the_end
from tests.support.walk import OTHER, PERSON, event, put, rows, states

#: computes for long, so it runs with the long tests
pytestmark = pytest.mark.slow

REASON = "the backup of the key was lost"


@pytest.fixture
def before(make_app: Callable[..., App]) -> App:
    """An installation under its first key: one request done and shredded, one done with its address kept."""
    app = make_app()
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    return app


def rotated(app: App) -> App:
    """Replace the key and open the installation again."""
    assert list(rotation.carry_out(app.settings, REASON))
    return until_the_end(open_app(app.settings, clock=app.clock))


def end_of_old(app: App) -> int:
    with reading(app.engine) as connection:
        seq: int = connection.execute(
            sa.select(app.tables.audit.c.seq).where(app.tables.audit.c.what == "key:rotated")
        ).scalar_one()
    return seq


def log(app: App) -> list[tuple[Any, ...]]:
    columns = ("seq", "at", "what", "event", "destination", "body")
    return [(*(row[name] for name in columns), bytes.fromhex(row["leaf"])) for row in app.ledger.rows()]


def forged_note(app: App, stolen: Keyring, size: int) -> str:
    """A note that whoever stole a key signs over what is truly there."""
    frontier = Frontier()
    frontier.extend(row[6] for row in log(app)[:size])
    origin = app.origins.current()
    return Signer(origin, stolen.signing_seed).sign(Checkpoint(origin, size, frontier.root()).text())


# -- what goes on --------------------------------------------------------------------------------------------


def test_finding_15_the_plan_changes_nothing_and_yes_carries_it_out(before: App) -> None:
    settings, file = before.settings.path, before.settings.identity.key_file
    content = file.read_bytes()

    shown = inside(settings, "key", "rotate", "--reason", REASON)

    assert shown.returncode == 0
    assert "1 addresses are sealed anew" in shown.stdout
    assert file.read_bytes() == content
    assert inside(settings, "audit", "verify").returncode == 0
    done = inside(settings, "key", "rotate", "--reason", REASON, "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert "copy it to every other host" in done.stdout
    assert [key["state"] for key in inside_json(settings, "key", "list")] == ["retired", "current"]
    assert inside(settings, "audit", "verify").returncode == 0
    assert inside(settings, "check").returncode in (0, 1)
    with open_app(before.settings) as app:
        assert str(app.origins.public_keys()[-1]) in done.stdout
        assert app.verified.last() is not None


def test_finding_15_the_log_goes_on_under_the_new_key_and_says_which_one_ended(before: App) -> None:
    old = before.keyring
    app = rotated(before)
    end = end_of_old(app)
    (entry,) = app.ledger.entries(("key:rotated",))

    assert entry.facts is not None
    assert entry.facts["reason"] == REASON
    assert (entry.facts["old_key"], entry.facts["new_key"]) == (old.key_id, app.keyring.key_id)
    assert [sealed.size for sealed in app.checkpoints.all()][-2:] == [end, end + 1]
    link = {row["seq"]: (bytes.fromhex(row["leaf"]), bytes.fromhex(row["mac"])) for row in app.ledger.rows()}
    for seq, key in ((end, old.chain_key), (end + 1, app.keyring.chain_key)):
        assert mac(key, link[seq - 1][1], seq, link[seq][0]) == link[seq][1]
    put(app, "objection", OTHER, "k2")
    drain(app)
    app.notary.make()
    finding = app.verify()
    assert finding.ok, finding.reason
    assert finding.anchored is not None
    assert finding.anchored.size > end + 1
    keys = app.origins.public_keys()
    assert [key.name for key in keys] == [app.origins.current()] * 2
    app.close()


def test_finding_15_people_are_found_by_the_pseudonyms_of_both_keys(
    before: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    settings, subject = before.settings.path, event(before).subject
    app = rotated(before)

    (found,) = inside_json(settings, "find", stdin=PERSON)
    assert (found["id"], found["subject"]) == (event(app).id, subject)
    put(app, "erasure", PERSON, "k2")
    drain(app)
    assert len(inside_json(settings, "find", stdin=PERSON)) == 2
    assert len({row.subject for row in rows(app, app.tables.event)}) == 2
    assert len(json.loads(inside(settings, "dossier", "--json", stdin=PERSON).stdout)["events"]) == 2
    app.close()


def test_finding_15_the_same_request_again_is_the_same_request(before: App) -> None:
    """Its key, person and right are those of an event whose pseudonym was made with the old key."""
    app = rotated(before)
    put(app, "erasure", PERSON, "k3")
    drain(app)
    with app.engine.begin() as connection:
        connection.execute(app.tables.queue.update().values(taken_at=None, email=PERSON, event_key="k1"
                           ).where(app.tables.queue.c.event_key == "k1"))  # fmt: skip

    drain(app)

    assert len(rows(app, app.tables.event)) == 2
    assert {row.state for row in rows(app, app.tables.event)} == {"fulfilled"}
    app.close()


def test_finding_15_somebody_who_comes_back_is_found_by_the_old_pseudonym(
    before: App, mailchimp: MailchimpSandbox, clock: Clock
) -> None:
    for _ in range(2):
        clock.advance(days=7)
        drain(before)
    assert event(before).email_sealed is None
    app = rotated(before)
    mailchimp.add(PERSON, AUDIENCES[0], last_changed=clock.now.isoformat())

    assert look(app)["newsletter"].incidents == ((event(app).id, False),)
    drain(app)
    assert states(app)["newsletter"] == ("confirmed", "done", None)
    assert app.verify().ok
    app.close()


def test_finding_15_addresses_are_sealed_anew_and_the_old_key_opens_none_of_them(before: App) -> None:
    old, sealed = before.keyring, event(before).email_sealed
    app = rotated(before)

    assert event(app).email_sealed.split(".")[1] == app.keyring.key_id != sealed.split(".")[1]
    assert app.seals.keyring.open(event(app).email_sealed, event(app).id).address == PERSON
    assert old.key_id == sealed.split(".")[1]
    with app.engine.begin() as connection:  # the thief puts what was sealed before back
        connection.execute(app.tables.event.update().values(email_sealed=sealed))
    with closing(app.adapter("newsletter")) as adapter:
        (compared,) = app.drift.compare("newsletter", adapter)
    assert (compared.today, compared.code) == ("unknown", "unsealable")
    app.close()


# -- what a thief can do -------------------------------------------------------------------------------------


def test_finding_15_entries_made_with_the_old_key_are_not_built_on(before: App) -> None:
    stolen = before.keyring
    app = rotated(before)
    thief = App(app.settings, app.engine, stolen, "cli", app.clock)
    pending = Pending()
    pending.add("operator:looked_up", subject="p1:x", facts={"events": 0})

    with pytest.raises(UntrustedLog), writing(app.engine) as connection:
        thief.ledger.append(connection, pending, app.clock())
    with app.engine.begin() as connection:  # so the thief says in the head that the log is still the old key's
        connection.execute(app.tables.head.update().values(key_check=stolen.check_value))
    with pytest.raises(UserError), writing(app.engine) as connection:
        thief.ledger.append(connection, pending, app.clock())

    refused = inside(app.settings.path, "status")
    assert refused.returncode == 2
    assert "key that was retired" in refused.stderr
    app.close()


def test_finding_15_a_log_cut_to_before_the_rotation_and_continued_with_the_old_key_is_refused(before: App) -> None:
    stolen = before.keyring
    app = rotated(before)
    end = end_of_old(app)
    undone(app, f"DELETE FROM syncer_audit WHERE seq >= {end}")
    with app.engine.begin() as connection:
        mac = connection.execute(
            sa.select(app.tables.audit.c.mac).where(app.tables.audit.c.seq == end - 1)
        ).scalar_one()
        values = {"seq": end - 1, "mac": mac, "key_check": stolen.check_value}
        connection.execute(app.tables.head.update().values(values))
        connection.execute(app.tables.checkpoint.delete().where(app.tables.checkpoint.c.size >= end))
    app.close()

    for words in (("status",), ("drain",), ("run",), ("audit", "verify")):
        refused = inside(before.settings.path, *words)
        assert refused.returncode == 2, words
        assert "key that was retired" in refused.stderr
    shown = inside(before.settings.path, "key", "rotate", "--reason", REASON, "--yes")
    assert (shown.returncode, "restored, rolled back or replaced" in shown.stderr) == (2, True)


def test_finding_15_the_last_entry_of_the_old_key_cannot_be_exchanged(before: App) -> None:
    """Its mac stands in that of the next entry, which only the new key makes."""
    stolen = before.keyring
    app = rotated(before)
    end = end_of_old(app)
    with reading(app.engine) as connection:
        before_it = connection.execute(
            sa.select(app.tables.audit.c.mac).where(app.tables.audit.c.seq == end - 1)
        ).scalar_one()
        body = connection.execute(sa.select(app.tables.audit.c.body).where(app.tables.audit.c.seq == end)).scalar_one()
    other = body.replace(REASON, "the key was never lost at all..")
    new_leaf = leaf(other.encode())
    new_mac = mac(stolen.chain_key, before_it, end, new_leaf)
    undone(app, f"UPDATE syncer_audit SET body = replace(body, '{REASON}', 'the key was never lost at all..'),"
                f" leaf = x'{new_leaf.hex()}', mac = x'{new_mac.hex()}' WHERE seq = {end}")  # fmt: skip

    finding = app.verify()

    assert not finding.ok
    assert finding.first_bad == end + 1
    app.close()


def test_finding_15_a_note_by_the_old_key_beyond_its_end_is_a_forgery_for_everybody(
    before: App, tmp_path: Path
) -> None:
    stolen = before.keyring
    app = rotated(before)
    end, keys = end_of_old(app), app.origins.public_keys()
    good, forged = forged_note(app, stolen, end), forged_note(app, stolen, end + 1)
    (tmp_path / "forged.note").write_text(forged, encoding="utf-8")

    assert examine(log(app), [[("good", good)]], keys).ok
    told = examine(log(app), [[("mail", forged)]], keys)
    assert not told.ok
    assert f"forged: signed with a key that was replaced at entry {end}" in str(told.reason)
    only_old = examine(log(app), [[("mail", forged)]], keys[:1])
    assert not only_old.ok
    verified = inside(app.settings.path, "audit", "verify", "--against", str(tmp_path / "forged.note"))
    assert verified.returncode == 1
    assert "forged" in verified.stdout
    early = examine(log(app), [[("mail", forged_note(app, app.keyring, end - 1))]], keys)
    assert "was not in use before entry" in str(early.reason)
    app.close()


def test_finding_15_the_stand_alone_script_says_the_same(before: App, tmp_path: Path) -> None:
    stolen, entries = before.keyring, len(log(before))
    app = rotated(before)
    end, keys = end_of_old(app), [str(key) for key in app.origins.public_keys()]
    export, cut = tmp_path / "export.jsonl", tmp_path / "cut.jsonl"
    lines = [json.dumps(row) for row in app.ledger.rows()]
    export.write_text("\n".join(lines), encoding="utf-8")
    cut.write_text("\n".join(lines[:entries]), encoding="utf-8")
    newest = app.checkpoints.newest()
    assert newest is not None
    notes = {"old": forged_note(app, stolen, end), "new": newest.note, "forged": forged_note(app, stolen, end + 1),
             "early": forged_note(app, app.keyring, end), "short": forged_note(app, stolen, entries)}  # fmt: skip
    for name, text in notes.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    def script(file: Path, *names: str, given: list[str] = keys) -> str:
        words = [word for key in given for word in ("--key", key)]
        files = [str(file), *(str(tmp_path / name) for name in names)]
        done = subprocess.run([sys.executable, str(ROOT / "docs/verify_log.py"), *words, *files],
                              capture_output=True, encoding="utf-8", check=False)  # fmt: skip
        return f"{done.returncode} {done.stdout}{done.stderr}"

    assert script(export, "old", "new").startswith("0 PROVEN")
    assert f"signed with a key that was replaced at entry {end}" in script(export, "forged")
    assert script(export, "forged", given=keys[:1]).startswith("1 NOT PROVEN")
    assert "not in use before" in script(export, "early")
    assert "no entry says where one ended" in script(cut, "short")
    assert script(cut, "short", given=keys[:1]).startswith("0 PROVEN")
    app.close()


def test_finding_15_a_log_rewritten_with_the_old_key_has_no_place_for_the_new_one(before: App) -> None:
    """The thief shows an auditor a log without the rotation, signed with the old key, to whom the new key was told."""
    stolen = before.keyring
    entries = log(before)
    app = rotated(before)
    keys = app.origins.public_keys()
    note = forged_note(app, stolen, len(entries))

    finding = examine(entries, [[("mail", note)]], keys)

    assert not finding.ok
    assert "no entry says where one of them ended" in str(finding.reason)
    assert examine(entries, [[("mail", note)]], keys[:1]).ok  # an old export, with the key of its time
    app.close()


def test_finding_15_a_planted_note_by_the_old_key_does_not_stop_the_daemon(before: App) -> None:
    """In the state folder anybody may have put it; it says nothing about this log."""
    stolen = before.keyring
    app = rotated(before)
    origin = app.origins.current()
    note = Signer(origin, stolen.signing_seed).sign(Checkpoint(origin, 999, bytes(32)).text())
    (app.notes_folder / f"{origin.replace('/', '_')}-000000000999.note").write_text(note, encoding="utf-8")

    app.rollback.require_not_behind(anew=True)

    put(app, "objection", OTHER, "k2")
    drain(app)
    assert any("forged" in warning for warning in app.verify().warnings)
    app.close()


# -- killed half-way, and several hosts ----------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 3, 4])
def test_finding_15_killed_after_any_step_the_installation_works_and_the_same_command_finishes(
    before: App, steps: int
) -> None:
    doing = rotation.carry_out(before.settings, REASON)
    for _ in range(steps):
        next(doing)
    doing.close()
    with open_app(before.settings, clock=before.clock) as between:
        put(between, "objection", OTHER, "k2")
        drain(between)
        assert {row.state for row in rows(between, between.tables.event)} == {"fulfilled"}
        assert between.verify().ok
    checked = inside(before.settings.path, "check").stdout
    assert ("a rotation was not finished" in " ".join(checked.split())) == (steps < 4)

    assert rotation.plan(before.settings).begun == (steps < 4)
    if steps < 4:
        list(rotation.carry_out(before.settings, REASON))

    with open_app(before.settings, clock=before.clock) as after:
        assert [str(version.state) for version in after.keyring.versions] == ["retired", "current"]
        assert len(after.ledger.entries(("key:rotated",))) == 1
        assert {row.email_sealed.split(".")[1] for row in rows(after, after.tables.event)} == {after.keyring.key_id}
        assert after.verify().ok


def test_finding_15_a_key_is_rotated_twice(before: App) -> None:
    once = rotated(before)
    put(once, "objection", OTHER, "k2")
    drain(once)
    twice = rotated(once)
    once.close()

    assert len(twice.keyring.refs(PERSON)) == 3
    assert twice.verify().ok
    assert len(twice.origins.public_keys()) == 3
    assert len(inside_json(twice.settings.path, "find", stdin=PERSON)) == 1
    twice.close()


def test_finding_15_a_host_that_still_has_the_old_file_writes_nothing_and_says_so(before: App, tmp_path: Path) -> None:
    file, settings = before.settings.identity.key_file, before.settings.path
    old = file.read_bytes()
    with started(settings, "run", log=tmp_path / "log") as daemon:
        until(lambda: "daemon:started" in [row["what"] for row in before.ledger.rows()], 60)

        done = inside(settings, "key", "rotate", "--reason", REASON, "--yes")

        assert (done.returncode, done.stderr) == (0, "")
        assert daemon.wait(timeout=120) == 2
    assert "copy the new key file to this host" in (tmp_path / "log").read_text(encoding="utf-8")
    file.write_bytes(old)  # another host, where it was not copied
    refused = inside(settings, "status")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "copy the one that `syncer key rotate` wrote" in refused.stderr


def test_finding_15_a_database_put_back_to_before_the_rotation_is_recorded_and_rotated_again(
    before: App, tmp_path: Path
) -> None:
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    rotated(before).close()
    before.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    settings = before.settings.path

    assert "key that was retired" in inside(settings, "status").stderr
    recorded = inside(settings, "audit", "fork", "--reason", "put back from a backup")
    assert recorded.returncode == 0, recorded.stderr
    done = inside(settings, "key", "rotate", "--reason", REASON, "--yes")

    assert done.returncode == 0, done.stderr
    with open_app(load_settings(settings)) as app:
        assert [str(version.state) for version in app.keyring.versions] == ["retired", "current"]
        finding = app.verify(accepted=[fork.seq for fork in app.verify().forks])
        assert finding.ok, finding.reason
