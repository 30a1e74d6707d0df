"""The short form of `make crash`: every named point once on SQLite, some on the servers, some random moments."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.crash import invariants
from tests.crash.harness import SHAPES, Installation, NeverPassed, installed
from tests.crash.invariants import AT_THE_END, Evidence, Invariant, judge
from tests.crash.points import sides
from tests.support.servers import Server

#: where the engines differ: what a commit took with it, and what a lock leaves behind
ON_SERVERS = (
    (SHAPES[0], ("after intake.take", "before lane.begin", "after lane.confirmed")),
    (SHAPES[1], ("after resync", "before recheck")),
)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name.replace(" ", "_"))
def test_killed_at_every_named_point_the_work_ends_as_if_nothing_had_happened(shape: Any) -> None:
    points = sides(*shape.points)
    with installed(shape, None) as installation:
        for point in points:
            installation.kill_at(point)
        installation.finish()

        assert installation.objections == []
        assert len(installation.kills) == len(points)


@pytest.mark.parametrize("kind", ["mariadb", "postgresql"])
def test_killed_on_a_server_the_work_ends_as_if_nothing_had_happened(kind: str, request: pytest.FixtureRequest) -> None:
    server: Server = request.getfixturevalue(kind)
    for shape, points in ON_SERVERS:
        with installed(shape, server) as installation:
            for point in points:
                installation.kill_at(point, "last" if point.startswith("after") else "first")
            installation.kill_randomly(random.Random(kind))
            installation.finish()

            assert installation.objections == []
            assert len(installation.kills) >= len(points)


def test_killed_at_random_moments_the_work_ends_as_if_nothing_had_happened() -> None:
    dice = random.Random(20261124)
    for shape in SHAPES:
        with installed(shape, None) as installation:
            for _ in range(3):
                installation.kill_randomly(dice)
            installation.finish()

            assert installation.objections == []


def test_a_point_that_is_never_passed_fails_the_harness() -> None:
    with installed(SHAPES[0], None) as installation, pytest.raises(NeverPassed):
        installation.kill_at("before the point that nobody made")


# -- the judge can see --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good() -> Iterator[Installation]:
    """A run that was killed once and ended well."""
    with installed(SHAPES[0], None) as installation:
        installation.kill_at("after lane.begin")
        installation.finish()
        assert installation.objections == []
        yield installation


@pytest.fixture
def broken(good: Installation) -> Iterator[Installation]:
    """The good run, to be broken; the database is put back afterwards."""
    with _raw(good) as raw:
        saved = raw.serialize()
        for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            raw.execute(f"DROP TRIGGER {name}")
    yield good
    good.app.engine.dispose()
    path = good.folder / "syncer.db"
    for file in (path, path.with_name("syncer.db-wal"), path.with_name("syncer.db-shm")):
        file.unlink(missing_ok=True)
    path.write_bytes(saved)


@contextmanager
def _raw(installation: Installation) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(installation.folder / "syncer.db")
    try:
        yield connection
        connection.commit()
    finally:
        connection.close()


def sql(installation: Installation, statement: str) -> None:
    """Change the database behind syncer's back."""
    with _raw(installation) as connection:
        connection.execute(statement)


