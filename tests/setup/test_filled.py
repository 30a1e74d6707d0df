"""The installation of the console's demo: three months in which everything happened that people come to look at."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from syncer.clock import now
from syncer.console.sign_in.demo_people import add_demo_people
from syncer.domain.permissions import Role, permissions
from syncer.domain.rights import Right
from syncer.service.drain import carry_out
from syncer.setup.filled.clock import StoryClock
from syncer.setup.filled.installation import FilledInstallation, filled

pytestmark = pytest.mark.slow
END = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FilledInstallation]:
    """That installation; it takes ten seconds and more."""
    with filled(tmp_path_factory.mktemp("filled"), 8484, END, carry_out, add_demo_people) as made:
        yield made


def test_there_are_some_hundred_requests_of_three_months_from_several_sources(made: FilledInstallation) -> None:
    events = made.app.reader.events()

    assert 200 < len(events) < 500
    assert min(event.received_at for event in events) < END - timedelta(days=85)
    assert max(event.received_at for event in events) > END - timedelta(hours=4)
    assert {Right.ERASURE, Right.OBJECTION} <= {event.right for event in events}
    assert len({event.source for event in events}) >= 5
    assert Counter(str(event.state) for event in events).keys() == {"open", "held", "fulfilled"}


def test_there_is_one_of_everything_that_people_decide_about(made: FilledInstallation) -> None:
    app = made.app
    events = app.reader.events()
    codes = {each.code for event in events for each in event.deliveries}
    status = app.status.read()

    assert {"archived_not_purged", "forbidden", "malformed", "newer_consent", "guarded"} <= codes
    assert {"legal_claims", "withdrawn"} <= codes
    assert any(event.extended_at for event in events)
    assert any(event.overdue for event in events)
    assert status.destinations["shop"].paused_by == "operator"
    told = Counter(row["what"] for row in app.ledger.rows())
    assert told["operator:resynced"] and told["guard:released"] and told["delivery:reappeared"]
    assert told["operator:looked_up"] and told["report:exported"] and told["audit:checkpoint"]


def test_a_proposal_waits_for_a_second_person(made: FilledInstallation) -> None:
    app = made.app
    (waiting,) = app.proposals.waiting()

    assert (waiting.kind, waiting.proposer["user"]) == ("exempt", "otto")
    assert app.acting_as({"kind": "console", "user": "clara"}, permissions([Role.COMPLIANCE])).proposals.may_decide(
        waiting
    )


def test_a_destination_is_on_trial_and_stays_as_it_was(made: FilledInstallation) -> None:
    journal = made.app.status.read().destinations["journal"]

    assert (journal.mode, journal.confirmed) == ("shadow", 0)
    assert journal.previewed > 20


def test_the_daemon_did_the_work_and_people_decided(made: FilledInstallation) -> None:
    rows = [(row["what"], json.loads(row["body"])["actor"]) for row in made.app.ledger.rows()]
    did = {actor["kind"] for what, actor in rows if what == "delivery:confirmed"}
    decided = {actor["user"] for what, actor in rows if what.startswith(("operator:r", "operator:a", "guard:rel"))}

    assert did == {"daemon"}
    assert decided == {"otto", "clara"}


def test_its_log_is_whole_and_was_verified(made: FilledInstallation) -> None:
    assert made.app.verify().ok
    last = made.app.verified.last()
    assert last is not None and last.ok


def test_nobody_who_asked_is_still_to_be_found_where_it_is_said_to_be_done(made: FilledInstallation) -> None:
    left = {address.lower() for _, address, _ in made.providers.newsletter.members()}
    (first, *_) = made.addresses

    assert first.lower() not in left
    assert made.providers.crm.contact(first) is None


def test_its_clock_stands_still_until_it_is_let_go() -> None:
    clock = StoryClock(END)
    assert clock() == clock() == END

    clock.advance(timedelta(hours=1))
    assert clock() == END + timedelta(hours=1)

    clock.go_on()
    assert now() - clock() < timedelta(minutes=1)
