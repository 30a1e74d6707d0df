"""What came after the last verified state is verified by itself; it finds there all that a whole verification finds."""

from __future__ import annotations

import dataclasses
import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.audit.proof.verification.passage import SLICE
from syncer.audit.proof.verification.verify import WORTH_KEEPING
from syncer.service.drain import drain, prepare
from syncer.setup.install import initialise
from tests.conftest import AUDIENCES, SETTINGS, Clock
from tests.support.attacks.forging import again, entries
from tests.support.attacks.tampering import cut, undone
from tests.support.documents.reports import whole
from tests.support.processes import inside as run
from tests.support.processes import inside_json as run_json
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put, rows, written

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def some_work(app: App) -> None:
    """One erasure that is through before the state, one after it, and one that the state saw open."""
    put(app, "erasure", PERSON, "old")
    drain(app)
    put(app, "erasure", "waits@x.test", "open")
    prepare(app)
    app.notary.make()
    assert app.verify().ok
    put(app, "objection", OTHER, "new")
    drain(app)
    app.notary.make()


def state(app: App) -> Any:
    (row,) = rows(app, app.tables.progress)
    return row


def put_back(app: App, row: Any) -> None:
    with app.engine.begin() as connection:
        connection.execute(app.tables.progress.delete())
        connection.execute(app.tables.progress.insert().values(**row._mapping))


def change_row(app: App, table: str, key: str, **values: Any) -> None:
    e, d = app.tables.event, app.tables.delivery
    with app.engine.begin() as connection:
        if table == "event":
            connection.execute(e.update().where(e.c.event_key == key).values(**values))
        else:
            ids = sa.select(e.c.id).where(e.c.event_key == key)
            connection.execute(d.update().where(d.c.event_id.in_(ids)).values(**values))


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


# -- states that do not count ---------------------------------------------------------------------------------


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


# -- what it sees ---------------------------------------------------------------------------------------------

AFTER: dict[str, tuple[str, dict[str, Any], str]] = {
    "a new event": ("event", {"state": "open"}, "its state is open"),
    "a new delivery": ("delivery", {"attempts": 30}, "its attempts is 30"),
}


@everywhere
def test_a_changed_row_of_an_event_that_an_entry_since_then_names_is_found(app: App) -> None:
    some_work(app)
    for table, values, named in AFTER.values():
        before = {each: rows(app, each) for each in (app.tables.event, app.tables.delivery)}
        change_row(app, table, "new", **values)

        finding = app.verify_since()

        assert (finding.scope, finding.tables_differ) == ("since", True)
        assert named in str(finding.reason)
        put_rows_back(app, before)
    assert app.verify_since().ok


def put_rows_back(app: App, before: dict[sa.Table, list[Any]]) -> None:
    with app.engine.begin() as connection:
        for table in reversed(list(before)):
            connection.execute(table.delete())
        for table, kept in before.items():
            connection.execute(table.insert(), [written(table, row) for row in kept])


@everywhere
def test_an_old_event_that_is_gone_on_with_is_held_against_all_its_entries(app: App, clock: Clock) -> None:
    some_work(app)
    drain(app)  # the open one, received before the state
    assert app.verify_since().ok

    change_row(app, "event", "open", subject="p1:somebody")

    assert "its subject is p1:somebody" in str(app.verify_since().reason)


def test_an_old_entry_of_an_event_that_is_gone_on_with_must_be_the_keys(app: App) -> None:
    some_work(app)
    drain(app)
    (opened,) = [each for each in rows(app, app.tables.event) if each.event_key == "open"]
    first = min(entry.seq for entry in app.ledger.timeline(opened.id))
    assert first <= state(app).seq
    undone(app, f"UPDATE syncer_audit SET body = replace(body, 'erasure', 'objection') WHERE seq = {first}")

    finding = app.verify_since()

    assert (finding.scope, finding.reason) == ("full", f"entry {first} was altered")


