"""Of several daemons one tells, by the database's clock, on every engine."""

from __future__ import annotations

import threading
import time

import pytest

from syncer.alerting.catalog import WARNING, Sign
from syncer.app import App
from syncer.database.alerting import duty as sql
from syncer.database.connections import writing
from syncer.service.alerts.duty import Duty
from syncer.service.alerts.post import post_of
from syncer.service.alerts.telling import telling_of
from tests.conftest import Clock
from tests.service.alerts.conftest import Make
from tests.support.receivers.alerting import hold, hook_channel, rows
from tests.support.receivers.hooks import Receiver
from tests.support.servers import ENGINES


def duty(app: App, owner: str, seconds: int = 30) -> Duty:
    return Duty(app.transactions, owner, seconds)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_one_of_two_has_it_until_it_lets_go(app: App) -> None:
    one, other = duty(app, "one.test:1:a"), duty(app, "other.test:2:b")

    assert (one.ours(), other.ours(), one.ours()) == (True, False, True)
    one.give_up()
    assert (other.ours(), one.ours()) == (True, False)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_lease_that_is_not_renewed_ends_by_the_databases_clock(app: App, clock: Clock) -> None:
    one, other = duty(app, "one.test:1:a", 1), duty(app, "other.test:2:b")
    assert one.ours()
    clock.advance(days=1)  # ours has no say
    assert not other.ours()
    time.sleep(1.2)

    assert other.ours()
    assert not one.ours()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_of_many_that_ask_at_once_for_the_first_time_one_has_it(app: App) -> None:
    answers: list[bool] = []
    ready = threading.Barrier(6)

    def ask(number: int) -> None:
        mine = duty(app, f"host{number}.test:{number}:x")
        ready.wait()
        answers.append(mine.ours())

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == [False] * 5 + [True]


@pytest.mark.slow
def test_a_lease_for_a_thousand_years_is_nobodys(app: App) -> None:
    with writing(app.engine) as connection:
        sql.take(connection, app.tables, "alerts", "thief.test:1:a", 10**9, lambda _: False)

    assert duty(app, "one.test:1:a").ours()


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_alerts_go_their_whole_way_on_every_engine(with_channels: Make, clock: Clock, hooks: Receiver) -> None:
    app = with_channels(hook_channel())
    paused = Sign("lane_paused", WARNING, {"by": "a person"}, "newsletter")
    hold(app, paused)
    clock.advance(minutes=2)
    for signs in ((paused,), (paused,), (), ()):
        hold(app, *signs)
        telling_of(app).tell()
        post = post_of(app)
        post.work()
        post.collect(5)
        clock.advance(minutes=20)

    assert [one.json["type"] for one in hooks.received] == ["syncer.alert.raised", "syncer.alert.cleared"]
    assert rows(app, app.tables.alert_told) == []
