"""Group G of the fault list, the audit: it cannot be written, is attacked, restored, not anchored, half purged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.audit.chain import leaf, mac
from syncer.audit.proof.purge import Purge
from syncer.audit.proof.rollback import Behind
from syncer.decisions.resync_plan import Selection
from syncer.privacy.keyring import Keyring
from syncer.reports.status import needs_attention
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.tampering import cut, undone
from tests.support.backups import backup, restore
from tests.support.processes import inside as run
from tests.support.purging import bodies, old_and_new, power_cut
from tests.support.walk import put, rows, whats

PERSON = "ada@lovelace.test"

ATTACKS = {
    "altered": "UPDATE syncer_audit SET body = replace(body, '\"v\":1', '\"v\":2') WHERE seq = 2",
    "deleted": "DELETE FROM syncer_audit WHERE seq = 3",
    "swapped": "UPDATE syncer_audit SET seq = CASE seq WHEN 2 THEN 90 ELSE 2 END WHERE seq IN (2, 90)",
    "inserted": "INSERT INTO syncer_audit SELECT 77, at, what, event_id, destination, body, leaf, mac"
                " FROM syncer_audit WHERE seq = 2",
}  # fmt: skip


def refuse_entries(app: App, what: str) -> None:
    """Let the database refuse every audit entry of one kind."""
    with app.engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER no_room BEFORE INSERT ON syncer_audit WHEN NEW.what = '{what}'"
            " BEGIN SELECT RAISE(ABORT, 'no room for it'); END"
        )


@pytest.mark.parametrize(
    ("what", "event", "deliveries", "calls"),
    [
        ("event:received", None, set(), False),
        ("delivery:attempted", "open", {("pending", 0)}, False),
        ("delivery:applied", "open", {("pending", 1)}, True),
        # what was applied is read back meanwhile: where that is slow it is on record before
        ("delivery:confirmed", "open", {("pending", 1), ("applied", 1)}, True),
        ("event:fulfilled", "open", {("pending", 1), ("applied", 1)}, True),
    ],
)
def test_fault_095_an_entry_that_cannot_be_written_takes_its_change_back_and_before_the_call_there_is_none(
    app: App, mailchimp: MailchimpSandbox, what: str, event: str | None, deliveries: set[tuple[str, int]], calls: bool
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    refuse_entries(app, what)

    with pytest.raises(sa.exc.IntegrityError):
        drain(app)

    assert [row.state for row in rows(app, app.tables.event)] == ([event] if event else [])
    reached = {(row.state, row.attempts) for row in rows(app, app.tables.delivery)}
    assert reached & deliveries or reached == deliveries
    assert what not in whats(app)
    assert (mailchimp.request_count > 0) is calls
    undone(app, "DROP TRIGGER no_room")
    drain(app)
    assert [row.state for row in rows(app, app.tables.event)] == ["fulfilled"]
    assert mailchimp.member(PERSON, AUDIENCES[0]) is None
    assert app.verify().ok


@pytest.mark.parametrize("attack", ATTACKS)
def test_fault_096_an_entry_altered_deleted_swapped_or_inserted_is_named(app: App, attack: str) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    undone(app, ATTACKS[attack])

    verdict = app.verify()

    assert not verdict.ok
    assert verdict.first_bad is not None
    assert verdict.reason


def test_fault_096_a_cut_tail_and_an_older_copy_are_found_by_a_checkpoint(
    app: App, clock: Clock, tmp_path: Path
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    drain(app)
    app.notary.make()
    size = app.checkpoints.size()

    cut(app, size - 2)
    assert app.ledger.verify().ok
    assert app.verify().first_bad == size - 1
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    with open_app(load_settings(tmp_path / "settings.toml"), clock=clock) as older:
        assert older.ledger.verify().ok
        assert not older.verify().ok
    assert run(tmp_path / "settings.toml", "audit", "verify").returncode == 1


def test_fault_097_old_entries_sealed_again_with_a_newer_key_are_refused(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    newer, previous = b"\x09" * 32, bytes(32)
    entries = rows(app, app.tables.audit)
    undone(app, "SELECT 1")
    with app.engine.begin() as connection:
        for row in entries:
            body = row.body.replace("erasure", "objection") if row.seq == 1 else row.body
            digest = leaf(body.encode())
            previous = mac(newer, previous, row.seq, digest)
            values = {"body": body, "leaf": digest, "mac": previous}
            connection.execute(app.tables.audit.update().where(app.tables.audit.c.seq == row.seq).values(values))
        connection.execute(app.tables.head.update().values(mac=previous))

    assert app.verify().first_bad == 1


def test_fault_098_a_restored_database_is_not_written_to_until_a_person_records_the_fork(
    app: App, clock: Clock, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    app.notary.finish()
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    drain(app)
    app.notary.finish()
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    mailchimp.add(PERSON, AUDIENCES[0])
    with open_app(load_settings(tmp_path / "settings.toml"), clock=clock) as app:
        with pytest.raises(Behind) as refused:
            drain(app)
        assert (refused.value.exit_code, str(refused.value).count("\n")) == (2, 0)
        assert mailchimp.member(PERSON, AUDIENCES[0])

        fork = app.forks.record("restored the backup of last night")
        drain(app)

        assert mailchimp.member(PERSON, AUDIENCES[0]) is None
        assert app.verify(accepted=[fork.seq]).ok


def test_fault_099_an_anchor_down_for_days_warns_then_pages_and_deliveries_go_on(
    settings_file: Callable[..., Path], clock: Clock
) -> None:
    path = settings_file()
    text = path.read_text(encoding="utf-8") + '[anchors.away]\nkind = "syslog"\nsocket = "nowhere/log"\n'
    path.write_text(text, encoding="utf-8")
    assert run(path, "init").returncode == 0
    with open_app(load_settings(path), clock=clock) as app:
        seen = []
        for day in range(3):
            put(app, "erasure", PERSON, f"k{day}")
            drain(app)
            app.notary.tick()
            clock.advance(hours=3)
            seen.append((app.status.read().audit.anchors["away"].level, needs_attention(app.status.read())))
            clock.advance(hours=21)

        assert seen == [("late", False), ("page", True), ("page", True)]
        counts = app.status.read().events
        assert (counts.open, counts.held, counts.fulfilled, counts.overdue) == (0, 0, 3, 0)
        assert app.status.read().audit.anchors["folder"].level == "ok"


def test_fault_100_a_key_of_another_installation_or_one_that_others_may_read_starts_nothing(
    app: App, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    put(app, "erasure", PERSON, "k1")
    path = app.settings.identity.key_file
    key = path.read_bytes()
    commands = (("drain",), ("run",), ("status",), ("find",), ("audit", "verify"))

    def refusal(*words: str) -> str:
        done = run(app.settings.path, *words, stdin=PERSON)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    path.chmod(0o644)
    for words in commands:
        assert "chmod 600" in refusal(*words), words
    path.unlink()
    Keyring.create(path)
    for words in commands:
        assert "not the key the database was made with" in refusal(*words), words
    assert mailchimp.request_count == 0
    path.write_bytes(key)
    path.chmod(0o600)
    assert run(app.settings.path, "drain").returncode == 0


def test_fault_101_a_sealed_address_moved_to_another_event_is_held_and_nobody_is_called_for(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    for number, person in enumerate((PERSON, "grace@hopper.test")):
        mailchimp.add(person, AUDIENCES[0])
        put(app, "erasure", person, f"k{number}")
    prepare(app)
    event = app.tables.event
    first, second = rows(app, event)
    with app.engine.begin() as connection:
        for to, seal in ((first.id, second.email_sealed), (second.id, first.email_sealed)):
            connection.execute(event.update().where(event.c.id == to).values(email_sealed=seal))

    drain(app)

    assert {(row.state, row.code) for row in rows(app, app.tables.delivery)} == {("held", "unsealable")}
    assert mailchimp.request_count == 0
    assert needs_attention(app.status.read())
    assert app.verify().ok
    file = ((first.id, PERSON), (second.id, "grace@hopper.test"))
    app.resync.apply(app.resync.plan(Selection(addresses=file)), "asked both of them again")
    drain(app)
    assert {row.state for row in rows(app, event)} == {"fulfilled"}


def test_fault_102_a_purge_that_crashes_half_way_verifies_and_is_finished_by_the_next(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    planned = app.purge.due().bodies
    assert planned is not None
    purge = Purge(app.transactions, app.checkpoints, app.ledger, 36, piece=3)

    with power_cut(app, 1):
        purge.carry_out()

    assert list(bodies(app).values()).count(False) == 3
    assert app.verify().ok
    unfinished = app.purge.due().unfinished
    assert unfinished is not None
    assert unfinished.count == planned.count - 3
    assert app.purge.carry_out().unfinished == unfinished
    assert list(bodies(app).values()).count(False) == planned.count
    assert [row.what for row in rows(app, app.tables.audit)].count("audit:purged") == 1
    assert app.verify().ok
