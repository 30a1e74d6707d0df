"""Finding 2: entries that somebody without the key wrote are not built on, not signed, and excuse nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.audit.proof.rollback import Behind
from syncer.errors import ChainBroken
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.attacks.forging import again, entries, forged, fork_by_hand, fulfilled_by_hand, written
from tests.support.attacks.tampering import undone
from tests.support.backups import backup, restore
from tests.support.processes import inside as run
from tests.support.processes import until
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)
WRITING = (
    ["drain"], ["run"], ["audit", "checkpoint"], ["dossier"], ["submit", "objection"], ["find"], ["report"],
    ["audit", "export"], ["pause", "crm", "--reason", "for a while"], ["audit", "fork", "--reason", "a mishap"],
)  # fmt: skip


def signers(app: App) -> dict[str, Callable[[], Any]]:
    """Every way that signs the log, or writes an entry of the log about itself."""
    return {
        "tick": app.notary.tick,
        "finish": app.notary.finish,
        "make": app.notary.make,
        "dossier": lambda: app.checkpoints.make("dossier"),
        "record": lambda: app.checkpoints.record("audit:purged", {}),
    }


# -- forged entries -----------------------------------------------------------------------------------------


@everywhere
def test_finding_02_nothing_is_appended_to_an_entry_that_was_forged(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    fulfilled_by_hand(app, rows(app, app.tables.event)[0].id)
    before = written(app)

    with pytest.raises(ChainBroken, match="was not made with this log's key"):
        entries(app, 1)

    assert written(app) == before


@everywhere
def test_finding_02_nothing_that_was_forged_is_signed_in_any_way(app: App, clock: Clock) -> None:
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    app.notary.make()
    fulfilled_by_hand(app, rows(app, app.tables.event)[0].id)
    before = written(app)
    clock.advance(hours=2)

    for name, sign in signers(app).items():
        with pytest.raises(ChainBroken):
            sign()
        assert written(app) == before, name
    app = again(app, clock)
    for name, sign in signers(app).items():
        with pytest.raises(ChainBroken):
            sign()
        assert written(app) == before, name
    app.close()


@everywhere
def test_finding_02_an_entry_changed_below_the_head_is_found_before_the_next_signature(app: App, clock: Clock) -> None:
    entries(app, 3)
    app.notary.make()
    entries(app, 5)
    kind = app.engine.dialect.name
    with app.engine.begin() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("ALTER TABLE syncer_audit DISABLE TRIGGER ALL")
        else:
            connection.exec_driver_sql("DROP TRIGGER syncer_audit_no_update")
        connection.execute(app.tables.audit.update().where(app.tables.audit.c.seq == 6).values(destination="crm"))
    entries(app, 1)  # the end itself is whole
    before = written(app)

    with pytest.raises(ChainBroken, match="entry 6 was altered: its columns differ from its body"):
        app.notary.make()

    assert written(app) == before
    app = again(app, clock)
    with pytest.raises(ChainBroken, match="entry 6"):
        app.notary.finish()
    app.close()


def test_finding_02_every_command_that_writes_ends_with_exit_2_and_one_line_and_calls_nobody(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    for number in range(2):
        put(app, "erasure", f"person{number}@lovelace.test", f"k{number}")
    prepare(app)
    fulfilled_by_hand(app, rows(app, app.tables.event)[0].id)
    before = written(app)

    for words in WRITING:
        done = run(app.settings.path, *words, stdin=PERSON)
        line = done.stderr.strip().splitlines()[-1]
        assert done.returncode == 2, (words, done.stderr)
        assert done.stderr.count("\n") == 1, done.stderr
        assert "audit verify" in line or words[1:2] == ["fork"], line
        assert written(app) == before, words
    assert mailchimp.request_count == activecampaign.request_count == 0
    verdict = app.verify()
    assert (verdict.ok, verdict.first_bad) == (False, before[0] - 4)
    assert "entry" in str(verdict.reason)


@pytest.mark.slow
def test_finding_02_a_drain_under_which_an_entry_is_forged_makes_no_further_call(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox
) -> None:
    activecampaign.latency = mailchimp.latency = 0.3
    for number in range(60):
        put(app, "erasure", f"person{number}@lovelace.test", f"k{number}")
    ended: list[BaseException] = []

    def work() -> None:
        try:
            drain(app)
        except ChainBroken as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    until(lambda: mailchimp.request_count > 0 and activecampaign.request_count > 0, 30)
    forged(app, ("operator:looked_up", None, None, {"events": 0}))
    thread.join(60)

    assert len(ended) == 1
    calls, before = mailchimp.request_count + activecampaign.request_count, written(app)
    attempted = sum(row.what == "delivery:attempted" for row in rows(app, app.tables.audit))
    assert attempted < 120
    with pytest.raises(ChainBroken):
        drain(app)
    assert written(app) == before
    assert mailchimp.request_count + activecampaign.request_count == calls


# -- the head and the end -----------------------------------------------------------------------------------


@everywhere
def test_finding_02_a_head_that_was_replaced_is_not_built_on(app: App) -> None:
    entries(app, 4)
    with app.engine.begin() as connection:
        connection.execute(app.tables.head.update().values(mac=b"\x07" * 32))

    with pytest.raises(ChainBroken, match="the head was moved"):
        entries(app, 1)
    with pytest.raises(ChainBroken):
        app.notary.finish()


@everywhere
def test_finding_02_a_head_moved_back_is_not_built_on_while_the_entries_stand(app: App, clock: Clock) -> None:
    entries(app, 4)
    third = rows(app, app.tables.audit)[2]
    with app.engine.begin() as connection:
        connection.execute(app.tables.head.update().values(seq=3, mac=bytes(third.mac)))
    app = again(app, clock)

    with pytest.raises(ChainBroken, match="entry 4"):
        entries(app, 1)
    app.close()


def cut_to(app: App, size: int) -> None:
    """Roll the log back, head and all, so that what is left is genuine to the last bit."""
    mac = bytes(next(row.mac for row in rows(app, app.tables.audit) if row.seq == size))
    undone(app, f"DELETE FROM syncer_audit WHERE seq > {size}")
    with app.engine.begin() as connection:
        connection.execute(app.tables.head.update().values(seq=size, mac=mac))


def test_finding_02_a_roll_back_that_no_note_shows_yet_is_seen_by_the_process_that_saw_more(app: App) -> None:
    entries(app, 4)
    entries(app, 1)
    cut_to(app, 3)

    with pytest.raises(ChainBroken, match="rolled back"):
        entries(app, 1)


def test_finding_02_a_roll_back_is_seen_by_the_one_who_only_signs(app: App, clock: Clock) -> None:
    entries(app, 4)
    with open_app(load_settings(app.settings.path), clock=clock) as daemon:
        daemon.notary.tick()
        entries(app, 3)
        daemon.notary.tick()
        cut_to(app, 6)

        with pytest.raises(ChainBroken, match="rolled back"):
            daemon.notary.tick()


def test_finding_02_a_roll_back_behind_the_last_full_verification_stops_the_next_start(app: App, clock: Clock) -> None:
    entries(app, 6)
    app.verified.record(app.verify())
    cut_to(app, 3)
    app = again(app, clock)

    assert "the log was cut" in str(app.status.read().audit.last_verification.problem)
    drain(app)  # nothing is wrong with what is left: verified in full, it may go on
    assert app.verified.last().entries == 3
    app.close()


# -- forks --------------------------------------------------------------------------------------------------


@everywhere
def test_finding_02_a_fork_that_was_forged_gives_the_log_no_name_and_excuses_nothing(app: App) -> None:
    entries(app, 3)
    app.notary.make()
    name, keys = app.origins.current(), app.origins.public_keys()

    fork_by_hand(app, name)

    assert app.origins.forks() == []
    assert app.origins.current() == name
    assert app.origins.public_keys() == keys


def test_finding_02_an_older_copy_with_a_forged_fork_is_refused_like_one_without(
    app: App, clock: Clock, tmp_path: Path, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    app.notary.finish()
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")
    drain(app)
    app.notary.finish()
    calls, notes = mailchimp.request_count, sorted(app.notes_folder.iterdir())
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    with open_app(load_settings(tmp_path / "settings.toml"), clock=clock) as app:
        fork_by_hand(app, app.origins.current())

        with pytest.raises(Behind):
            drain(app)
        done = run(app.settings.path, "drain")
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert mailchimp.request_count == calls
        assert sorted(app.notes_folder.iterdir()) == notes


@everywhere
def test_finding_02_a_fork_that_a_person_recorded_still_counts(app: App, tmp_path: Path, clock: Clock) -> None:
    entries(app, 3)
    name = app.origins.current()
    facts = {"reason": "restored", "origin": f"{name}/fork-1", "old_origin": name, "anchor": {"size": 9, "root": "00"},
             "shared": 0}  # fmt: skip

    app.checkpoints.record("audit:forked", facts)

    assert [fork.origin for fork in app.origins.forks()] == [f"{name}/fork-1"]
    assert app.origins.current() == f"{name}/fork-1"
    fork_by_hand(app, f"{name}/fork-1")
    assert app.origins.current() == f"{name}/fork-1"
