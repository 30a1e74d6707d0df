"""A drain that fails ends what it started, all of it."""

from __future__ import annotations

import threading

import pytest
import sqlalchemy as sa

from adapters.sandbox import MailchimpSandbox
from adapters.sandbox.messages import Reply, Request
from syncer.app import App
from syncer.service.drain import drain
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
