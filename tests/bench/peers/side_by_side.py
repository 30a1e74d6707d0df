"""syncer and its peers on the same work: events a second, CPU, and what is lost or repeated after kill -9."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import util
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.app import load_settings, open_app
from syncer.setup.install import initialise
from tests.bench.child import spent
from tests.bench.figures import Figure, Run
from tests.bench.installation import settings_file
from tests.bench.peers.job import THREADS
from tests.bench.peers.redis_server import private_redis
from tests.bench.provider import Provider, person
from tests.support.paths import ROOT
from tests.support.servers import SERVERS, Missing

#: seconds without a call after which a worker is through, or stuck: Redis gives a message back after a minute
QUIET = 75.0
NO_AUDIT = "the quickest keeps one word for an event and no evidence of any call"


@dataclass(frozen=True, slots=True)
class Peer:
    """Somebody who carries out erasures: how `count` of them are queued, and the words that start the worker.

    `new_store` returns where a new queue is kept, `server` is the process that keeps it; `prepare` queues in this one.
    """

    name: str
    fill: tuple[str, ...]
    work: tuple[str, ...]
    new_store: Callable[[Path], str]
    server: int | None = None
    prepare: Callable[[Path, Provider, int], Path] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a worker did: events/s, CPU seconds per thousand, and after a kill how many were lost and repeated."""

    rate: float
    cpu: float
    lost: int
    repeated: int


def measure(run: Run) -> Iterator[Figure]:
    """Yield a figure for each peer; one that lacks something says what. syncer is compared with the quickest."""
    count, rates = run.count(3000, 60), {}
    for name, peer, why in _peers(run):
        if peer is None:
            yield Figure(f"beside: {name}: events/s", 0, "", f"skipped: {why}")
            continue
        found = _outcome(peer, count, run)
        rates[name] = found.rate
        note = f"CPU {found.cpu:.1f} s per 1,000; after kill -9: {found.lost} lost, {found.repeated} repeated"
        yield Figure(f"beside: {name}: events/s", round(found.rate), "", note)
        if name.startswith("syncer"):
            yield Figure(f"beside: {name}: events lost after kill -9", found.lost, "<= 0")
    ours = rates["syncer on sqlite"]
    best = max(rate for name, rate in rates.items() if not name.startswith("syncer"))
    figure = "beside: syncer on sqlite over the quickest peer"
    yield Figure(figure, round(ours / best, 2), ">= 0.9", excuse=NO_AUDIT, bound=">= 0.65")


def _peers(run: Run) -> Iterator[tuple[str, Peer | None, str]]:
    ways = {"loop with a status column": 1, "the same with a pool of threads": THREADS}
    with ExitStack() as stack:
        for name, threads in ways.items():
            yield name, Peer(name, _step("table", "fill"), (*_step("table", "work"), str(threads)), _file), ""
        yield _huey()
        yield _procrastinate(run, stack)
        yield _dramatiq(stack)
        for engine, new_database in run.engines.items():
            server = run.servers[engine].pid if engine in run.servers else None
            yield f"syncer on {engine}", _syncer(engine, new_database, server), ""


def _step(module: str, function: str) -> tuple[str, ...]:
    return sys.executable, "-m", "tests.bench.peers", module, function


def _file(folder: Path) -> str:
    return str(folder / "jobs.db")


def _missing(package: str) -> str:
    return "" if util.find_spec(package) else f"{package} is not installed; requirements-bench.lock has it"


def _huey() -> tuple[str, Peer | None, str]:
    if why := _missing("huey"):
        return "huey", None, why
    words = ("-m", "huey.bin.huey_consumer", "tests.bench.peers.on_huey.huey", "-w", str(THREADS), "-q")
    return "huey", Peer("huey", _step("on_huey", "fill"), (sys.executable, *words), _file), ""


def _procrastinate(run: Run, stack: ExitStack) -> tuple[str, Peer | None, str]:
    name, module = "procrastinate", "on_procrastinate"
    if why := _missing(name):
        return name, None, why
    try:
        server = run.servers.get("postgresql") or stack.enter_context(contextlib.closing(SERVERS["postgresql"]()))
    except Missing as missing:
        return name, None, str(missing)

    def store(_: Path) -> str:
        return server.new_database().replace("postgresql+psycopg://", "postgresql://")

    return name, Peer(name, _step(module, "fill"), _step(module, "work"), store, server.pid), ""


