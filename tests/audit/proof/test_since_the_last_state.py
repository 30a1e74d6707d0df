"""What came after the last verified state is verified by itself; it finds there all that a whole verification finds."""

from __future__ import annotations

import dataclasses
import shutil
from typing import Any

import pytest

from syncer.app import App, load_settings, open_app
from syncer.audit.proof.verification.verify import WORTH_KEEPING
from syncer.service.drain import drain
from syncer.setup.install import initialise
from tests.conftest import Clock
from tests.support.attacks.forging import again, entries
from tests.support.attacks.halfway import change_row, some_work, state
from tests.support.attacks.tampering import cut
from tests.support.processes import inside as run
from tests.support.processes import inside_json as run_json
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, put

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def put_back(app: App, row: Any) -> None:
    with app.engine.begin() as connection:
        connection.execute(app.tables.progress.delete())
        connection.execute(app.tables.progress.insert().values(**row._mapping))


def scope(app: App) -> tuple[bool, str, int | None]:
    finding = app.verify_since()
    return finding.ok, finding.scope, finding.since_entry


# -- which of both -------------------------------------------------------------------------------------------


@everywhere
def test_the_first_verification_is_of_everything_and_the_next_goes_on_from_it(app: App) -> None:
    assert scope(app) == (True, "full", None)
    entries(app, 3)

    whole = app.verify()
    entries(app, 4)
    finding = app.verify_since()

    assert (finding.ok, finding.scope, finding.since_entry, finding.entries) == (True, "since", whole.entries,
                                                                                 whole.entries + 4)  # fmt: skip


@everywhere
def test_both_find_the_same_of_a_log_that_is_whole(app: App) -> None:
    some_work(app)

    since = app.verify_since()

    assert since.scope == "since"
    assert dataclasses.replace(since, scope="full", since_entry=None) == app.verify()


def test_a_state_is_kept_anew_only_where_enough_came_after_it(app: App) -> None:
    app.verify()
    entries(app, WORTH_KEEPING - 1)
    app.verify_since()
    assert state(app).seq == 0

    entries(app, 1)
    app.verify_since(keep=False)
    assert state(app).seq == 0
    app.verify_since()

    assert state(app).seq == WORTH_KEEPING
    assert scope(app) == (True, "since", WORTH_KEEPING)


def test_a_state_of_two_days_ago_is_not_gone_on_from_however_often_it_was_kept_anew(app: App, clock: Clock) -> None:
    app.verify()
    clock.advance(hours=47)
    entries(app, WORTH_KEEPING)
    assert scope(app)[1] == "since"
    clock.advance(hours=2)

    assert scope(app)[1] == "full"
    assert scope(app)[1] == "since"


def test_after_a_whole_verification_that_failed_all_is_verified(app: App) -> None:
    some_work(app)
    change_row(app, "event", "old", state="open")
    app.verified.record(app.verify())

    assert scope(app)[:2] == (False, "full")


def test_the_command_says_which_of_both_it_did_and_full_forces_the_whole(app: App) -> None:
    some_work(app)
    seq = state(app).seq
    settings_file = app.settings.path

    said = run(settings_file, "audit", "verify")
    assert said.returncode == 0
    assert f"what came after entry {seq}" in said.stdout
    assert run_json(settings_file, "audit", "verify")["scope"] == "since"
    said = run(settings_file, "audit", "verify", "--full")

    assert said.returncode == 0
    assert "what came after" not in said.stdout
    found = run_json(settings_file, "audit", "verify", "--full")
    assert (found["scope"], found["since_entry"]) == ("full", None)


def test_where_nothing_was_verified_before_the_command_does_not_speak_of_an_entry_0(app: App) -> None:
    assert app.verify().ok
    assert state(app).seq == 0
    put(app, "erasure", PERSON, "first")
    drain(app)

    said = run(app.settings.path, "audit", "verify").stdout

    assert "verified now: every entry" in said
    assert "entry 0" not in said


# -- states that do not count ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "forgery",
    [{"mac": b"\x07" * 32}, {"mac": b""}, {"seq": 1}, {"seq": 2**60}, {"seq": -1}, {"state": "{}"}, {"state": ""}],
)
def test_a_state_that_somebody_changed_is_none(app: App, forgery: dict[str, Any]) -> None:
    some_work(app)
    with app.engine.begin() as connection:
        connection.execute(app.tables.progress.update().values(**forgery))

    assert scope(app) == (True, "full", None)
    assert scope(app)[1] == "since"


@pytest.mark.slow
@pytest.mark.parametrize("value", ["x'ff'", "'x'", "1.5", "'\udcff'"])
@pytest.mark.parametrize("column", ["seq", "state", "mac", "at"])
def test_whatever_sqlite_keeps_in_a_state_raises_nothing(app: App, column: str, value: str) -> None:
    some_work(app)
    with app.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE syncer_progress SET {column} = {value.encode('ascii', 'replace').decode()}")

    assert app.verify_since().ok


def test_a_state_of_another_log_under_the_same_key_is_none(app: App, tmp_path_factory: pytest.TempPathFactory) -> None:
    some_work(app)
    foreign = state(app)
    folder = tmp_path_factory.mktemp("another")
    for name in ("settings.toml", "syncer.key"):
        shutil.copy(app.settings.path.parent / name, folder / name)
    initialise(load_settings(folder / "settings.toml"))
    with open_app(load_settings(folder / "settings.toml"), clock=app.clock) as other:
        entries(other, foreign.seq + 5)
        put_back(other, foreign)

        finding = other.verify_since()

    assert (finding.ok, finding.scope) == (False, "full")
    assert f"entry {foreign.seq} was verified before, and is not here" in str(finding.reason)


@everywhere
def test_an_earlier_state_put_back_makes_only_the_work_longer(app: App) -> None:
    some_work(app)
    earlier = state(app)
    entries(app, WORTH_KEEPING)
    app.verify_since()
    assert state(app).seq > earlier.seq
    put_back(app, earlier)

    assert scope(app) == (True, "since", earlier.seq)
    put_back(app, earlier)
    change_row(app, "event", "new", state="open")
    assert app.verify_since().tables_differ


def test_an_end_that_was_verified_and_is_gone_is_said_also_where_nothing_else_saw_it(app: App, clock: Clock) -> None:
    entries(app, 5)
    app.verify()
    cut(app, 3)
    app = again(app, clock)

    for _ in range(2):
        finding = app.verify_since()
        assert not finding.stands
        assert finding.reason == "entry 5 was verified before, and is not here: the log was cut or rolled back"
    assert app.verify().ok  # what is left is whole: who asks for all of it may go on with it
    assert scope(app) == (True, "since", 3)


def test_a_log_that_was_cut_to_its_verified_state_is_given_away_by_its_notes(app: App) -> None:
    some_work(app)
    cut(app, state(app).seq)

    finding = app.verify_since()

    assert not finding.ok
    assert "entries were anchored" in str(finding.reason)


def test_a_note_of_the_part_before_counts_and_is_not_opened_again(app: App) -> None:
    some_work(app)
    whole = app.verify()
    entries(app, 1)
    for path in app.notes_folder.glob("*.note"):
        path.write_text("gone", encoding="utf-8")

    finding = app.verify_since()

    assert (finding.scope, finding.notes, finding.agreeing) == ("since", whole.notes, whole.agreeing)
    assert finding.anchored == whole.anchored
    assert finding.warnings == ()