@everywhere
def test_an_entry_of_an_event_that_was_never_received_is_named_by_both(app: App) -> None:
    some_work(app)
    with app.transactions.write() as tx:
        tx.audit.add("operator:looked_up", event="nobody's", facts={"events": 1})
    last = app.ledger.head()[0]

    for finding in (app.verify_since(), app.verify(), app.verify(pause=lambda _: None)):
        assert (finding.ok, finding.first_bad) == (False, last)
        assert finding.reason == f"entry {last} concerns an event that was never received"


def test_an_old_row_that_nothing_named_since_is_found_by_the_whole_one_alone(app: App) -> None:
    some_work(app)
    change_row(app, "event", "old", state="open")

    assert app.verify_since().ok
    assert "its state is open" in str(app.verify().reason)


def test_an_old_request_that_is_shown_is_held_against_the_log(app: App) -> None:
    some_work(app)
    old = next(each.id for each in rows(app, app.tables.event) if each.event_key == "old")
    assert app.verify_since([old]).ok
    assert app.verification.objection([old]) is None

    change_row(app, "event", "old", state="open")

    for said in (app.verify_since([old]).reason, app.verification.objection([old])):
        assert "its state is open" in str(said)
    assert not whole(app).integrity.verified


def id_of(app: App, key: str) -> str:
    (found,) = [each.id for each in rows(app, app.tables.event) if each.event_key == key]
    return str(found)


def take_out(app: App, event: str) -> None:
    """Delete the rows of a request."""
    with app.engine.begin() as connection:
        connection.execute(app.tables.delivery.delete().where(app.tables.delivery.c.event_id == event))
        connection.execute(app.tables.event.delete().where(app.tables.event.c.id == event))


@everywhere
@pytest.mark.parametrize("span", [(None, None), (-3, None), (None, 3), (-3, 3)])
def test_a_request_that_somebody_takes_out_of_the_tables_is_missed_by_the_report_of_its_time(
    app: App, clock: Clock, span: tuple[int | None, int | None]
) -> None:
    some_work(app)
    take_out(app, id_of(app, "old"))
    since, until = (None if days is None else clock() + timedelta(days=days) for days in span)

    with app.propagation.report(since, until) as report:
        integrity = report.log.integrity

    assert "was received and is not in its table" in str(integrity.reason)
    assert app.verify_since().ok  # which looks at no request that nothing named since


def test_a_request_that_somebody_takes_out_of_tables_and_log_is_missed_by_the_report_of_its_time(app: App) -> None:
    some_work(app)
    old = id_of(app, "old")
    first = min(entry.seq for entry in app.ledger.timeline(old))
    for table, column in (("delivery", "event_id"), ("event", "id"), ("audit", "event_id")):
        undone(app, f"DELETE FROM syncer_{table} WHERE {column} = '{old}'")

    assert whole(app).integrity.reason == f"entry {first} is missing"


def test_an_entry_that_no_more_says_what_it_is_hides_no_request_from_the_report_of_its_time(app: App) -> None:
    some_work(app)
    old = id_of(app, "old")
    first = min(entry.seq for entry in app.ledger.timeline(old))
    take_out(app, old)
    undone(app, f"UPDATE syncer_audit SET what = 'event:held' WHERE seq = {first}")

    assert str(whole(app).integrity.reason).startswith(f"entry {first} ")


def test_a_time_that_somebody_changed_does_not_move_the_span(app: App, clock: Clock) -> None:
    some_work(app)
    old = id_of(app, "old")
    last = max(entry.seq for entry in app.ledger.timeline(old))
    take_out(app, old)
    undone(app, f"UPDATE syncer_audit SET at = '2001-01-01T00:00:00.000000Z' WHERE seq <= {last}")

    with app.propagation.report(clock() - timedelta(days=3), None) as report:
        assert not report.log.integrity.verified


def test_what_lies_outside_a_span_is_not_read_for_it(app: App, clock: Clock) -> None:
    some_work(app)
    clock.advance(days=40)
    put(app, "erasure", "later@x.test", "later")
    drain(app)
    app.notary.make()
    assert app.verify().ok
    undone(app, "UPDATE syncer_audit SET body = 'x' WHERE seq = 2")

    with app.propagation.report(clock() - timedelta(days=3), None) as report:
        assert report.log.integrity.verified
    assert not whole(app).integrity.verified


