"""What people look at, among few events and among many: the same question must not cost more over the years."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from syncer.app import load_settings, open_app
from syncer.audit.ledger import FETCH
from syncer.database.connections import reading
from tests.bench.child import Cost, cheapest, cost
from tests.bench.figures import Figure, Run
from tests.bench.fill.installation import fill, person
from tests.bench.provider import Provider
from tests.support.paths import ROOT

FEW = 2000
YEARS = 3
#: requests of the slice that is reported among few
REPORTED = 900
#: the commands that must stay as quick and small as among few events, by how they are asked
FLAT = {
    "status": ("status",),
    "metrics": ("metrics",),
    "show": ("show", "{case}"),
    "find": ("find",),
    "events --state open": ("events", "--state", "open", "--limit", "100"),
    "events --state held": ("events", "--state", "held", "--limit", "100"),
    "events --state fulfilled": ("events", "--state", "fulfilled", "--limit", "100"),
    "events --state overdue": ("events", "--state", "overdue", "--limit", "100"),
    "events --state late": ("events", "--state", "late", "--limit", "100"),
    "events of a slice": ("events", "--since", "{since}", "--until", "{until}", "--limit", "100"),
    "events --destination": ("events", "--destination", "crm", "--limit", "100"),
    "events --right": ("events", "--right", "objection", "--limit", "100"),
    "resync --held": ("resync", "--held", "--reason", "the plan alone"),
    "resync --confirmed-since": ("resync", "--confirmed-since", "{today}", "--reason", "the plan alone"),
    "retention --dry-run": ("retention", "--dry-run"),
}
#: what may cost twice as much
TWICE = {"dossier": ("dossier", "{case}", "--out", "/dev/null"), "check": ("check",)}
REPORT = ("report", "--since", "{since}", "--until", "{until}", "--format", "html", "--out", "{out}")
ENTRIES_A_SECOND = {"sqlite": ">= 100000", "mariadb": ">= 80000", "postgresql": ">= 60000"}
#: what holds where this is out of reach of two cores
AT_LEAST = {"sqlite": ">= 70000", "mariadb": ">= 15000", "postgresql": ">= 50000"}
#: entries that are read to learn how many a driver reads in a second
READ = 100_000


@dataclass(frozen=True, slots=True)
class Filled:
    """A filled installation. `words` fill the places in commands, `server` is the process of its server."""

    folder: Path
    events: int
    entries: int
    words: Mapping[str, str]
    server: int | None

    def cost(self, words: tuple[str, ...], times: int) -> Cost:
        """Return what a command costs at the cheapest of so many times."""
        asked = [sys.executable, "-m", "syncer", *(word.format_map(self.words) for word in words)]
        address = f"{person(5)}\n"
        return cheapest(times, lambda: cost(asked, self.folder, _env(), address, self.server))


def measure(run: Run) -> Iterator[Figure]:
    """Yield the figures of each engine."""
    for name, new_database in run.engines.items():
        with ExitStack() as stack:
            providers = [stack.enter_context(Provider(kind)) for kind in ("mailchimp", "activecampaign")]
            server = run.servers[name].pid if name in run.servers else None
            few, many = (
                filled(Path(stack.enter_context(TemporaryDirectory(prefix="syncer-bench-"))),
                       events, new_database(), providers, server)
                for events in (run.count(FEW, 200), run.events)
            )  # fmt: skip
            yield from _flat(name, few, many, run)
            yield from _reports(name, few, many, run.count(3, 1))
            yield from _verified(name, few, many, run.count(2, 1))


def filled(folder: Path, events: int, database: str, providers: list[Provider], server: int | None) -> Filled:
    """Fill an installation, and find the case and the slice that commands ask for."""
    mailchimp, activecampaign = providers
    settings = fill(folder, events, database, years=YEARS, mailchimp=mailchimp, activecampaign=activecampaign)
    with open_app(load_settings(settings)) as app:
        assert app.verify().ok  # as the daemon does every day: what readers verify begins there
        entries, _ = app.ledger.head()
        case = str(app.reader.events(limit=1, right="objection")[0].id)
    words = {
        "case": case,
        "out": str(folder / "report.html"),
        "today": f"{datetime.now(UTC):%Y-%m-%d}",
        **_slice(events, REPORTED),
    }
    return Filled(folder, events, entries, words, server)


def _slice(events: int, wanted: int) -> dict[str, str]:
    """Return since and until of a slice, a year and a half ago, in which so many of the events were received."""
    span = timedelta(days=365 * YEARS)
    begin = datetime.now(UTC) - span / 2
    length = span / 2 * _reported(events, wanted) / (events / 2)
    return {"since": f"{begin:%Y-%m-%dT%H:%M:%S}Z", "until": f"{begin + length:%Y-%m-%dT%H:%M:%S}Z"}


def _reported(events: int, wanted: int) -> int:
    """Return how many requests such a slice holds: not more than nine tenths of a half of all."""
    return min(wanted, events * 9 // 20)


def _flat(name: str, few: Filled, many: Filled, run: Run) -> Iterator[Figure]:
    times, largest = run.count(5, 1), (0.0, "")
    for command, words in list(FLAT.items())[: run.count(len(FLAT), 3)]:
        before, after = few.cost(words, times), many.cost(words, times)
        largest = max(largest, (after.mib, command))
        yield _ratio(f"{command} on {name}", before, after, many, "<= 1.3")
    yield Figure(f"reads on {name}: MiB of the largest of these", round(largest[0]), "<= 80", largest[1])
    for command, words in TWICE.items():
        yield _ratio(f"{command} on {name}", few.cost(words, times), many.cost(words, times), many, "<= 2")


def _ratio(what: str, before: Cost, after: Cost, many: Filled, target: str) -> Figure:
    note = f"CPU {before.cpu:.2f} s, then {after.cpu:.2f} s, {after.mib:.0f} MiB"
    return Figure(f"{what}: {many.events} events over few", round(after.cpu / before.cpu, 2), target, note)


def _reports(name: str, few: Filled, many: Filled, times: int) -> Iterator[Figure]:
    """Compare what each request of a report costs: its span of the log, and a week behind, is read besides."""
    start = few.cost(FLAT["show"], times).cpu
    fewer = _reported(few.events, REPORTED)
    before = (few.cost(REPORT, times).cpu - start) / fewer
    wanted = min(10_000, many.events // 2)
    large = Filled(many.folder, many.events, many.entries, {**many.words, **_slice(many.events, wanted)}, many.server)
    report, reported = large.cost(REPORT, 1), _reported(many.events, wanted)
    after = (report.cpu - start) / reported
    note = f"{before * 1000:.2f} ms for each of {fewer}, then {after * 1000:.2f} for each of {reported}"
    figure = f"report on {name}: CPU for each request, among {many.events} events over few"
    yield Figure(figure, round(after / before, 2), "<= 1.3", note)
    yield Figure(f"report on {name}: MiB for {reported} requests", round(report.mib), "<= 150")


def _verified(name: str, few: Filled, many: Filled, times: int) -> Iterator[Figure]:
    whole = ("audit", "verify", "--full") if _has_full() else ("audit", "verify")
    before, after = few.cost(whole, times), many.cost(whole, times)
    # without the start of the command, which has a figure of its own; what else runs on the machine counts on a server
    took = after.seconds - before.seconds
    took = min(took, after.cpu - before.cpu) if many.server is None else took
    rate = round((many.entries - few.entries) / took if took > 0.2 else many.entries / after.cpu)  # too few to tell
    note = f"{many.entries} entries, {after.seconds:.1f} s, CPU {after.cpu:.1f} s"
    read = _read_a_second(many)
    why = f"to read links and texts alone takes one of its two processes a second for {read} entries"
    yield Figure(
        f"audit verify --full on {name}: entries a second", rate, ENTRIES_A_SECOND[name], note, why, AT_LEAST[name]
    )
    yield Figure(f"audit verify --full on {name}: MiB", round(after.mib), "<= 120", note)
    again = ("audit", "verify")
    yield _ratio(f"audit verify again on {name}", few.cost(again, times), many.cost(again, times), many, "<= 2")


def _read_a_second(filled: Filled) -> int:
    """Return how many entries a second are read by themselves, first their links and then their texts."""
    with open_app(load_settings(filled.folder / "settings.toml")) as app, reading(app.engine) as connection:
        began, after = time.perf_counter(), 0
        while after < READ and (rows := app.ledger.links(connection, after, FETCH)):
            app.ledger.part(connection, after, FETCH)
            after = rows[-1][0]
    return round(after / (time.perf_counter() - began))


def _has_full() -> bool:
    words = [sys.executable, "-m", "syncer", "audit", "verify", "--help"]
    return "--full" in subprocess.run(words, capture_output=True, encoding="utf-8", env=_env(), check=True).stdout


def _env() -> dict[str, str]:
    # an installation has its bytecode, whatever this environment says
    return {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(ROOT)}
