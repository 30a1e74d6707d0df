"""SQLite files are their owner's alone, and an address that was blanked or shredded is in none of their bytes."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.sandbox import MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.database import engines
from syncer.database.sqlite_files import empty_log
from syncer.errors import UserError
from syncer.service.drain import drain, prepare
from tests.conftest import AUDIENCES, Clock
from tests.support.paths import ROOT
from tests.support.processes import command, started, until
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.walk import PERSON, put, rows

NOBODY = 65534


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.fixture
def queue_apart(settings_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    path = settings_file(recheck_days="[]")
    monkeypatch.setenv("SYNCER_QUEUE__URL", f"sqlite:///{path.parent}/queue.db")
    return path


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.glob("*.db*")}


def _grep(folder: Path, *words: str) -> list[tuple[str, str]]:
    files = [path for path in folder.glob("*.db*") if path.is_file()]
    assert any(path.name.endswith("-wal") for path in files), "nobody holds the database open"
    return [(path.name, word) for path in files for word in words if word.encode() in path.read_bytes()]


@pytest.mark.slow
@pytest.mark.usefixtures("loose_umask")
def test_finding_12_every_file_of_a_database_is_made_for_its_owner_alone(queue_apart: Path, clock: Clock) -> None:
    assert run(queue_apart, "init").returncode == 0
    with open_app(load_settings(queue_apart), clock=clock) as app:
        put(app, "erasure", PERSON, "k1")
        drain(app)
        modes = _modes(queue_apart.parent)

    assert set(modes) >= {"syncer.db", "syncer.db-wal", "syncer.db-shm", "queue.db", "queue.db-wal", "queue.db-shm"}
    assert set(modes.values()) == {0o600}


def test_finding_12_the_files_of_an_installation_made_before_are_closed_to_others(app: App) -> None:
    folder = app.settings.path.parent
    put(app, "erasure", PERSON, "k1")
    for path in folder.glob("syncer.db*"):
        path.chmod(0o644)

    assert run(app.settings.path, "status").returncode == 0

    assert set(_modes(folder).values()) == {0o600}


def test_finding_12_the_group_of_a_queue_of_its_own_keeps_its_rights_and_everybody_loses_theirs(
    queue_apart: Path,
) -> None:
    assert run(queue_apart, "init").returncode == 0
    (queue_apart.parent / "queue.db").chmod(0o666)
    (queue_apart.parent / "syncer.db").chmod(0o666)

    assert run(queue_apart, "status").returncode == 0

    assert (_modes(queue_apart.parent)["queue.db"], _modes(queue_apart.parent)["syncer.db"]) == (0o660, 0o600)


def test_finding_12_a_file_of_somebody_else_that_everybody_can_read_is_refused(app: App) -> None:
    if os.getuid() != 0:
        pytest.skip("giving a file to another user needs root")
    app.close()
    folder = app.settings.path.parent
    (folder / "syncer.db").chmod(0o666)
    script = f"""
import os
from syncer.database import engines
from syncer.errors import UserError
os.chdir({str(folder)!r})
engine = engines.connect("sqlite:///syncer.db")
os.setgid({NOBODY})
os.setuid({NOBODY})
try:
    engine.connect()
except UserError as error:
    print(error)
"""
    folder.chmod(0o711)
    ours = os.environ | {"PYTHONPATH": str(ROOT)}

    words = [sys.executable, "-c", script]
    told = subprocess.run(words, capture_output=True, encoding="utf-8", check=True, env=ours, cwd=ROOT)

    assert told.stdout == (
        "syncer.db: everybody on this machine can read it; run `chmod o-rwx syncer.db` as its owner\n"
    )


def test_finding_12_a_planted_link_does_not_make_us_create_its_target(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "syncer.db"
    link.symlink_to(target)

    with pytest.raises(UserError, match="a link to a file that is not there"):
        engines.connect(f"sqlite:///{link}").connect()

    assert not target.exists()


def test_finding_12_no_database_is_made_where_everybody_may_write_beside_it(
    settings_file: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o1777)
    monkeypatch.setenv("SYNCER_DATABASE__URL", f"sqlite:///{public}/syncer.db")

    done = run(settings_file(), "init")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"chmod o-w {public}" in done.stderr
    assert not list(public.iterdir())


def test_finding_12_check_warns_of_a_folder_into_which_others_may_write(app: App) -> None:
    folder = app.settings.path.parent
    found = {item["name"]: item for item in as_json(app.settings.path, "check")["checks"]}
    folder.chmod(0o777)
    open_to_all = {item["name"]: item for item in as_json(app.settings.path, "check")["checks"]}
    folder.chmod(0o700)

    assert found["database file"]["detail"].endswith("is closed to others")
    assert open_to_all["database file"]["detail"].startswith("everybody may write into ")
    assert (found["database file"]["level"], open_to_all["database file"]["level"]) == ("ok", "warn")
    assert open_to_all["database file"]["remedy"] == f"run `chmod go-w {folder}`"


@pytest.mark.slow
@pytest.mark.parametrize("apart", [False, True], ids=["one file", "a queue of its own"])
def test_finding_12_the_address_is_in_no_file_after_the_intake_and_after_shredding(
    settings_file: Callable[..., Path],
    mailchimp: MailchimpSandbox,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    apart: bool,
) -> None:
    path = settings_file(recheck_days="[1]")
    if apart:
        monkeypatch.setenv("SYNCER_QUEUE__URL", f"sqlite:///{path.parent}/queue.db")
    assert run(path, "init").returncode == 0
    mailchimp.add(PERSON, AUDIENCES[0])
    with open_app(load_settings(path), clock=clock) as app, open_app(load_settings(path)) as other:
        rows(other, other.tables.event)  # a second process' connections, open and at rest
        put(app, "erasure", PERSON, "k1")
        assert _grep(path.parent, PERSON), "the attack itself does not work"

        prepare(app)

        (event,) = rows(app, app.tables.event)
        assert _grep(path.parent, PERSON) == []
        assert _grep(path.parent, event.email_sealed)
        drain(app)
        clock.advance(days=2)
        prepare(app)
        drain(app)
        app.shredding.shred()
        assert rows(app, app.tables.event)[0].shredded_at is not None
        assert _grep(path.parent, PERSON, event.email_sealed) == []


def test_finding_12_a_reader_that_keeps_the_log_from_being_emptied_only_delays_it(app: App) -> None:
    folder = app.settings.path.parent
    put(app, "erasure", PERSON, "k1")
    with app.engine.connect() as reader:
        reader.exec_driver_sql("SELECT count(*) FROM syncer_queue").all()  # a report of many minutes

        assert app.intake.take_all() == 1
        assert _grep(folder, PERSON)
        assert not empty_log(app.engine)

    assert app.intake.take_all() == 0  # the next look of the daemon, at an empty queue
    assert _grep(folder, PERSON) == []
    with app.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == engines.BUSY_SECONDS * 1000


@pytest.mark.slow
def test_finding_12_the_daemon_leaves_nothing_while_it_runs(settings_file: Callable[..., Path], tmp_path: Path) -> None:
    path = settings_file(recheck_days="[]")
    assert run(path, "init").returncode == 0
    with started(path, "run", log=tmp_path / "log"):
        done = subprocess.run(
            command(path, "submit", "erasure"), input=PERSON, capture_output=True, encoding="utf-8", check=False
        )
        assert done.returncode == 0, done.stderr
        until(lambda: as_json(path, "status")["events"]["fulfilled"] == 1, 60)

        until(lambda: _grep(path.parent, PERSON) == [], 60)
