"""The web console: how soon it is ready, what it holds, what pages take among many events, what readers cost a lane.

Run as a script it is those readers: `python -m tests.bench.console URL COOKIE PAGE...`.
"""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlencode, urlsplit

import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.console.desk import furnish
from syncer.database.connections import reading
from syncer.domain.permissions import Role
from tests.bench.figures import Figure, Run
from tests.bench.fill.installation import fill as fill_whole
from tests.bench.installation import fill, installed, work
from tests.bench.provider import Provider
from tests.support.paths import ROOT
from tests.support.servers import free_port

TABLE = '\n[console]\nurl = "http://localhost:{port}/"\nlisten = "127.0.0.1:{port}"\nkey_file = "syncer.key"\n'
REGISTER, OVERVIEW, REPORTS = "/requests/", "/", "/reports/"
#: events of one export
EXPORTED = 10_000
#: who reads at one time, and seconds between two pages of one of them
READERS, PAUSE = 4, 1.0
#: milliseconds that stand for a page that is not there
NEVER = 9999
BUSY = "a machine that does something else meanwhile takes a multiple of it"


@dataclass(frozen=True, slots=True)
class Running:
    """A console that answers; `cookie` is of somebody who may see everything, `ready` the seconds it took to begin."""

    port: int
    process: int
    cookie: str
    ready: float

    @property
    def mib(self) -> float:
        """What it has resident, in MiB."""
        return self._held("VmRSS:")

    @property
    def most_mib(self) -> float:
        """The most that it ever had resident, in MiB."""
        return self._held("VmHWM:")

    def _held(self, name: str) -> float:
        lines = Path(f"/proc/{self.process}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) / 1024

    def page(self, path: str, times: int) -> float:
        """Return the milliseconds of a page, the median of so many times."""
        taken = []
        for _ in range(times):
            began = time.perf_counter()
            status = ask(self.port, self.cookie, path)
            taken.append((time.perf_counter() - began) * 1000)
            if status != 200:
                return NEVER
        return statistics.median(taken)


def measure(run: Run) -> Iterator[Figure]:
    """Yield the figures, on SQLite: its pages hold no more of a server's."""
    with TemporaryDirectory(prefix="syncer-bench-") as folder, ExitStack() as stack:
        mailchimp, crm = (stack.enter_context(Provider(kind)) for kind in ("mailchimp", "activecampaign"))
        events = 2 * run.events
        path = fill_whole(Path(folder), events, "sqlite:///syncer.db", years=3, mailchimp=mailchimp, activecampaign=crm)
        bare = min(_bare() for _ in range(run.count(5, 2)))
        with open_app(load_settings(path)) as app, running(app) as console:
            note = f"{console.ready / bare:.0f} times an empty Python"
            yield Figure("console: seconds until it is ready", round(console.ready, 2), "<= 1", note, BUSY, "<= 5")
            yield Figure("console: MiB at rest", round(console.mib), "<= 85")
            times = run.count(25, 3)
            for name, page, target, bound in (
                ("the register", REGISTER, "<= 50", "<= 150"),
                ("the overview", OVERVIEW, "<= 300", "<= 900"),
            ):
                taken = console.page(page, times)
                yield Figure(f"console: ms of {name} among {events} events", round(taken), target, "", BUSY, bound)
            note = "each of its threads has a connection, which keeps 2 MiB of pages"
            yield Figure("console: MiB after these pages", round(console.mib), "<= 100", note)
        with open_app(load_settings(path)) as app, running(app) as console:
            yield _exporting(console, app, min(EXPORTED, events))
    yield _beside_readers(run)


def _exporting(console: Running, app: App, events: int) -> Figure:
    """Take the newest events out as HTML, from a console that did nothing before."""
    form = {"since": _received(app, events), "format": "html"}
    took, status = _timed(lambda: ask(console.port, console.cookie, REPORTS, form))
    most = round(console.most_mib) if status == 200 else NEVER
    return Figure(f"console: MiB while it exports {events} events", most, "<= 120", f"as HTML, in {took:.0f} s")


def _beside_readers(run: Run) -> Figure:
    """Compare a lane beside four people who read a page a second each, with the lane by itself."""
    count, ratios = run.count(1000, 100), []
    with Provider("mailchimp") as provider, installed(provider) as app, running(app) as console:
        provider.add(0, 50)
        fill(app, 0, 50)
        work(app)  # it begins warm
        for turn in range(1, 1 + run.count(7, 1)):
            first = turn * 1_000_000
            provider.add(first, 2 * count)
            fill(app, first, count)
            alone = work(app)
            fill(app, first + count, count)
            with _readers(console):
                ratios.append(alone / work(app))
    ratio = round(statistics.median(ratios), 3)
    figure = "console: deliveries/s of a lane beside four readers, over without"
    return Figure(figure, ratio, ">= 0.95", excuse="the lane wobbles by as much from run to run", bound=">= 0.8")


@contextmanager
def running(app: App) -> Iterator[Running]:
    """Run a console over an installation for as long as the block lasts."""
    port, path = free_port(), app.settings.path
    others = path.read_text(encoding="utf-8").partition(TABLE[: TABLE.index("url")])[0]
    path.write_text(others + TABLE.format(port=port), encoding="utf-8")
    app.settings = replace(app.settings, console=load_settings(path).console)
    here = furnish(app)
    with app.transactions.write() as tx:
        tx.connection.execute(app.tables.user.delete())
        tx.connection.execute(app.tables.user.insert().values(name="anna", roles=Role.ADMIN, created_at=tx.now))
        cookie = f"{here.cookie}={here.sessions.open(tx, 'anna', 'passkey', '127.0.0.0/24', stepped_up=True)}"
    began = time.perf_counter()
    words = [sys.executable, "-m", "syncer", "--settings", str(path), "console"]
    process = subprocess.Popen(words, env=_env(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while ask(port, cookie, "/healthz") != 200:
            assert process.poll() is None, "the console ended by itself"
            assert time.perf_counter() - began < 60, "the console does not begin"
            time.sleep(0.01)
        yield Running(port, process.pid, cookie, time.perf_counter() - began)
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def _readers(console: Running) -> Iterator[None]:
    words = [sys.executable, "-m", "tests.bench.console", f"http://localhost:{console.port}", console.cookie]
    process = subprocess.Popen([*words, OVERVIEW, REGISTER], env=_env())
    try:
        yield
    finally:
        process.kill()
        process.wait()


def ask(port: int, cookie: str, path: str, form: Mapping[str, str] | None = None) -> int:
    """Return the status of a page, or of what a form is answered with; 0 while nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    headers = {"Host": f"localhost:{port}", "Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    try:
        if form is None:
            connection.request("GET", path, headers=headers)
        else:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", path, urlencode(form), headers)
        answer = connection.getresponse()
        while answer.read(1 << 16):
            pass
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()


def _received(app: App, newest: int) -> str:
    """Return the day on which the oldest of so many newest events was received."""
    e = app.tables.event.c
    with reading(app.engine) as connection:
        query = sa.select(e.received_at).order_by(e.received_at.desc(), e.id.desc()).offset(newest - 1).limit(1)
        oldest: datetime = connection.execute(query).scalar_one()
    return oldest.astimezone(app.rule.zone).date().isoformat()


def _timed(act: Callable[[], int]) -> tuple[float, int]:
    """Return the seconds that something took, and what it returned."""
    began = time.perf_counter()
    returned = act()
    return time.perf_counter() - began, returned


def _bare() -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], env=_env(), check=True)
    return time.perf_counter() - began


def _env() -> dict[str, str]:
    # an installation has its bytecode, whatever this environment says
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(ROOT)}


def main(words: Sequence[str]) -> None:
    """Read pages in turns, as four people, until somebody ends it."""
    url, cookie, *pages = words
    port = urlsplit(url).port or 80

    def read(number: int) -> None:
        while True:
            ask(port, cookie, pages[number % len(pages)])
            number += 1
            time.sleep(PAUSE)

    for number in range(READERS):
        threading.Thread(target=read, args=(number,)).start()


if __name__ == "__main__":
    main(sys.argv[1:])