def _dramatiq(stack: ExitStack) -> tuple[str, Peer | None, str]:
    name, words = "dramatiq with Redis", ("-m", "dramatiq", "tests.bench.peers.on_dramatiq", "--processes", "1")
    if why := _missing("dramatiq") or _missing("redis"):
        return name, None, why
    try:
        new_url, process = stack.enter_context(private_redis())
    except Missing as missing:
        return name, None, str(missing)
    worker = (sys.executable, *words, "--threads", str(THREADS))
    return name, Peer(name, _step("on_dramatiq", "fill"), worker, lambda _: new_url(), process), ""


def _syncer(engine: str, new_database: Callable[[], str], server: int | None) -> Peer:
    def prepare(folder: Path, provider: Provider, count: int) -> Path:
        path = settings_file(folder, provider, new_database())
        settings = load_settings(path)
        initialise(settings)
        with open_app(settings) as app:
            rows = [{"event_key": f"e{n}", "kind": "erasure", "email": person(n)} for n in range(count)]
            app.queue.insert([row | {"created_at": app.clock()} for row in rows])
        return path

    daemon = (sys.executable, "-m", "syncer", "--settings", "{settings}", "run")
    return Peer(f"syncer on {engine}", (), daemon, lambda _: "", server, prepare=prepare)


def _outcome(peer: Peer, count: int, run: Run) -> Outcome:
    quiet = min(QUIET, max(run.seconds * 1.25, 15.0))
    with Provider("mailchimp") as provider:
        with _queued(peer, provider, count) as start:
            rate, cpu = _whole(peer, provider, count, start)
        with _queued(peer, provider, count) as start:
            lost, repeated = _killed(provider, count, start, quiet)
    return Outcome(rate, cpu, lost, repeated)


@contextlib.contextmanager
def _queued(peer: Peer, provider: Provider, count: int) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Queue the erasures of so many people; yield what starts a worker in a process group of its own."""
    provider.add(0, count)
    with TemporaryDirectory(prefix="syncer-peer-") as place:
        env = dict(os.environ) | {"BENCH_URL": provider.url, "BENCH_KEY": provider.api_key, "PYTHONPATH": str(ROOT)}
        env["BENCH_STORE"] = peer.new_store(Path(place))
        settings = peer.prepare(Path(place), provider, count) if peer.prepare else None
        if peer.fill:
            subprocess.run([*peer.fill, str(count)], env=env, check=True, stdout=subprocess.DEVNULL)

        def start() -> subprocess.Popen[bytes]:
            words: Sequence[str] = [word.format(settings=settings) for word in peer.work]
            nowhere = subprocess.DEVNULL
            return subprocess.Popen(words, env=env, stdout=nowhere, stderr=nowhere, start_new_session=True)

        provider.clear()
        yield start


def _whole(
    peer: Peer, provider: Provider, count: int, start: Callable[[], subprocess.Popen[bytes]]
) -> tuple[float, float]:
    """Let a worker work all off; return events a second from its first call on, and CPU seconds per thousand."""
    worker = start()
    try:
        _until(provider, lambda done: done["requests"] > 0, 60.0)
        before = _cpu(worker.pid) + spent(peer.server)
        _until(provider, lambda done: done["erased"] >= count, 600.0)
        cpu = _cpu(worker.pid) + spent(peer.server) - before
    finally:
        _kill(worker)
    return count / provider.counts()["seconds"], cpu / count * 1000


def _killed(
    provider: Provider, count: int, start: Callable[[], subprocess.Popen[bytes]], quiet: float
) -> tuple[int, int]:
    """Kill a worker half-way and start another; return how many people were lost, and how many begun again."""
    worker = start()
    try:
        _until(provider, lambda done: done["erased"] >= count // 2, 300.0)
    finally:
        _kill(worker)
    worker = start()
    try:
        _until(provider, lambda done: done["erased"] >= count, quiet)
    finally:
        _kill(worker)
    done = provider.counts()
    return count - done["erased"], done["begun_again"]


def _until(provider: Provider, is_so: Callable[[dict[str, float]], bool], quiet: float) -> None:
    """Wait until it is so, or until nothing was asked for so many seconds."""
    last, since = -1.0, time.monotonic()
    while not is_so(done := provider.counts()):
        if done["requests"] != last:
            last, since = done["requests"], time.monotonic()
        elif time.monotonic() - since > quiet:
            return
        time.sleep(0.05)


def _kill(worker: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


def _cpu(group: int) -> float:
    """Return the CPU seconds of all processes of a group."""
    total = 0.0
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getpgid(int(path.name)) == group:
                total += spent(int(path.name))
    return total
