"""`syncer backup` on SQLite: what is written, when it counts, what it leaves and what it removes."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from syncer.app import App
from syncer.database.revisions import REVISION
from syncer.service.drain import drain
from syncer.setup.backup.make import make
from tests.conftest import Clock
from tests.support.processes import command, until
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.walk import PERSON, put, whats


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def made(folder: Path) -> list[Path]:
    return sorted(folder.glob("syncer-*.db"))


def manifest(file: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
    return found


def test_a_backup_is_whole_private_and_noted_in_the_log_without_its_place(app: App, folder: Path) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()

    done = run(app.settings.path, "backup", str(folder))

    assert done.returncode == 0, done.stderr
    (file,) = made(folder)
    names = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert names == {f"{file.stem}{end}": 0o600 for end in (".db", ".json", ".note")}
    said = manifest(file)
    (entry,) = app.ledger.entries(("backup:made",))
    assert entry.facts == {
        "engine": "sqlite",
        "size": file.stat().st_size,
        "sha256": said["sha256"],
        "head": said["entries"],
        "schema": REVISION,
    }
    assert entry.seq == said["entries"] + 1  # type: ignore[operator]
    assert str(folder) not in json.dumps(list(app.ledger.rows()), default=str)
    assert run(app.settings.path, "backup", "--check", str(file)).returncode == 0


def test_the_key_is_not_in_it(app: App, folder: Path) -> None:
    assert run(app.settings.path, "backup", str(folder)).returncode == 0

    secrets = [word for word in app.settings.identity.key_file.read_bytes().split() if len(word) > 30]
    assert secrets
    for path in folder.iterdir():
        assert not any(secret in path.read_bytes() for secret in secrets)


def test_it_holds_what_only_the_write_ahead_log_has_yet(app: App, folder: Path) -> None:
    with closing(sqlite3.connect(app.settings.path.parent / "syncer.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM syncer_event").fetchone()  # nothing goes from the log into the file
        put(app, "erasure", PERSON, "k1")
        drain(app)
        assert run(app.settings.path, "backup", str(folder)).returncode == 0

    (file,) = made(folder)
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("SELECT state FROM syncer_event").fetchall() == [("fulfilled",)]


def test_a_log_that_was_altered_is_no_backup(app: App, folder: Path) -> None:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    with closing(sqlite3.connect(app.settings.path.parent / "syncer.db")) as database, database:
        database.execute("DROP TRIGGER syncer_audit_no_update")
        database.execute("UPDATE syncer_audit SET body = body || ' ' WHERE seq = 2")

    done = run(app.settings.path, "backup", str(folder))

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "audit verify" in done.stderr
    assert list(folder.iterdir()) == []
    assert "backup:made" not in whats(app)


@pytest.mark.parametrize("harm", ["cut", "flipped", "manifest gone", "manifest of another"])
def test_a_harmed_backup_fails_its_check_in_one_line(app: App, folder: Path, harm: str) -> None:
    run(app.settings.path, "backup", str(folder))
    (file,) = made(folder)
    if harm == "cut":
        os.truncate(file, file.stat().st_size - 4096)
    elif harm == "flipped":
        content = bytearray(file.read_bytes())
        content[-2000] ^= 1
        file.write_bytes(content)
    elif harm == "manifest gone":
        file.with_suffix(".json").unlink()
    else:
        file.with_suffix(".json").write_text('{"format": "syncer-backup/1", "engine": []}', encoding="utf-8")

    done = run(app.settings.path, "backup", "--check", str(file))

    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert str(folder) in done.stderr


def test_the_newest_are_kept_and_what_is_not_ours_or_not_whole_stays(app: App, folder: Path) -> None:
    folder.mkdir()
    other = folder / "syncer-notes.db"
    other.write_text("mine", encoding="utf-8")
    app.close()
    for _ in range(3):
        assert run(app.settings.path, "backup", str(folder)).returncode == 0
    oldest, *_ = _ours(folder)
    os.truncate(oldest, 100)

    done = run(app.settings.path, "backup", str(folder), "--keep", "2")

    assert done.returncode == 0, done.stderr
    left = _ours(folder)
    assert len(left) == 3
    assert left[0] == oldest
    assert other.exists()
    assert done.stdout.count("removed") == 1


def test_the_one_just_made_stays_though_the_clock_was_ahead_once(app: App, folder: Path, clock: Clock) -> None:
    clock.advance(days=400)
    ahead = make(app, folder)
    clock.advance(days=-400)

    done = make(app, folder, 1)

    assert (done.removed, made(folder)) == ((ahead.file,), [done.file])


def _ours(folder: Path) -> list[Path]:
    """The backups in a folder, the oldest first."""
    return sorted(folder.glob("syncer-2*.db"), key=lambda file: str(manifest(file)["made"]))


def test_two_at_once_are_one_backup_and_one_line(app: App, folder: Path) -> None:
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)

    done = run(app.settings.path, "backup", str(folder))
    os.close(handle)

    assert (done.returncode, list(folder.iterdir())) == (1, [])
    assert "another backup" in done.stderr
    assert run(app.settings.path, "backup", str(folder)).returncode == 0


def test_what_an_interrupted_backup_left_is_cleared_by_the_next(app: App, folder: Path) -> None:
    folder.mkdir()
    base = "syncer-20200101T000000Z.db"
    # the last one is what a kill leaves while the scratch database is copied
    left = [f"{base}.part", f"{base}.scratch.part-wal", f".{base}.scratch.part.restore.part"]
    for name in [*left, "syncer-20200101T000000Z.json", "syncer-20200101T000000Z.note", "other.part"]:
        (folder / name).write_text("{}", encoding="utf-8")
    checking = folder / "syncer-check-k1ll3d"
    checking.mkdir()
    (checking / f"{base}.scratch.part").write_text("", encoding="utf-8")

    assert run(app.settings.path, "backup", str(folder)).returncode == 0

    assert {path.name for path in folder.iterdir() if "2020" in path.name} == set()
    assert (folder / "other.part").exists()
    assert not checking.exists()


def test_a_backup_that_is_made_meanwhile_leaves_the_copy_that_is_being_checked(app: App, folder: Path) -> None:
    assert run(app.settings.path, "backup", str(folder)).returncode == 0
    (file,) = made(folder)
    with subprocess.Popen(command(app.settings.path, "backup", "--check", str(file))) as checking:
        until(lambda: list(folder.rglob("*.scratch.part")), 30, every=0.001)
        checking.send_signal(signal.SIGSTOP)
        (copy,) = folder.rglob("*.scratch.part")
        again = run(app.settings.path, "backup", str(folder))
        left = copy.exists()
        checking.send_signal(signal.SIGCONT)
        checking.wait(timeout=60)

    assert (again.returncode, left, checking.returncode) == (0, True, 0)
    assert len(made(folder)) == 2
    assert not list(folder.rglob("*part*"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    if os.getuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", place], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_one_line_and_nothing_is_left(app: App, small_disk: Path) -> None:
    done = run(app.settings.path, "backup", str(small_disk))

    assert done.returncode == 1
    assert "disk is full" in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(small_disk.iterdir()) == []
    assert "backup:made" not in whats(app)


def test_a_file_in_place_of_the_folder_is_one_line(app: App, folder: Path) -> None:
    folder.write_text("", encoding="utf-8")

    done = run(app.settings.path, "backup", str(folder / "within"))

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_backup_that_is_stopped_leaves_parts_at_most(app: App, folder: Path, number: signal.Signals) -> None:
    with closing(sqlite3.connect(app.settings.path.parent / "syncer.db")) as database, database:
        database.execute("CREATE TABLE padding (octets BLOB)")
        database.executemany("INSERT INTO padding VALUES (zeroblob(1000000))", [()] * 300)
    with subprocess.Popen(command(app.settings.path, "backup", str(folder)), stderr=subprocess.DEVNULL) as process:
        until(lambda: list(folder.glob("*.part")), 30, every=0.005)
        process.send_signal(number)
        process.wait(timeout=60)

    assert process.returncode != 0
    assert all(".part" in path.name for path in folder.iterdir())
    assert number == signal.SIGKILL or list(folder.iterdir()) == []
    assert run(app.settings.path, "backup", str(folder)).returncode == 0
    assert not list(folder.glob("*.part*"))


def test_check_says_when_the_last_backup_was_made(app: App, folder: Path) -> None:
    def last() -> tuple[str, str]:
        (found,) = [item for item in as_json(app.settings.path, "check")["checks"] if item["name"] == "last backup"]
        return found["level"], found["detail"]

    assert last() == ("warn", "none was made and verified yet")
    assert run(app.settings.path, "backup", str(folder)).returncode == 0
    assert last()[0] == "ok"


def test_check_warns_of_an_old_backup(app: App, clock: Clock) -> None:
    clock.advance(hours=-27)
    with app.transactions.write() as tx:
        tx.audit.add("backup:made", facts={})
    clock.advance(hours=27)

    (found,) = [item for item in as_json(app.settings.path, "check")["checks"] if item["name"] == "last backup"]

    assert (found["level"], "more than 26 hours ago" in found["detail"]) == ("warn", True)
