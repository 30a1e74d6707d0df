"""After a restore: what was passed on where nobody can read is sent again, and what a person said of it is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.decisions.four_eyes.authority import NotAllowed
from syncer.decisions.replay import Replay
from syncer.domain.permissions import Permission
from syncer.service.drain import drain, prepare
from tests.conftest import UNGUARDED, Clock
from tests.decisions.conftest import at_the_console, eyed
from tests.support.backups import backup, restore
from tests.support.operate.passing_on import PassingOn, pass_on
from tests.support.session.opened import until_the_end
from tests.support.walk import OTHER, PERSON, put, rows

LITTLE = "deletions_per_day = 1\nalways_allowed = 1"


def asked(app: App, person: str, key: str, adapter: PassingOn) -> str:
    """Let a request be passed on at the crm and carried out elsewhere; return its id."""
    put(app, "erasure", person, key)
    prepare(app)
    pass_on(app, "crm", adapter)
    drain(app)
    (found,) = (row.id for row in rows(app, app.tables.event) if row.event_key == key)
    return str(found)


def backed_up(tmp_path: Path) -> None:
    """Make a backup: what comes now is lost."""
    backup(tmp_path / "syncer.db", tmp_path / "kept.db")


def restored(app: App, clock: Clock, tmp_path: Path) -> App:
    """Write an export, put the backup in place, and record it."""
    lines = (json.dumps(row) + "\n" for row in app.ledger.rows())
    (tmp_path / "export.jsonl").write_text("".join(lines), encoding="utf-8")
    app.notary.make()
    app.close()
    restore(tmp_path / "kept.db", tmp_path / "syncer.db")
    again = until_the_end(open_app(load_settings(tmp_path / "settings.toml"), clock=clock))
    again.forks.record("restored the backup")
    return again


def attest(app: App, event: str, answer: str = "done") -> None:
    """Write down what the crm answered, as a person's decision does."""
    d = app.tables.delivery
    with app.transactions.write() as tx:
        there = (d.c.event_id == event, d.c.destination == "crm")
        tx.connection.execute(d.update().where(*there).values(state="attested", code=answer, next_attempt_at=None))
        facts = {"answer": answer, "on": "2026-11-19", "reason": "its letter"}
        tx.audit.add("delivery:attested", event=event, destination="crm", facts=facts)
        app.store.settle(tx, {event})


def planned(replay: Replay) -> list[tuple[str, str, str, str]]:
    return sorted((each.event, each.destination, each.from_, each.to) for each in replay.plan.deliveries)


@pytest.fixture
def note(app: App, clock: Clock) -> Path:
    """The last note before what is lost; one request was passed on before it."""
    asked(app, OTHER, "earlier", PassingOn())
    clock.advance(minutes=1)
    app.notary.make()
    clock.advance(minutes=1)
    return sorted(app.notes_folder.iterdir())[-1]


def test_what_was_passed_on_since_the_note_is_sent_again_and_what_was_passed_on_before_is_not(
    app: App, clock: Clock, tmp_path: Path, note: Path
) -> None:
    event = asked(app, PERSON, "k1", PassingOn())
    backed_up(tmp_path)
    again = restored(app, clock, tmp_path)

    replay = again.replays.plan(note, None)

    assert planned(replay) == [(event, "crm", "accepted", "pending"), (event, "newsletter", "confirmed", "applied")]
    machine = PassingOn()
    again.replays.carry_out(replay, "after the restore")
    pass_on(again, "crm", machine)
    drain(again)
    assert machine.orders == 1
    found = {row.destination: row.state for row in rows(again, again.tables.delivery) if row.event_id == event}
    assert found == {"crm": "accepted", "newsletter": "confirmed"}
    finding = again.verify()
    assert again.verify(accepted=[fork.seq for fork in finding.forks]).ok
    resynced = [entry.facts["digest"] for entry in again.ledger.entries(("operator:resynced",)) if entry.facts]
    assert resynced == [replay.plan.digest]


