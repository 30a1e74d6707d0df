"""`syncer restore`: what it refuses, and that it overwrites nothing."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from syncer.app import App
from syncer.database import engines
from syncer.database.revisions import REVISION
from syncer.service.drain import drain
from syncer.setup.backup.copying import sqlite
from syncer.setup.backup.manifest import BackupFailed
from tests.support.processes import inside as run
from tests.support.upgrading import schema_steps
from tests.support.walk import PERSON, put


@pytest.fixture
def backup(app: App, tmp_path: Path) -> Path:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    assert run(app.settings.path, "backup", str(tmp_path / "backups")).returncode == 0
    return next((tmp_path / "backups").glob("*.db"))


def refused(app: App, backup: Path, into: object, code: int = 2) -> str:
    """Return the one line in which a restore is refused."""
    done = run(app.settings.path, "restore", str(backup), "--into", str(into))

    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, ""), done
    return done.stderr


def edited(backup: Path, **values: object) -> None:
    """Change the manifest."""
    path = backup.with_suffix(".json")
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_what_is_restored_is_what_was_backed_up_and_the_next_commands_follow_in_their_order(
    app: App, backup: Path, tmp_path: Path
) -> None:
    target = tmp_path / "new.db"

    done = run(app.settings.path, "restore", str(backup), "--into", f"sqlite:///{target}")

    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert target.read_bytes() == backup.read_bytes()
    assert list(tmp_path.glob("*.part")) == list(tmp_path.glob(".*.part")) == []
    steps = ["syncer check", "syncer audit fork", f"syncer replay --since {backup.with_suffix('.note')}", "then start"]
    places = [done.stdout.index(step) for step in steps]
    assert places == sorted(places)


def test_a_database_with_tables_is_left_alone(app: App, backup: Path, tmp_path: Path) -> None:
    before = (tmp_path / "syncer.db").read_bytes()

    said = refused(app, backup, app.settings.database.url)

    assert "holds syncer's tables already" in said
    assert (tmp_path / "syncer.db").read_bytes() == before


def test_a_running_daemon_is_refused_before_anything_else(app: App, backup: Path) -> None:
    app.presence.arrive()

    assert "a daemon runs on this database" in refused(app, backup, app.settings.database.url)


def test_a_lane_that_somebody_holds_is_a_running_daemon(app: App, backup: Path) -> None:
    app.leases.ensure(["crm"])
    assert app.leases.acquire("crm")

    assert "a daemon runs on this database" in refused(app, backup, app.settings.database.url)


def test_the_log_of_another_database_is_not_played_into_this_one(app: App, backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new.db-wal").write_bytes(b"x")

    assert "new.db-wal" in refused(app, backup, f"sqlite:///{tmp_path}/new.db")
    assert not (tmp_path / "new.db").exists()


def test_a_file_that_is_no_database_of_ours_is_not_overwritten(app: App, backup: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "new.db")) as other, other:
        other.execute("CREATE TABLE mine (x)")

    assert "holds a database already" in refused(app, backup, f"sqlite:///{tmp_path}/new.db")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "said", "code"),
    [
        ({"schema": "9999", "compatible_from": "9998"}, "newer than this syncer", 2),
        ({"schema": "9999", "compatible_from": None}, "newer than this syncer", 2),
        ({"sha256": "0" * 64}, "SHA-256", 1),
        ({"size": 1}, "SHA-256", 1),
        ({"prefix": "other_"}, 'prefix = "other_"', 2),
        ({"engine": "postgresql"}, "another kind of database", 2),
        ({"format": "syncer-backup/2"}, "not the manifest", 1),
        ({"more": 1}, "not the manifest", 1),
        ({"size": True}, "not the manifest", 1),
        ({"made": "yesterday"}, "not the manifest", 1),
    ],
)
def test_a_manifest_that_says_otherwise_is_refused(
    app: App, backup: Path, tmp_path: Path, values: dict[str, object], said: str, code: int
) -> None:
    edited(backup, **values)

    assert said in refused(app, backup, f"sqlite:///{tmp_path}/new.db", code)
    assert not (tmp_path / "new.db").exists()


def test_a_newer_schema_that_says_it_is_made_for_this_code_is_restored(app: App, backup: Path, tmp_path: Path) -> None:
    edited(backup, schema=f"{int(REVISION) + 1:04}", compatible_from=REVISION)

    done = run(app.settings.path, "restore", str(backup), "--into", f"sqlite:///{tmp_path}/new.db")

    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("into", "said"),
    [
        ("not a url", "not a database URL"),
        ("sqlite://", "names no file"),
        ("sqlite:////nowhere/at/all.db", "does not exist"),
        ("postgresql://x:secret@localhost/y", "a password does not belong on the command line"),
        ("mysql://x@localhost/y", "another kind of database"),
    ],
)
def test_a_target_that_cannot_be_is_refused_in_one_line(app: App, backup: Path, into: str, said: str) -> None:
    line = refused(app, backup, into)

    assert said in line
    assert "secret" not in line


def test_a_backup_under_another_name_is_refused(app: App, backup: Path, tmp_path: Path) -> None:
    other = shutil.copy(backup, tmp_path / "kept.db")

    assert "not the name of a backup" in refused(app, Path(other), f"sqlite:///{tmp_path}/new.db")


def test_a_file_that_root_restores_is_the_services(app: App, backup: Path, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root")
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)

    assert run(app.settings.path, "restore", str(backup), "--into", f"sqlite:///{home}/syncer.db").returncode == 0

    owner = (home / "syncer.db").stat()
    assert (owner.st_uid, owner.st_gid) == (65534, 65534)


def test_a_backup_of_an_older_schema_is_checked_as_what_it_becomes(app: App, tmp_path: Path) -> None:
    put(app, "erasure", PERSON, "k1")
    app.intake.take_all()  # no attempt: an older syncer would have written another entry
    assert run(app.settings.path, "backup", str(tmp_path / "backups")).returncode == 0
    backup = next((tmp_path / "backups").glob("*.db"))
    with engines.opened(f"sqlite:///{backup}") as opened:
        schema_steps.downgrade(opened, "0013")
    before = backup.read_bytes()
    edited(backup, schema="0013", compatible_from=None, size=len(before), sha256=hashlib.sha256(before).hexdigest())

    done = run(app.settings.path, "backup", "--check", str(backup))

    assert (done.returncode, "schema 0013" in done.stdout) == (0, True), done.stderr
    assert backup.read_bytes() == before
    assert {path.suffix for path in backup.parent.iterdir()} == {".db", ".json"}


def test_a_file_system_without_hard_links_holds_backups_and_databases_too(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(_old: Path, _new: Path) -> None:  # link(2), where FAT or a share of a network is mounted
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)

    made = run(app.settings.path, "backup", str(tmp_path / "disk"))
    assert made.returncode == 0, made.stderr
    (backup,) = (tmp_path / "disk").glob("*.db")
    done = run(app.settings.path, "restore", str(backup), "--into", f"sqlite:///{tmp_path}/new.db")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new.db").read_bytes() == backup.read_bytes()

    with pytest.raises(BackupFailed):
        sqlite.load(backup, app.settings.path)
    assert app.settings.path.read_text(encoding="utf-8")
    assert not list(tmp_path.rglob("*part*"))
