"""How one lane follows another in one process: after its calls, with its lease, and its adapter or another one."""

from __future__ import annotations

import threading
import time
from datetime import datetime

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App
from syncer.delivery.lane import Lane
from syncer.service.drain import prepare
from syncer.service.lanes import Lanes
from syncer.service.lookout import Lookout
from syncer.service.reload.lane_work import LanesAtWork
from tests.conftest import AUDIENCES
from tests.support.processes import until
from tests.support.walk import PERSON, put, rows


def failed(job: str, error: Exception) -> None:
    raise AssertionError(f"{job}: {error!r}")


def owned_until(app: App, name: str) -> tuple[int, datetime]:
    (row,) = [row for row in rows(app, app.tables.lane) if row.destination == name]
    return row.fence, row.lease_until


def test_a_lane_that_is_taken_again_by_its_owner_keeps_its_fence_and_has_a_whole_lease(app: App) -> None:
    app.leases.ensure(["crm"])
    assert app.leases.acquire("crm")
    fence, before = owned_until(app, "crm")
    time.sleep(0.05)

    assert app.leases.acquire("crm")

    again, after = owned_until(app, "crm")
    assert again == fence
    assert after > before


def test_a_finished_lane_begins_nothing_and_keeps_its_lease(app: App, mailchimp: MailchimpSandbox) -> None:
    newsletter, crm = app.lanes()
    put(app, "erasure", PERSON, "k1")
    assert crm.turn() == newsletter.turn() == 0
    prepare(app)
    newsletter.finish()

    assert newsletter.turn() == 0

    assert newsletter.finished
    assert newsletter.owned
    assert mailchimp.request_count == 0
    for lane in (newsletter, crm):
        lane.release()


@pytest.mark.slow
def test_told_to_finish_at_work_it_finishes_what_it_began_and_begins_nothing_else(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.latency = 0.2
    for number in range(60):
        put(app, "erasure", f"person{number}@crash.test", f"k{number}")
    prepare(app)
    newsletter, crm = app.lanes()
    turn = threading.Thread(target=newsletter.turn)
    turn.start()
    until(lambda: mailchimp.request_count, 10, every=0.01)

    newsletter.finish()
    turn.join(20)

    assert newsletter.finished
    there = [row for row in rows(app, app.tables.delivery) if row.destination == "newsletter"]
    assert {row.state for row in there if row.attempts} <= {"applied", "confirmed"}
    assert 0 < sum(row.attempts for row in there) <= 2 * newsletter.adapter.limits.senders
    for lane in (newsletter, crm):
        lane.release()


@pytest.mark.slow
@pytest.mark.parametrize("fate", ["kept", "changed", "removed"])
def test_the_next_lane_waits_for_the_calls_of_the_one_before_and_goes_on(
    app: App, mailchimp: MailchimpSandbox, fate: str
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0])
    mailchimp.latency = 0.5
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    stop = threading.Event()
    first = app.lanes(stop=stop)
    adapters = {lane.name: lane.adapter for lane in first}
    at_work, lookout = LanesAtWork(failed), Lookout(app, first)
    at_work.begin(Lanes(app, first), lookout)
    until(lambda: mailchimp.request_count, 10)

    following: list[Lane] = [] if fate == "removed" else app.lanes(adapters if fate == "kept" else None, stop)
    at_work.finish({lane.name: lane.adapter for lane in following})
    at_work.begin(Lanes(app, following), lookout)
    deliveries = app.tables.delivery
    done = {"confirmed", "applied"} if fate == "removed" else {"confirmed"}
    until(lambda: {row.state for row in rows(app, deliveries)} <= done and not first[0].busy, 20)
    stop.set()
    for lane in at_work.end():
        lane.release()
    lookout.close()

    assert {row.attempts for row in rows(app, deliveries)} == {1}
    assert {row.owner for row in rows(app, app.tables.lane)} == {None}
    assert {row.fence for row in rows(app, app.tables.lane)} == {1}


@pytest.mark.slow
def test_a_lane_that_still_finishes_at_the_next_reload_closes_the_adapter_that_the_first_one_replaced(
    app: App, mailchimp: MailchimpSandbox
) -> None:
    mailchimp.latency = 0.5
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    stop = threading.Event()
    first = app.lanes(stop=stop)
    at_work, lookout = LanesAtWork(failed), Lookout(app, first)
    at_work.begin(Lanes(app, first), lookout)
    until(lambda: mailchimp.request_count, 10, every=0.01)
    of_the_first = [thread for thread in threading.enumerate() if thread.name == "deadlines"]

    others = {lane.name: lane.adapter for lane in app.lanes(stop=stop)}
    for _ in range(2):  # the adapters are replaced, then those are kept
        at_work.finish(others)
        at_work.begin(Lanes(app, app.lanes(others, stop)), lookout)
    assert any(lane.busy for lane in first)

    until(lambda: not any(thread.is_alive() for thread in of_the_first), 20)
    stop.set()
    for lane in at_work.end():
        lane.release()
    lookout.close()


@pytest.mark.slow
def test_told_to_end_before_the_next_lane_began_the_lease_is_given_back(app: App, mailchimp: MailchimpSandbox) -> None:
    mailchimp.latency = 0.5
    put(app, "erasure", PERSON, "k1")
    prepare(app)
    stop = threading.Event()
    first = app.lanes(stop=stop)
    at_work, lookout = LanesAtWork(failed), Lookout(app, first)
    at_work.begin(Lanes(app, first), lookout)
    until(lambda: mailchimp.request_count, 10)

    for _ in range(2):  # told again before the second began
        following = app.lanes(stop=stop)
        at_work.finish({lane.name: lane.adapter for lane in following})
        at_work.begin(Lanes(app, following), lookout)
    stop.set()
    for lane in at_work.end():
        lane.release()
    lookout.close()

    assert {row.owner for row in rows(app, app.tables.lane)} == {None}