FIRST = "(SELECT min(id) FROM syncer_event WHERE event_key LIKE 'erasure-%')"
CONFIRMED = "(SELECT min(seq) FROM syncer_audit WHERE what = 'delivery:confirmed')"
#: which invariant must object to what is done to the database
IN_THE_DATABASE: tuple[tuple[Invariant, str], ...] = (
    (
        invariants.the_log_verifies_and_the_tables_say_the_same,
        f"UPDATE syncer_audit SET what = 'delivery:held' WHERE seq = {CONFIRMED}",
    ),
    (
        invariants.the_log_verifies_and_the_tables_say_the_same,
        f"UPDATE syncer_delivery SET action = 'unsubscribe' WHERE destination = 'crm' AND event_id = {FIRST}",
    ),
    (invariants.no_event_is_lost, f"DELETE FROM syncer_event WHERE id = {FIRST}"),
    (invariants.no_event_is_lost, f"UPDATE syncer_event SET state = 'open' WHERE id = {FIRST}"),
    (invariants.no_event_is_doubled, f"UPDATE syncer_event SET event_key = 'another' WHERE id = {FIRST}"),
    (
        invariants.no_event_is_doubled,
        f"DELETE FROM syncer_delivery WHERE destination = 'crm' AND event_id = {FIRST}",
    ),
    (
        invariants.no_event_is_doubled,
        "UPDATE syncer_audit SET event_id = (SELECT event_id FROM syncer_audit WHERE what = 'event:received'"
        " ORDER BY seq DESC LIMIT 1) WHERE seq = (SELECT min(seq) FROM syncer_audit WHERE what = 'event:received')",
    ),
    (
        invariants.nothing_is_confirmed_more_often_than_asked,
        "UPDATE syncer_audit SET what = 'delivery:confirmed' WHERE what = 'delivery:applied'",
    ),
    (
        invariants.nothing_is_confirmed_without_a_read_back,
        f"UPDATE syncer_audit SET body = replace(body, 'GET ', 'PUT ') WHERE seq = {CONFIRMED}",
    ),
    (
        invariants.nothing_is_confirmed_without_a_read_back,
        "UPDATE syncer_audit SET what = 'delivery:retrying' WHERE what = 'delivery:attempted'",
    ),
    (
        invariants.nothing_is_confirmed_without_a_read_back,
        f"UPDATE syncer_audit SET what = 'delivery:applied' WHERE seq = {CONFIRMED}",
    ),
    (
        invariants.nobody_is_acted_on_before_the_attempt_is_on_record,
        "UPDATE syncer_audit SET what = 'delivery:retrying' WHERE what = 'delivery:attempted'",
    ),
    (
        invariants.only_the_owner_of_a_lane_writes_its_walk,
        f"UPDATE syncer_audit SET body = replace(body, '\"pid\":', '\"pid\":1') WHERE seq = {CONFIRMED}",
    ),
    (
        invariants.only_the_owner_of_a_lane_writes_its_walk,
        "UPDATE syncer_audit SET body = replace(body, '\"fence\":2', '\"fence\":1') WHERE what = 'lane:taken'",
    ),
    (
        invariants.what_is_fulfilled_is_closed_everywhere,
        f"UPDATE syncer_delivery SET state = 'retrying' WHERE event_id = {FIRST}",
    ),
    (
        invariants.no_address_stands_in_the_open,
        f"UPDATE syncer_event SET source = 'person1@crash.test' WHERE id = {FIRST}",
    ),
    (invariants.every_address_is_shredded, f"UPDATE syncer_event SET email_sealed = 'x' WHERE id = {FIRST}"),
    (invariants.the_tally_is_what_the_tables_hold, "UPDATE syncer_tally SET number = number + 1 WHERE what = 'event'"),
)


@pytest.mark.parametrize(
    ("invariant", "statement"),
    IN_THE_DATABASE,
    ids=[f"{number}_{each.__name__}" for number, (each, _) in enumerate(IN_THE_DATABASE)],
)
def test_the_judge_objects_to_a_database_that_was_broken(
    broken: Installation, invariant: Invariant, statement: str
) -> None:
    assert invariant(broken.seen()) == []

    sql(broken, statement)

    assert invariant(broken.seen()) != []


def _comes_back(at: Installation, address: str) -> None:
    at.mailchimp.add(address, "a1b2c3d4e5")


def _is_mailed(at: Installation, address: str) -> None:
    at.crm.add(address, lists={"1": 1})


#: which invariant must object to what is done to the books of the providers: (right of the person, what is done)
IN_THE_BOOKS: tuple[tuple[Invariant, str, Callable[[Installation, str], None]], ...] = (
    (invariants.what_is_confirmed_is_so, "erasure", _comes_back),
    (invariants.what_is_confirmed_is_so, "objection", _is_mailed),
    (invariants.everybody_has_what_was_asked_for, "erasure", _is_mailed),
    (invariants.people_outside_the_events_are_untouched, "", _comes_back),
)


@pytest.mark.parametrize(
    ("invariant", "right", "breaks"),
    IN_THE_BOOKS,
    ids=[f"{number}_{each[0].__name__}" for number, each in enumerate(IN_THE_BOOKS)],
)
def test_the_judge_objects_to_books_that_were_changed(
    invariant: Invariant, right: str, breaks: Callable[[Installation, str], None]
) -> None:
    with installed(SHAPES[0], None) as installation:
        installation.ask()
        installation.finish()
        assert invariant(installation.seen()) == []
        outside = min(installation.bystanders)
        asked = [wanted.address for wanted in installation.wanted.values() if wanted.right == right]

        breaks(installation, asked[0] if asked else outside)

        assert invariant(installation.seen()) != []


def test_every_invariant_was_seen_to_object() -> None:
    assert {each for each, _ in IN_THE_DATABASE} | {each for each, _, _ in IN_THE_BOOKS} == set(AT_THE_END)


def test_the_judge_names_the_invariant(good: Installation) -> None:
    seen: Evidence = replace(good.seen(), destinations=("newsletter", "crm", "nowhere"))

    assert any(
        objection.startswith("no_event_is_doubled: ") for objection in judge(seen, (invariants.no_event_is_doubled,))
    )
