"""`syncer backup` on MariaDB and PostgreSQL: by their own clients, whose command lines hold no password."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.database import engines
from syncer.service.drain import drain
from syncer.settings.login import Login
from syncer.setup.backup.copying import mariadb, postgresql
from syncer.setup.backup.manifest import BackupFailed
from tests.database.certificates import Certificates, tls_server
from tests.support.processes import inside as run
from tests.support.servers import ENGINES, Server
from tests.support.session import tools
from tests.support.walk import PERSON, put, whats

on_servers = pytest.mark.parametrize("engine", ENGINES[1:], indirect=True)
#: what a password may hold: a quote, a backslash, the signs of option files, of PGPASSFILE and of a URL
PASSWORD = "a\"b'c\\d#e;f:g@h %i$j=k\\n"
CLIENTS = {"mariadb": ("mariadb-dump", "mariadb"), "postgresql": ("pg_dump", "pg_restore")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def made(folder: Path) -> Path:
    (file,) = (path for path in folder.iterdir() if path.suffix in (".sql", ".dump"))
    return file


@pytest.fixture
def account(app: App, engine: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of an account that may do everything with its own database, and make no other."""
    server: Server = request.getfixturevalue(engine)
    name = str(sa.make_url(app.settings.database.url).database)
    quoted = PASSWORD.replace("\\", "\\\\").replace("'", "''") if engine == "mariadb" else PASSWORD.replace("'", "''")
    if engine == "mariadb":
        server.sql(f"CREATE USER 'keeper'@'%%' IDENTIFIED BY '{quoted.replace('%', '%%')}'")
        server.sql(f"GRANT ALL ON `{name}`.* TO 'keeper'@'%%'")
    else:
        server.sql(f"CREATE ROLE keeper LOGIN PASSWORD '{quoted.replace('%', '%%')}'")
        server.sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO keeper", name)
        server.sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO keeper", name)
    yield server.url(name, "keeper", PASSWORD)
    if engine == "mariadb":
        server.sql("DROP USER 'keeper'@'%%'")
    else:
        server.sql("DROP OWNED BY keeper", name)
        server.sql("DROP ROLE keeper")


def _may_make_scratch(server: Server) -> None:
    if server.kind == "mariadb":
        server.sql("GRANT ALL ON `syncer\\_scratch\\_%%`.* TO 'keeper'@'%%'")
    else:
        server.sql("ALTER ROLE keeper CREATEDB")


@on_servers
def test_an_account_without_a_scratch_database_writes_a_backup_that_does_not_count(
    app: App, engine: str, account: str, folder: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    put(app, "erasure", PERSON, "k1")
    drain(app)
    monkeypatch.setenv("SYNCER_DATABASE__URL", account)

    done = run(app.settings.path, "backup", str(folder))

    assert done.returncode == 1, done
    assert ("syncer\\_scratch\\_%" if engine == "mariadb" else "ALTER ROLE keeper CREATEDB") in done.stderr
    assert json.loads(made(folder).with_suffix(".json").read_text(encoding="utf-8"))["verified"] is False
    assert "backup:made" not in whats(app)

    _may_make_scratch(server)
    checked = run(app.settings.path, "backup", "--check", str(made(folder)))
    assert checked.returncode == 0, checked.stderr
    again = run(app.settings.path, "backup", str(folder / "again"))
    assert again.returncode == 0, again.stderr
    assert "backup:made" in whats(app)
    assert not _scratch_databases(server)


def _scratch_databases(server: Server) -> list[str]:
    listed = "SHOW DATABASES" if server.kind == "mariadb" else "SELECT datname FROM pg_database"
    return [row[0] for row in server.sql(listed) if str(row[0]).startswith("syncer_scratch")]


@on_servers
def test_no_password_and_no_key_is_in_a_command_line_or_in_the_environment_of_a_client(
    app: App,
    engine: str,
    account: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    _may_make_scratch(request.getfixturevalue(engine))
    tools, seen = tmp_path / "tools", tmp_path / "seen"
    tools.mkdir()
    for name in CLIENTS[engine]:
        script = f'#!/bin/sh\n{{ printf "%s\\n" "$@"; env; }} >> {seen}\nexec {shutil.which(name)} "$@"\n'
        (tools / name).write_text(script, encoding="utf-8")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tools), os.environ["PATH"]]))
    monkeypatch.setenv("SYNCER_DATABASE__URL", account)

    done = run(app.settings.path, "backup", str(folder))

    assert done.returncode == 0, done.stderr
    said = seen.read_text(encoding="utf-8")
    assert "--" in said
    quoted = sa.make_url(account).render_as_string(hide_password=False)
    secrets = [PASSWORD, quoted, os.environ["TEST_MAILCHIMP_KEY"], os.environ["TEST_ACTIVECAMPAIGN_KEY"]]
    assert not [secret for secret in secrets if secret in said]
    logins = {line.partition("=")[2] for line in said.split("\n") if line.startswith(("--defaults-file", "PGPASSFILE"))}
    assert logins
    assert not [path for path in logins if Path(path).exists()]