def test_a_plan_that_sends_again_has_another_digest_than_its_read_backs_alone(
    app: App, clock: Clock, tmp_path: Path, note: Path
) -> None:
    event = asked(app, PERSON, "k1", PassingOn())
    backed_up(tmp_path)
    again = restored(app, clock, tmp_path)
    whole = again.replays.plan(note, None).plan
    d = again.tables.delivery
    with again.transactions.write() as tx:
        tx.connection.execute(
            d.update().where(d.c.event_id == event, d.c.destination == "crm").values(state="exempt", code="other")
        )

    part = again.replays.plan(note, None).plan

    assert [each.destination for each in part.deliveries] == ["newsletter"]
    assert part.digest != whole.digest


def test_nobody_else_is_asked_before_it_is_sent_again_and_whoever_only_looks_may_not(
    app: App, clock: Clock, tmp_path: Path, note: Path
) -> None:
    asked(app, PERSON, "k1", PassingOn())
    backed_up(tmp_path)
    again = eyed(restored(app, clock, tmp_path))
    replay = again.replays.plan(note, None)
    visitor = at_the_console(again, "ada", frozenset(Permission) - {Permission.WORK})

    with pytest.raises(NotAllowed):
        visitor.replays.carry_out(replay, "out of curiosity")

    again.replays.carry_out(replay, "after the restore")
    assert "pending" in {row.state for row in rows(again, again.tables.delivery)}


def test_the_guard_counts_what_is_sent_again_and_a_replay_releases_nothing(
    make_app: Callable[..., App], clock: Clock, tmp_path: Path
) -> None:
    app = make_app()
    app.notary.make()
    note = sorted(app.notes_folder.iterdir())[-1]
    clock.advance(minutes=1)
    for number in range(3):
        asked(app, f"person{number}@test.test", f"k{number}", PassingOn())
    backed_up(tmp_path)
    settings = tmp_path / "settings.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(UNGUARDED, LITTLE), "utf-8")
    again = restored(app, clock, tmp_path)
    replay = again.replays.plan(note, None)

    again.replays.carry_out(replay, "after the restore")

    assert (replay.plan.deletions, replay.plan.to_release) == (3, frozenset())
    waiting = [row.untried for row in rows(again, again.tables.delivery) if row.state == "pending"]
    assert waiting == [1, 1, 1]
    assert {row.released_at for row in rows(again, again.tables.event)} == {None}


def test_what_a_person_had_settled_is_named_and_left_alone(app: App, clock: Clock, tmp_path: Path, note: Path) -> None:
    event = asked(app, PERSON, "k1", PassingOn())
    attest(app, event)
    backed_up(tmp_path)
    again = restored(app, clock, tmp_path)

    replay = again.replays.plan(note, None)

    assert planned(replay) == [(event, "newsletter", "confirmed", "applied")]
    assert replay.plan.skipped == (
        f"{event} crm: a person settled it since then; ask the recipient whether it is still so",
    )


def test_what_a_person_had_settled_in_the_lost_part_is_asked_for_again(
    app: App, clock: Clock, tmp_path: Path, note: Path
) -> None:
    event = asked(app, PERSON, "k1", PassingOn())
    backed_up(tmp_path)
    export = tmp_path / "export.jsonl"
    attest(app, event)
    again = restored(app, clock, tmp_path)

    (lost,) = again.replays.plan(note, export).lost

    assert (lost.event, lost.event_key) == (event, None)
    assert "what a person wrote down of crm is lost" in lost.remedy
    attest(again, event)
    assert again.replays.plan(note, export).lost == ()


def test_one_whose_address_is_gone_is_named_with_what_brings_it_back(
    app: App, clock: Clock, tmp_path: Path, note: Path
) -> None:
    event = asked(app, PERSON, "k1", PassingOn())
    e = app.tables.event
    with app.transactions.write() as tx:
        tx.connection.execute(e.update().where(e.c.id == event).values(email_sealed=None, shredded_at=tx.now))
    backed_up(tmp_path)
    again = restored(app, clock, tmp_path)

    replay = again.replays.plan(note, None)

    assert f"{event} crm: its address was shredded; bring it again with --file" in replay.plan.skipped
