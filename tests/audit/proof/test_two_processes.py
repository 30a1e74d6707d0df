"""A whole verification in two processes finds what one finds, whoever of the two was to tell it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from syncer.app import App, load_settings, open_app
from tests.bench.fill.installation import fill
from tests.support.attacks.tampering import undone
from tests.support.paths import ROOT
from tests.support.servers import ENGINES
from tests.support.walk import rows

if len(getattr(os, "sched_getaffinity", lambda _: ())(0)) < 2:
    pytest.skip("a second process needs a second core", allow_module_level=True)
#: slices of 2000 entries, of which the second process tells the first and the third, and not the second
HERS, MINE = 500, 2500


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with some ten thousand entries."""
    folder = tmp_path_factory.mktemp("filled")
    fill(folder, 1500)
    return folder


@pytest.fixture
def settings(filled: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(filled, tmp_path / "copy")
    return tmp_path / "copy" / "settings.toml"


def verified(settings: Path, *words: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.documents.sharing", str(settings), *words],
        cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def alone(settings: Path) -> dict[str, Any]:
    with open_app(load_settings(settings)) as app:
        finding = app.verify()
        return {"ok": finding.ok, "first_bad": finding.first_bad, "reason": finding.reason, "entries": finding.entries}


def entry_near(app: App, seq: int, what: str) -> Any:
    return next(row for row in rows(app, app.tables.audit) if row.seq >= seq and row.what == what)


@pytest.mark.slow
def test_a_sound_log_is_sound_to_two_processes(settings: Path) -> None:
    found = verified(settings)

    assert found.pop("second") > 0.05
    assert found == alone(settings)
    assert (found["ok"], found["entries"] > 10_000) == (True, True)


@pytest.mark.slow
@pytest.mark.parametrize("near", [HERS, MINE], ids=["the second's", "the first's"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE syncer_audit SET body = replace(body, '\"attempt\":1', '\"attempt\":2') WHERE seq = {seq}",
        "UPDATE syncer_audit SET destination = 'nowhere' WHERE seq = {seq}",
        "UPDATE syncer_audit SET event_id = 'nobody' WHERE seq = {seq}",
        "UPDATE syncer_audit SET body = NULL WHERE seq = {seq}",
        "UPDATE syncer_audit SET mac = leaf WHERE seq = {seq}",
        "DELETE FROM syncer_audit WHERE seq = {seq}",
        "UPDATE syncer_event SET subject = 'p1:another' WHERE id = '{event}'",
        "UPDATE syncer_delivery SET state = 'held' WHERE event_id = '{event}'",
        "DELETE FROM syncer_delivery WHERE event_id = '{event}'",
        "INSERT INTO syncer_event ({columns}) SELECT {values} FROM syncer_event WHERE id = '{event}'",
    ],
    ids=["body", "column", "orphan", "purged", "mac", "entry", "person", "state", "delivery", "added"],
)
def test_what_was_altered_is_found_whoever_tells_it(settings: Path, statement: str, near: int) -> None:
    with open_app(load_settings(settings)) as app:
        row = entry_near(app, near, "delivery:confirmed")
        columns = [c.name for c in app.tables.event.columns if c.name not in ("odd", "slow", "sealed")]  # generated
        values = [f"{name} || 'x'" if name in ("id", "event_key") else name for name in columns]
        names = {"columns": ", ".join(columns), "values": ", ".join(values)}
        undone(app, statement.format(seq=row.seq, event=row.event_id, **names))

    found = verified(settings)

    second = found.pop("second")
    assert found == alone(settings)
    assert not found["ok"], found
    assert second > 0


@pytest.mark.slow
def test_when_the_second_process_is_killed_the_first_tells_it_all(settings: Path) -> None:
    found = verified(settings, "kill")

    found.pop("second")
    assert found == alone(settings)
    assert found["ok"]


@pytest.mark.slow
def test_when_the_second_process_is_killed_what_it_was_to_find_is_found(settings: Path) -> None:
    with open_app(load_settings(settings)) as app:
        row = entry_near(app, HERS, "delivery:confirmed")
        undone(app, f"UPDATE syncer_event SET subject = 'p1:another' WHERE id = '{row.event_id}'")

    found = verified(settings, "kill")

    assert not found["ok"]
    assert row.event_id in found["reason"]


@pytest.mark.slow
def test_no_process_is_forked_while_a_connection_is_in_use(settings: Path) -> None:
    found = verified(settings, "connected")

    assert (found["ok"], found["second"]) == (True, 0)


@pytest.mark.slow  # a log that is worth two processes
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_two_processes_verify_a_log_on_every_engine(tmp_path: Path, database_url: str) -> None:
    settings = fill(tmp_path, 1500, database_url)

    found = verified(settings)
    assert (found["ok"], found["second"] > 0) == (True, True)

    with open_app(load_settings(settings)) as app, app.engine.begin() as connection:
        row = entry_near(app, HERS, "delivery:confirmed")
        connection.execute(app.tables.event.update().where(app.tables.event.c.id == row.event_id).values(subject="x"))

    found = verified(settings)
    assert not found["ok"]
    assert row.event_id in found["reason"]


@pytest.mark.slow
def test_when_the_first_process_is_killed_the_second_ends(settings: Path) -> None:
    with open_app(load_settings(settings)) as app:  # so that there is more to tell than a pipe holds
        undone(app, "UPDATE syncer_event SET source_ref = 'another one than the log received it with, at great length'")

    words = [sys.executable, "-m", "tests.support.documents.sharing", str(settings), "die"]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8") as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        assert started.wait() == -signal.SIGKILL
        try:
            assert ended(pid), "it waits for somebody to read"
        finally:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def ended(pid: int) -> bool:
    for _ in range(200):
        status = Path(f"/proc/{pid}/stat")
        if not status.exists() or status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.05)
    return False
