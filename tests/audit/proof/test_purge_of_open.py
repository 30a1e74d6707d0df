"""A purge goes by what the log itself says: columns and tables, which anybody may have written, free no text."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncer.app import App
from syncer.audit.proof.purge import Purge
from syncer.errors import ChainBroken
from syncer.service.drain import drain, prepare
from tests.conftest import Clock
from tests.support.attacks.tampering import undone
from tests.support.purging import bodies, old_and_new, power_cut
from tests.support.servers import ENGINES
from tests.support.walk import PERSON, put, rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def one(app: App, key: str) -> str:
    return next(str(row.id) for row in rows(app, app.tables.event) if row.event_key == key)


def called_fulfilled(_app: App, held: str) -> list[str]:
    return [f"UPDATE syncer_event SET state = 'fulfilled', fulfilled_at = created_at WHERE id = '{held}'"]


def without_its_event(_app: App, held: str) -> list[str]:
    return [f"UPDATE syncer_audit SET event_id = NULL WHERE event_id = '{held}'"]


def given_to_another(app: App, held: str) -> list[str]:
    return [f"UPDATE syncer_audit SET event_id = '{one(app, 'old')}' WHERE event_id = '{held}'"]


def made_older(app: App, _held: str) -> list[str]:
    return [
        f"UPDATE syncer_audit SET at = '2018-01-01T00:00:00.000000Z' WHERE event_id = '{one(app, 'new')}'",
        f"UPDATE syncer_event SET state = 'fulfilled' WHERE id = '{one(app, 'new')}'",
    ]


def replaced(app: App, held: str) -> list[str]:
    """Another text under its own leaf: the true leaf is put back later."""
    return [
        *called_fulfilled(app, held),
        f"UPDATE syncer_audit SET leaf = mac, body = '{{}}' WHERE event_id = '{held}'",
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "attack",
    [called_fulfilled, without_its_event, given_to_another, made_older, replaced],
    ids=lambda each: each.__name__,
)
def test_no_text_of_an_open_request_goes(app: App, clock: Clock, attack: Callable[[App, str], list[str]]) -> None:
    old_and_new(app, clock)
    before = bodies(app)
    for statement in attack(app, one(app, "held")):
        undone(app, statement)

    with pytest.raises(ChainBroken):
        app.purge.carry_out()

    assert bodies(app) == before


def test_no_text_of_a_request_goes_that_somebody_deleted(app: App, clock: Clock) -> None:
    old_and_new(app, clock)
    for key in ("old", "held"):
        event = one(app, key)
        undone(app, f"DELETE FROM syncer_delivery WHERE event_id = '{event}'")
        undone(app, f"DELETE FROM syncer_event WHERE id = '{event}'")

    app.purge.carry_out()
    app.notary.make()

    finding = app.verify()
    assert not finding.ok
    assert "somebody deleted it" in str(finding.reason)


# -- which texts go together ---------------------------------------------------------------------------------


def one_after_the_other(app: App, clock: Clock) -> None:
    """A request that was over soon, and one in the midst of it that was over six days later."""
    clock.advance(days=-84 * 31)
    put(app, "erasure", PERSON, "short")
    drain(app)
    clock.advance(days=5)
    put(app, "erasure", "grace@hopper.test", "long")
    drain(app)
    for days in (5, 6):
        clock.advance(days=days)
        for _ in range(3):
            prepare(app)
            drain(app)
        app.notary.make()


@pytest.mark.slow
@everywhere
def test_a_purge_after_one_that_was_cut_off_takes_all_of_an_event(app: App, clock: Clock) -> None:
    one_after_the_other(app, clock)
    purge = Purge(app.transactions, app.checkpoints, app.ledger, 36, piece=5)
    clock.advance(days=3 * 365 - 3)  # what was over soon is past its time
    with power_cut(app, 1):
        purge.carry_out()
    app.notary.make()
    assert app.verify().ok
    clock.advance(days=30)

    planned, done = purge.due(), purge.carry_out()

    assert planned == done
    assert done.bodies is not None
    assert done.unfinished is not None
    app.notary.make()
    finding = app.verify()
    assert (finding.ok, finding.reason) == (True, None)
    assert finding.purged == 5 + done.unfinished.count + done.bodies.count
    assert purge.due().bodies is None


def test_bodies_that_a_clock_dated_ahead_go_with_a_later_purge(app: App, clock: Clock) -> None:
    clock.advance(days=-84 * 31)
    put(app, "erasure", PERSON, "ahead")
    drain(app)
    clock.advance(days=60)  # a wrong clock, put right below
    for _ in range(3):
        prepare(app)
        drain(app)
    clock.advance(days=-55)
    put(app, "erasure", "grace@hopper.test", "after")
    drain(app)
    clock.advance(days=14)
    for _ in range(3):
        prepare(app)
        drain(app)
    app.notary.make()

    for days in (3 * 365 + 5, 60):
        clock.advance(days=days)
        assert app.purge.carry_out().bodies is not None
        app.notary.make()

        finding = app.verify()
        assert (finding.ok, finding.reason) == (True, None)
