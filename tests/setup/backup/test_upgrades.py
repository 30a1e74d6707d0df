"""`syncer init` and `db upgrade`: a backup first, one at a time, and no more than the account may."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.database import engines, revisions
from syncer.database.revisions import REVISION
from syncer.database.upgrading.lock import migrating
from syncer.errors import UserError
from tests.setup.accounts import PASSWORD, drop_accounts, granted, let_in
from tests.support.processes import command
from tests.support.processes import inside as run
from tests.support.servers import ENGINES, Server
from tests.support.upgrading import schema_steps
from tests.support.walk import PERSON, put

#: the schema of the next version, whatever it holds
NEWER = f"{int(REVISION) + 1:04}"
on_servers = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)


@pytest.fixture
def older(app: App) -> App:
    """An installation with a request in it, as the version before left it."""
    put(app, "erasure", PERSON, "k1")
    app.intake.take_all()
    schema_steps.downgrade(app.engine, "0013")
    app.engine.dispose()
    return app


def tables_of(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.slow
@pytest.mark.parametrize("words", [("init",), ("db", "upgrade")])
def test_an_sqlite_file_is_kept_as_it_was_beside_itself(older: App, tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(older.settings.path, *words)

    assert done.returncode == 0, done.stderr
    assert "upgraded from 0013; what was before is in " in done.stdout
    kept = tmp_path / "pre-0013.db"
    assert kept.stat().st_mode & 0o777 == 0o600
    assert "syncer_alert" in tables_of(tmp_path / "syncer.db") - tables_of(kept)
    assert run(older.settings.path, "audit", "verify").returncode == 0


def test_three_are_kept_and_nothing_that_others_made(older: App, tmp_path: Path) -> None:
    for name in ("pre-0009.db", "pre-0010.db", "pre-0011.db", "pre-release.db", "pre-0001.db.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")

    assert run(older.settings.path, "db", "upgrade").returncode == 0

    left = {path.name for path in tmp_path.glob("pre-*")}
    assert left == {"pre-0010.db", "pre-0011.db", "pre-0013.db", "pre-release.db", "pre-0001.db.txt"}


def test_the_copy_of_another_database_is_not_replaced(older: App, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "pre-0013.db")) as other, other:
        other.execute("CREATE TABLE syncer_audit_head (key_check)")
        other.execute("INSERT INTO syncer_audit_head VALUES ('of another')")

    done = run(older.settings.path, "db", "upgrade")

    assert (done.returncode, done.stderr.count("\n"), "no copy of this database" in done.stderr) == (1, 1, True)
    assert revisions.revision_of(older.engine, "syncer_") == "0013"


@pytest.mark.parametrize("what", ["folder", "text", "empty", "dangling"])
def test_what_is_no_copy_of_this_database_is_named_and_left(older: App, tmp_path: Path, what: str) -> None:
    taken = tmp_path / "pre-0013.db"
    if what == "folder":
        taken.mkdir()
    elif what == "dangling":
        taken.symlink_to(tmp_path / "nowhere")
    else:
        taken.write_text("no database\n" * 100 if what == "text" else "", encoding="utf-8")

    done = run(older.settings.path, "db", "upgrade")

    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"{taken}: this is no copy of this database; move it away, nothing was upgraded"
    ]
    assert revisions.revision_of(older.engine, "syncer_") == "0013"


def test_without_room_for_the_copy_nothing_is_upgraded(older: App, tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root, to mount a small file system")
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", small], check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        shutil.move(tmp_path / "syncer.db", small / "syncer.db")
        path = older.settings.path
        path.write_text(path.read_text(encoding="utf-8").replace("sqlite:///", f"sqlite:///{small}/"), encoding="utf-8")

        done = run(path, "db", "upgrade")

        assert (done.returncode, done.stderr.count("\n"), "make room" in done.stderr) == (1, 1, True), done.stderr
        with engines.opened(f"sqlite:///{small}/syncer.db") as opened:
            assert revisions.revision_of(opened, "syncer_") == "0013"
        assert not list(small.glob("*pre-*"))
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_dry_run_prints_the_statements_and_the_rows_and_changes_nothing(older: App, engine: str) -> None:
    done = run(older.settings.path, "db", "upgrade", "--dry-run")

    assert done.returncode == 0, done.stderr
    assert "CREATE TABLE syncer_alert (" in done.stdout
    assert "-- touches syncer_event: 1 rows\n" in done.stdout
    assert done.stdout.endswith(f"-- from 0013 to {REVISION}; nothing was changed\n")
    with engines.opened(older.settings.database_login) as opened:
        assert revisions.revision_of(opened, "syncer_") == "0013"
        assert not sa.inspect(opened).has_table("syncer_alert")
    assert run(older.settings.path, "db", "upgrade").returncode == 0
    again = run(older.settings.path, "db", "upgrade", "--dry-run")
    assert again.stdout == "-- nothing to do; nothing was changed\n"


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_what_a_dry_run_prints_is_what_an_upgrade_runs(older: App, engine: str) -> None:
    plan = run(older.settings.path, "db", "upgrade", "--dry-run").stdout
    ran: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.lstrip().upper().startswith(("CREATE", "ALTER", "DROP")):
            ran.append(" ".join(statement.split()))

    with engines.opened(older.settings.database_login) as opened:
        sa.event.listen(opened, "before_cursor_execute", note)
        revisions.upgrade(opened, older.tables, queue_here=True)

    printed = [line for line in plan.splitlines() if line.startswith(("CREATE", "ALTER", "DROP"))]
    assert sorted(line.removesuffix(";") for line in printed) == sorted(ran)  # the indexes of a table have no order
    assert len(ran) > 10


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_two_hosts_that_start_together_upgrade_once(older: App, engine: str) -> None:
    words = command(older.settings.path, "init")
    started = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    said = [process.communicate(timeout=60) for process in started]

    assert [process.returncode for process in started] == [0, 0, 0], said
    upgraded = [out for out, _ in said if b"upgraded from 0013" in out]
    assert len(upgraded) == 1


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_who_waits_too_long_for_another_upgrade_is_told_in_one_line(app: App, engine: str) -> None:
    with engines.opened(app.settings.database_login) as other, migrating(other, "syncer_"):
        with (
            engines.opened(app.settings.database_login) as mine,
            pytest.raises(UserError, match="another syncer"),
            migrating(mine, "syncer_", patience=0),
        ):
            pass
        if engine != "sqlite":  # whose lock is the folder's
            with engines.opened(app.settings.database_login) as mine, migrating(mine, "elsewhere_", patience=0):
                pass
    with engines.opened(app.settings.database_login) as mine, migrating(mine, "syncer_", patience=0):
        pass


@on_servers
def test_an_account_that_may_not_change_tables_only_checks(
    app: App, engine: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    name = str(sa.make_url(app.settings.database.url).database)
    granted(server, name, run(app.settings.path, "db", "grants", "--host", "127.0.0.1").stdout)
    let_in(server, "daemon")
    try:
        monkeypatch.setenv("SYNCER_DATABASE__URL", server.url(name, "syncer_daemon", PASSWORD))
        content = run(app.settings.path, "init")
        schema_steps.downgrade(app.engine, "0013")
        refused = [run(app.settings.path, *words) for words in (("init",), ("db", "upgrade"))]
        still = revisions.revision_of(app.engine, "syncer_")
        app.engine.dispose()
    finally:
        monkeypatch.delenv("SYNCER_DATABASE__URL")
        drop_accounts(server, name)

    assert content.returncode == 0, content.stderr
    assert f"database schema {REVISION}: up to date" in content.stdout
    assert [(done.returncode, done.stderr.count("\n")) for done in refused] == [(2, 1), (2, 1)]
    assert all("is older than this syncer" in done.stderr for done in refused)
    assert still == "0013"


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_newer_schema_that_is_made_for_this_code_is_left_as_it_is(app: App, engine: str) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE syncer_alembic_version SET version_num = '{NEWER}'")
    app.engine.dispose()

    for words in (("init",), ("db", "upgrade")):
        done = run(app.settings.path, *words)
        assert (done.returncode, "of a newer syncer, and made for this one" in done.stdout) == (0, True), done.stderr
    assert run(app.settings.path, "status").returncode == 0


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
@pytest.mark.parametrize("oldest", [NEWER, "", "9999"])
def test_a_newer_schema_that_is_not_is_refused_by_every_command(app: App, engine: str, oldest: str) -> None:
    with app.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE syncer_alembic_version SET version_num = '{NEWER}'")
        if oldest:
            connection.exec_driver_sql(f"UPDATE syncer_schema SET compatible_from = '{oldest}'")
        else:
            connection.exec_driver_sql("DELETE FROM syncer_schema")
    app.engine.dispose()

    for words in (("init",), ("db", "upgrade"), ("db", "upgrade", "--dry-run"), ("status",), ("run",), ("drain",)):
        done = run(app.settings.path, *words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), (words, done)
        assert f"newer than this syncer ({REVISION}) and was left alone" in done.stderr