@on_servers
def test_a_client_that_is_not_installed_is_named_with_its_package(
    app: App, engine: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    done = run(app.settings.path, "backup", str(folder))

    package = "mariadb-client" if engine == "mariadb" else "postgresql-client"
    assert (done.returncode, f"apt install {package}" in done.stderr, done.stderr.count("\n")) == (2, True, 1)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_pg_dump_that_is_older_than_the_server_is_named_with_the_remedy(
    app: App, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "pg_dump"
    old.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))

    done = run(app.settings.path, "backup", str(folder))

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "which cannot dump it; run `apt install postgresql-client-1" in done.stderr


@on_servers
def test_a_client_that_fails_leaves_nothing_and_says_one_line(
    app: App, engine: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / CLIENTS[engine][0]
    text = "#!/bin/sh\n[ \"$1\" = --version ] && echo 'pg_dump (PostgreSQL) 99.1' && exit 0\n"
    broken.write_text(text + 'echo "row ada@lovelace.test: No space left on device" >&2\nexit 3\n', encoding="utf-8")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))

    done = run(app.settings.path, "backup", str(folder))

    assert (done.returncode, done.stderr.count("\n"), list(folder.iterdir())) == (1, 1, [])
    assert "the disk is full" in done.stderr
    assert "lovelace" not in done.stderr


@on_servers
def test_tables_of_other_programs_are_not_in_it(
    app: App, engine: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    server.sql("CREATE TABLE wp_users (secret varchar(40))", sa.make_url(app.settings.database.url).database)
    server.sql("INSERT INTO wp_users VALUES ('of somebody else')", sa.make_url(app.settings.database.url).database)

    assert run(app.settings.path, "backup", str(folder)).returncode == 0

    assert b"wp_users" not in made(folder).read_bytes()


@on_servers
def test_what_a_killed_backup_left_on_the_server_is_dropped_a_day_later(
    app: App, engine: str, folder: Path, request: pytest.FixtureRequest
) -> None:
    server: Server = request.getfixturevalue(engine)
    listed = "SHOW DATABASES" if engine == "mariadb" else "SELECT datname FROM pg_database"
    assert run(app.settings.path, "backup", str(folder)).returncode == 0
    with engines.opened(app.settings.database_login) as opened:
        ours = _scratch_name(app, opened)
    old, young = f"{ours}_1000000000_abcd", f"{ours}_4000000000_abcd"
    for name in (old, young):
        server.sql(f"CREATE DATABASE {name}")

    assert run(app.settings.path, "backup", str(folder)).returncode == 0

    left = [row[0] for row in server.sql(listed) if str(row[0]).startswith("syncer_scratch")]
    server.sql(f"DROP DATABASE {young}")
    assert left == [young]


def _scratch_name(app: App, opened: sa.Engine) -> str:
    whose = f"{opened.url.database}/{app.tables.prefix}"
    return f"syncer_scratch_{hashlib.sha256(whose.encode()).hexdigest()[:8]}"


@pytest.fixture(scope="module", params=ENGINES[1:])
def secure(request: pytest.FixtureRequest) -> Iterator[tuple[Server, Certificates]]:
    with tls_server(request.param) as pair:
        yield pair


def test_a_client_asks_for_the_certificate_that_the_settings_ask_for(
    secure: tuple[Server, Certificates], tmp_path: Path
) -> None:
    server, files = secure
    if shutil.which(CLIENTS[server.kind][0]) is None:
        tools.skip(CLIENTS[server.kind][0], f"{CLIENTS[server.kind][0]} {tools.NOT_INSTALLED}")
    url = sa.make_url(server.new_database()).set(host="localhost").render_as_string(hide_password=False)
    login = Login("settings.toml: [database]", url, "verify", files.ca)
    server.sql("CREATE TABLE syncer_x (x int)", sa.make_url(url).database)

    def dump(how: Login, name: str) -> bytes:
        part = tmp_path / name
        if server.kind == "mariadb":
            mariadb.dump(how, ["syncer_x"], part)
        else:
            with engines.opened(login) as opened:
                postgresql.dump(opened, how, ["syncer_x"], part)
        return part.read_bytes()

    assert b"syncer_x" in dump(login, "trusted")
    with pytest.raises(BackupFailed):
        dump(replace(login, tls_ca=files.other_ca), "untrusted")
    with pytest.raises(BackupFailed):
        dump(replace(login, url=url.replace("localhost", "127.0.0.1")), "another name")
    assert dump(replace(login, tls="require", tls_ca=None), "unasked")
