"""A drain that fails ends what it started, all of it."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from adapters.sandbox.messages import Reply, Request
from syncer.app import App
from syncer.intake.take import BATCH
from syncer.service.drain import drain
from tests.support.processes import inside
from tests.support.walk import PERSON, put


def test_where_no_lane_can_be_given_back_the_threads_of_every_lane_end(app: App, mailchimp: MailchimpSandbox) -> None:
    handle = mailchimp.handle

    def lose_the_lanes(request: Request) -> Reply:
        with app.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE IF EXISTS syncer_lane")
        return handle(request)

    mailchimp.handle = lose_the_lanes  # type: ignore[method-assign]
    put(app, "erasure", PERSON, "k1")
    before = set(threading.enumerate())

    with pytest.raises(sa.exc.OperationalError, match="syncer_lane"):
        drain(app)

    ours = {one for one in set(threading.enumerate()) - before if one.name == "deadlines" or one.name[:5] == "lane-"}
    for thread in ours:
        thread.join(10)  # they were told to end
    assert [thread.name for thread in ours if thread.is_alive()] == []


@pytest.mark.slow
def test_when_time_is_up_the_rest_of_the_queue_is_left_and_counted(app: App) -> None:
    for number in range(BATCH + 50):
        put(app, "erasure", f"person{number}@list.test", f"k{number}")

    result = drain(app, max_seconds=0)

    assert (result.taken, result.waiting) == (BATCH, 50)
    assert drain(app).waiting == 0
    assert app.queue.count() == 0


@pytest.mark.slow
def test_a_drain_that_left_rows_in_the_queue_says_so_and_ends_with_one(app: App) -> None:
    for number in range(BATCH + 50):
        put(app, "erasure", f"person{number}@list.test", f"k{number}")

    cut = inside(app.settings.path, "drain", "--max-seconds", "0")
    whole = inside(app.settings.path, "drain")

    assert (cut.returncode, whole.returncode) == (1, 0)
    assert "waiting in the queue 50" in cut.stdout
    assert "time was up" in cut.stderr
    assert "waiting in the queue" not in whole.stdout
