"""What a lane costs: deliveries a second against a bare requests.Session loop that makes the same calls."""

from __future__ import annotations

import hashlib
import queue
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import requests
import sqlalchemy as sa

from syncer.app import App
from syncer.service.soundness import SHARE, Stopped
from tests.bench.figures import Figure, Run
from tests.bench.installation import fill, installed, rest, work
from tests.bench.provider import AUDIENCE, Provider, person

#: as many as the adapter has senders
THREADS = 8
FIELDS = "email_address,list_id,status,timestamp_opt,timestamp_signup,last_changed"
TARGETS = {"sqlite": ">= 0.95", "mariadb": ">= 0.93", "postgresql": ">= 0.93"}
BOUNDS = {"sqlite": ">= 0.7", "mariadb": ">= 0.6", "postgresql": ">= 0.6"}
#: a profile by who holds the interpreter's lock: its calls took 562 samples, what it keeps 877; a bare loop's calls 852
WHY = "an event leaves five entries, chained, written, and read again before it may end: 3/5 of what a lane computes"
#: how log flushes are counted on a server, which number of the row it is. InnoDB flushes its log after each write of a
#: commit; MariaDB 10.8 dropped Innodb_os_log_fsyncs, and Innodb_data_fsyncs counts files that grow as well
FLUSHES = {
    "mysql": ("SHOW GLOBAL STATUS LIKE 'Innodb_log_writes'", 1),
    "postgresql": ("SELECT wal_sync FROM pg_stat_wal", 0),
}


def measure(run: Run) -> Iterator[Figure]:
    """Yield the figures of each engine: speed, commits and flushes."""
    for name, new_database in run.engines.items():
        with Provider("mailchimp") as provider, installed(provider, new_database()) as app:
            yield from _speed(name, app, provider, run)
            yield _beside_a_verification(name, app, provider, run)
            yield _flushes(name, app, provider, run.count(2000, 100))


def _speed(name: str, app: App, provider: Provider, run: Run) -> Iterator[Figure]:
    count, ratios, commits = run.count(1000, 100), [], Commits(app.engine)
    provider.add(0, 50)
    fill(app, 0, 50)
    work(app)  # both sides begin warm
    for turn in range(1, 8):
        first = turn * 1_000_000
        provider.add(first, count)
        fill(app, first, count)
        commits.number = 0
        lane = work(app)
        provider.add(first + 500_000, count)
        ratios.append(bare(provider, first + 500_000, count) / lane)
    ratio = round(statistics.median(ratios), 3)
    figure = f"lane on {name}: deliveries/s over a bare loop's"
    yield Figure(figure, ratio, TARGETS[name], excuse=WHY, bound=BOUNDS[name])
    yield Figure(f"lane on {name}: commits per delivery", round(commits.number / count, 3), "<= 0.25")


def _beside_a_verification(name: str, app: App, provider: Provider, run: Run) -> Figure:
    """Compare the lane beside the daily verification, which works a small part of the time, with the lane by itself."""
    count, ratios = run.count(1000, 100), []
    for turn in range(1, 6):
        first = 20_000_000 + turn * 1_000_000
        provider.add(first, 2 * count)
        fill(app, first, count)
        alone = work(app)
        fill(app, first + count, count)
        with _verifying(app):
            ratios.append(alone / work(app))
    ratio = round(statistics.median(ratios), 3)
    figure = f"lane on {name}: deliveries/s beside the daily verification, over without"
    return Figure(figure, ratio, ">= 0.95", excuse="the lane wobbles by as much from run to run", bound=">= 0.85")


@contextmanager
def _verifying(app: App) -> Iterator[None]:
    """Verify over and over, with the daemon's rests, until the block ends."""
    over = threading.Event()

    def rest(worked: float) -> None:
        if over.wait(worked * (1 / SHARE - 1)):
            raise Stopped

    def verify() -> None:
        with suppress(Stopped):
            while not over.is_set():
                assert app.verify(pause=rest).ok

    thread = threading.Thread(target=verify)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _flushes(name: str, app: App, provider: Provider, count: int) -> Figure:
    provider.clear()
    fill(app, 9_000_000, count)  # nobody knows these people: one call each
    rest(app)
    commits = Commits(app.engine)
    before = _flushed(app, commits)
    work(app)
    value = (_flushed(app, commits) - before) / count
    how = "commits, each one sync of the WAL" if app.engine.dialect.name == "sqlite" else "by the engine's counter"
    return Figure(f"lane on {name}: log flushes per event in a backlog", round(value, 3), "<= 0.05", how)


class Commits:
    """Counts the commits of write transactions on an engine."""

    def __init__(self, engine: sa.Engine) -> None:
        self.number = 0
        sa.event.listen(engine, "commit", self._count)

    def _count(self, connection: sa.Connection) -> None:
        self.number += bool(connection.get_execution_options().get("writes"))


def _flushed(app: App, commits: Commits) -> int:
    kind = app.engine.dialect.name
    if kind == "sqlite":
        return commits.number
    app.engine.dispose()  # PostgreSQL adds a session's numbers up when it ends
    with app.engine.connect() as connection:
        statement, place = FLUSHES[kind]
        return int(connection.exec_driver_sql(statement.replace("%", "%%")).one()[place])


def bare(provider: Provider, first: int, count: int) -> float:
    """Erase `count` people with nothing around the calls (read, delete, read back); return the seconds it took."""
    session = requests.Session()
    session.trust_env = False
    session.auth = ("syncer", provider.api_key)
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=THREADS, pool_block=True))
    waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    for number in [*range(first, first + count), *[None] * THREADS]:
        waiting.put(number)

    def erase() -> None:
        while (number := waiting.get()) is not None:
            key = hashlib.md5(person(number).encode()).hexdigest()
            url = f"{provider.url}/3.0/lists/{AUDIENCE}/members/{key}"
            assert session.get(url, params={"fields": FIELDS}).status_code == 200
            assert session.post(f"{url}/actions/delete-permanent").status_code == 204
            assert session.get(url, params={"fields": FIELDS}).status_code == 404

    threads = [threading.Thread(target=erase) for _ in range(THREADS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - began
    session.close()
    return took