def test_a_dossier_says_that_a_row_it_shows_was_changed(app: App) -> None:
    some_work(app)
    old = next(each.id for each in rows(app, app.tables.event) if each.event_key == "old")
    facts = app.dossiers.facts(app.dossiers.history(app.dossiers.of_event(old)))
    assert (facts.log.verified, facts.log.reason) == (True, None)

    change_row(app, "delivery", "old", attempts=7)

    facts = app.dossiers.facts(app.dossiers.history(app.dossiers.of_event(old)))
    assert not facts.log.verified
    assert "its attempts is 7" in str(facts.log.reason)


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


# -- in slices, and in how much memory --------------------------------------------------------------------------


@everywhere
def test_what_happens_to_requests_while_the_log_is_verified_in_slices_is_followed(app: App) -> None:
    take_in(app, 40)
    entries(app, SLICE)
    take_in(app, 40)
    entries(app, 2 * SLICE)
    names = iter(range(1000))
    held = [each.id for each in rows(app, app.tables.event)]

    def work_goes_on(_: float) -> None:
        put(app, "erasure", f"meanwhile{next(names)}@x.test", f"meanwhile {next(names)}")
        prepare(app)
        app.withdrawals.withdraw(held.pop(), "typed by mistake")
        entries(app, SLICE // 2)

    finding = app.verify(pause=work_goes_on)

    assert (finding.ok, finding.reason) == (True, None)
    assert finding.entries == app.ledger.head()[0]
    change_row(app, "event", "taken in 3", state="fulfilled")
    assert "its state is fulfilled" in str(app.verify(pause=lambda _: None).reason)


@pytest.mark.slow
def test_the_memory_of_a_verification_does_not_grow_with_the_log(app: App) -> None:
    take_in(app, 4200)  # slices of a read follow each other
    app.verify()  # what is loaded once
    peaks = [peak_of(app)]
    take_in(app, 4200)
    peaks.append(peak_of(app))

    assert peaks[1] < 1.1 * peaks[0]


def take_in(app: App, count: int) -> None:
    first = len(rows(app, app.tables.event))
    for number in range(first, first + count):
        put(app, "erasure", f"person{number}@x.test", f"taken in {number}")
    app.intake.take_all()


def peak_of(app: App) -> int:
    tracemalloc.start()
    try:
        assert app.verify().ok
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


# -- any tampering at all -------------------------------------------------------------------------------------

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
KEYS = ("old", "open", "new")
OF_ROWS = st.sampled_from(
    [
        ("event", {"state": "open"}), ("event", {"state": "fulfilled"}), ("event", {"subject": "p1:x"}),
        ("event", {"right": "objection"}), ("delivery", {"attempts": 9}), ("delivery", {"action": "unsubscribe"}),
        ("delivery", {"state": "confirmed"}), ("delivery", {"outcome": "done"}),
    ]
)  # fmt: skip


def changed_row(app: App, draw: Callable[[Any], Any]) -> None:
    table, values = draw(OF_ROWS)
    change_row(app, table, draw(st.sampled_from(KEYS)), **values)


def deleted_row(app: App, draw: Callable[[Any], Any]) -> None:
    key, whole = draw(st.sampled_from(KEYS)), draw(st.booleans())
    undone(app, f"DELETE FROM syncer_delivery WHERE event_id = (SELECT id FROM syncer_event WHERE event_key = '{key}')")
    if whole:
        undone(app, f"DELETE FROM syncer_event WHERE event_key = '{key}'")


def added_row(app: App, draw: Callable[[Any], Any]) -> None:
    undone(
        app,
        "INSERT INTO syncer_event (id, event_key, received_at, due_on, state, created_at, rechecks_done)"
        " VALUES ('x', 'x', '2026-11-01 00:00:00', '2026-12-01', 'open', '2026-11-01 00:00:00', 0)",
    )


def altered_entry(app: App, draw: Callable[[Any], Any]) -> None:
    seq = draw(st.integers(1, app.ledger.head()[0]))
    column, value = draw(
        st.sampled_from(
            [
                ("body", "replace(body, '1', '2')"), ("body", "NULL"), ("what", "'event:held'"), ("event_id", "NULL"),
                ("event_id", "'y'"), ("destination", "'crm'"), ("leaf", "zeroblob(32)"), ("mac", "zeroblob(32)"),
                ("at", "'soon'"), ("what", "'event:received'"),
            ]
        )
    )  # fmt: skip
    undone(app, f"UPDATE syncer_audit SET {column} = {value} WHERE seq = {seq}")


def cut_end(app: App, draw: Callable[[Any], Any]) -> None:
    cut(app, draw(st.integers(1, app.ledger.head()[0])))


def replayed_state(app: App, draw: Callable[[Any], Any]) -> None:
    earlier = json.loads((app.settings.path.parent / "earlier.json").read_text(encoding="utf-8"))
    with app.engine.begin() as connection:
        connection.execute(
            app.tables.progress.update().values(
                seq=earlier["seq"], state=earlier["state"], mac=bytes.fromhex(earlier["mac"])
            )
        )


ATTACKS = (changed_row, deleted_row, added_row, altered_entry, cut_end, replayed_state)


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an installation with two verified states, the earlier one kept in a file."""
    folder = tmp_path_factory.mktemp("worked")
    clock = Clock(NOW)
    with (
        MailchimpSandbox(audiences=AUDIENCES) as mailchimp,
        ActiveCampaignSandbox(rate=None) as activecampaign,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("TEST_MAILCHIMP_KEY", mailchimp.api_key)
        environment.setenv("TEST_ACTIVECAMPAIGN_KEY", activecampaign.api_key)
        urls = {"mailchimp": mailchimp.url, "activecampaign": activecampaign.url, "database": "sqlite:///syncer.db"}
        text = SETTINGS.format(**urls, objection="unsubscribe", recheck_days="[1]", rate=1000)
        (folder / "settings.toml").write_text(text, encoding="utf-8")
        initialise(load_settings(folder / "settings.toml"))
        with open_app(load_settings(folder / "settings.toml"), clock=clock) as app:
            entries(app, 2)
            app.verify()
            kept = state(app)
            earlier = {"seq": kept.seq, "state": kept.state, "mac": kept.mac.hex()}
            (folder / "earlier.json").write_text(json.dumps(earlier), encoding="utf-8")
            some_work(app)
        yield folder


@settings(max_examples=60)
@given(data=st.data())
def test_whatever_is_done_to_log_tables_and_state_what_the_one_finds_the_other_finds(
    worked: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("copy") / "it"
    shutil.copytree(worked, folder)
    with open_app(load_settings(folder / "settings.toml"), clock=Clock(NOW + timedelta(minutes=1))) as app:
        since_entry = state(app).seq
        ids = [each.id for each in rows(app, app.tables.event)]
        for attack in data.draw(st.lists(st.sampled_from(ATTACKS), min_size=1, max_size=2, unique=True)):
            attack(app, data.draw)

        # every event is shown: then only what was added, and old entries of nobody, are left to the whole one
        since, sliced, whole = app.verify_since(ids, keep=False), app.verify(pause=lambda _: None), app.verify()

        assert since.scope == "full" or since.since_entry <= since_entry
        assert (sliced.ok, sliced.tables_differ) == (whole.ok, whole.tables_differ)
        if not since.ok:
            assert not whole.ok
        if whole.tables_differ and "the log never received it" not in str(whole.reason):
            assert not since.ok
        if not whole.ok and not whole.tables_differ and (whole.first_bad or 0) > since_entry:
            assert not since.ok


def test_where_nothing_was_verified_before_the_command_does_not_speak_of_an_entry_0(app: App) -> None:
    assert app.verify().ok
    assert state(app).seq == 0
    put(app, "erasure", PERSON, "first")
    drain(app)

    said = run(app.settings.path, "audit", "verify").stdout

    assert "verified now: every entry" in said
    assert "entry 0" not in said
