"""SQLite files as they are met: of another encoding, read-only, no database at all, or robbed of their log."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.paths import ROOT
from tests.support.processes import command
from tests.support.processes import inside as run
from tests.support.walk import OTHER, PERSON, put, rows


@pytest.mark.slow
@pytest.mark.parametrize(
    "pragmas",
    [
        "PRAGMA encoding = 'UTF-16le'; PRAGMA page_size = 512",
        "PRAGMA encoding = 'UTF-16be'; PRAGMA journal_mode = PERSIST; PRAGMA auto_vacuum = FULL",
        "PRAGMA page_size = 65536; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF",
    ],
)
def test_a_file_that_somebody_made_in_another_way_does_all_the_work(
    settings_file: Callable[..., Path], mailchimp: MailchimpSandbox, clock: Clock, pragmas: str
) -> None:
    path = settings_file()
    with closing(sqlite3.connect(path.parent / "syncer.db")) as somebody, somebody:
        somebody.executescript(f"{pragmas}; CREATE TABLE theirs (a)")
    assert run(path, "init").returncode == 0
    with open_app(load_settings(path), clock=clock) as app:
        mailchimp.add(PERSON, AUDIENCES[0])
        put(app, "erasure", PERSON, "schlüssel 😀", source="Bücherladen 😀")
        put(app, "erasure", "nobody", f"user:{PERSON}")
        with app.queue.engine.begin() as connection:  # what only SQLite lets a producer store
            connection.exec_driver_sql(
                "INSERT INTO syncer_queue (event_key, kind, email) VALUES (x'41', 'erasure', x'ff40')"
            )

        drain(app)

        states = {row.event_key: row.state for row in rows(app, app.tables.event)}
        assert states["schlüssel 😀"] == "fulfilled"
        assert len(states) == 3
        assert app.queue.count() == 0
        assert app.ledger.verify().ok
        assert run(path, "check").returncode == 0


@pytest.mark.slow
def test_check_says_that_a_file_is_no_database(app: App) -> None:
    app.close()
    database = app.settings.path.parent / "syncer.db"
    database.write_bytes(b"not a database at all " * 100)
    for name in ("syncer.db-wal", "syncer.db-shm"):
        (database.parent / name).unlink(missing_ok=True)

    checked = run(app.settings.path, "check")

    assert checked.returncode == 1
    assert "the file is not an SQLite database" in checked.stdout


@pytest.mark.slow
def test_check_says_that_the_file_is_read_only_where_nothing_can_be_written(app: App) -> None:
    app.close()
    folder = app.settings.path.parent
    if os.getuid() != 0:
        pytest.skip("a file system mounted read-only needs root")
    script = f'mount --bind -o ro {folder} {folder} && mount -o remount,ro,bind {folder} && exec "$@"'
    words = ["unshare", "--mount", "sh", "-c", script, "sh", *command(app.settings.path, "check")]
    ours = os.environ | {"PYTHONPATH": str(ROOT)}
    seen = subprocess.run(words, capture_output=True, encoding="utf-8", check=False, env=ours)
    if "mount:" in seen.stderr or "unshare:" in seen.stderr:
        pytest.skip(f"this machine mounts nothing: {seen.stderr[-80:]}")

    assert seen.returncode == 1, seen.stderr
    assert "read-only" in seen.stdout or "nothing can be written beside it" in seen.stdout
    assert "Traceback" not in seen.stderr


@pytest.mark.slow
def test_a_log_that_somebody_deleted_shows_as_a_database_behind_its_notes(app: App) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    put(app, "erasure", OTHER, "k2")
    path, database = app.settings.path, app.settings.path.parent / "syncer.db"
    # another process keeps the file open and ends without folding the log into it, as in a power cut
    script = "import os, sqlite3, sys; from syncer.cli.main import main\n"
    script += f"keep = sqlite3.connect({str(database)!r}); keep.execute('SELECT 1 FROM syncer_event').fetchall()\n"
    script += f"try: main(['--settings', {str(path)!r}, 'drain'])\nexcept SystemExit: os._exit(0)"
    app.close()
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert (database.parent / "syncer.db-wal").stat().st_size > 0
    (database.parent / "syncer.db-wal").unlink()

    checked, status = run(path, "check"), run(path, "submit", "erasure", stdin=PERSON)

    assert checked.returncode == 1
    assert "the database was restored, rolled back or replaced" in " ".join(checked.stdout.split())
    assert status.returncode == 2
    assert "Traceback" not in checked.stderr + status.stderr
