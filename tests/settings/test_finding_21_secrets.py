"""Files with a secret are refused where others can read them, and a database's password has a place of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from syncer.app import load_settings, open_app
from syncer.errors import SettingsProblem
from syncer.settings.login import is_remote
from syncer.settings.secret_file import secret
from tests.support.processes import inside as run
from tests.support.processes import inside_json as as_json
from tests.support.servers import Server

PASSWORD = "geheim-7"


def _secret(path: Path) -> str | None:
    return secret("settings.toml: [x] api_key_file", None, path, "key")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "mailchimp.key"
    path.write_text("a-key-1\n", encoding="utf-8")
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o622, 0o666])
def test_finding_21_a_secret_that_others_can_read_is_refused(key: Path, mode: int) -> None:
    assert _secret(key) == "a-key-1"
    key.chmod(mode)

    with pytest.raises(SettingsProblem) as refused:
        _secret(key)

    assert str(refused.value) == (f"settings.toml: [x] api_key_file: others can read {key}; run `chmod 600 {key}`")


def test_finding_21_a_secret_of_another_user_is_refused(key: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("giving a file to another user needs root")
    os.chown(key, 65534, 65534)

    with pytest.raises(SettingsProblem, match="belongs to another user; run `chown root"):
        _secret(key)


def test_finding_21_systemds_credentials_are_taken_as_they_are(
    key: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    key.chmod(0o440)  # the group's part stands for the access list that lets the unit's user in
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert _secret(key) == "a-key-1"
    key.chmod(0o444)
    with pytest.raises(SettingsProblem, match="others can read"):
        _secret(key)


def test_finding_21_check_names_an_api_key_that_others_can_read(
    settings_file: Callable[..., Path], key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = settings_file()
    path.write_text(
        path.read_text(encoding="utf-8").replace('api_key_env = "TEST_MAILCHIMP_KEY"', f'api_key_file = "{key}"'),
        encoding="utf-8",
    )
    key.chmod(0o644)
    assert run(path, "init").returncode == 0

    found = {item["name"]: item for item in as_json(path, "check")["checks"]}["newsletter: key"]
    drained = run(path, "drain")

    assert (found["ok"], found["remedy"]) == (False, f"run `chmod 600 {key}`")
    assert (drained.returncode, f"chmod 600 {key}" in drained.stderr) == (2, True)


# -- the password of a database --------------------------------------------------------------------------------


@pytest.fixture
def account(mariadb: Server) -> Callable[[], sa.URL]:
    """Make a database with an account that has a password; give its URL without one."""

    def make() -> sa.URL:
        url = make_url(mariadb.new_database())
        mariadb.sql(f"CREATE OR REPLACE USER 'someone'@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        mariadb.sql(f"GRANT ALL ON `{url.database}`.* TO 'someone'@'127.0.0.1'")
        return url.set(username="someone")

    return make


def _settings(path: Path, url: sa.URL, *lines: str) -> Path:
    text = path.read_text(encoding="utf-8").replace(
        'url = "sqlite:///syncer.db"', "\n".join([f'url = "{_whole(url)}"', *lines]), 1
    )
    path.write_text(text, encoding="utf-8")
    return path


def _whole(url: sa.URL) -> str:
    return url.render_as_string(hide_password=False)


def test_finding_21_the_password_comes_from_a_file_or_a_variable_and_is_shown_nowhere(
    settings_file: Callable[..., Path],
    account: Callable[[], sa.URL],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "db.password").write_text(PASSWORD + "\n", encoding="utf-8")
    (tmp_path / "db.password").chmod(0o600)
    monkeypatch.setenv("DATABASE_PASSWORD", PASSWORD)
    for line in ('password_file = "db.password"', 'password_env = "DATABASE_PASSWORD"'):
        path = _settings(settings_file(), account(), line)
        assert run(path, "init").returncode == 0

        checked = run(path, "check", "--debug")

        assert "[database] url holds" not in checked.stdout
        assert PASSWORD not in checked.stdout + checked.stderr
        with open_app(load_settings(path)) as app:
            assert PASSWORD not in repr(app.settings) + repr(app.settings.database_login) + str(app.engine.url)


def test_finding_21_a_missing_or_open_password_file_is_one_line(
    settings_file: Callable[..., Path], account: Callable[[], sa.URL], tmp_path: Path
) -> None:
    path = _settings(settings_file(), account(), 'password_file = "db.password"')
    missing = run(path, "init")
    (tmp_path / "db.password").write_text(PASSWORD, encoding="utf-8")
    (tmp_path / "db.password").chmod(0o644)
    open_to_all = run(path, "init")

    for done, said in ((missing, "cannot be read; check it"), (open_to_all, "others can read")):
        assert (done.returncode, done.stderr.count("\n"), PASSWORD in done.stderr) == (2, 1, False)
        assert f"[database] password_file: {tmp_path}/db.password" in done.stderr.replace("others can read ", "")
        assert said in done.stderr


def test_finding_21_check_warns_of_a_password_in_the_settings_and_not_of_one_in_a_variable(
    settings_file: Callable[..., Path], account: Callable[[], sa.URL], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url = account().set(password=PASSWORD)
    path = _settings(settings_file(), url)
    assert run(path, "init").returncode == 0
    (settings,) = [item for item in as_json(path, "check")["checks"] if item["name"] == "settings"]
    path = _settings(settings_file(), url.set(password=None), 'password_file = "nowhere"')
    monkeypatch.setenv("SYNCER_DATABASE__URL", _whole(url))
    (by_variable,) = [item for item in as_json(path, "check")["checks"] if item["name"] == "settings"]

    assert (settings["ok"], settings["level"]) == (True, "warn")
    assert settings["detail"].endswith("; [database] url holds a password")
    assert settings["remedy"] == "take it out and name its file with password_file"
    assert (by_variable["detail"], by_variable["remedy"]) == (str(path), "")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (('password_file = "a"', 'password_env = "B"'), "give password_env or password_file, not both"),
        (('tls = "sometimes"',), "is not known; use 'verify', 'require' or 'off'"),
        (('tls = "off"', 'tls_ca = "ca.pem"'), 'tls_ca is for tls = "verify"; take one of the two out'),
    ],
)
def test_finding_21_what_does_not_fit_together_is_one_line(
    settings_file: Callable[..., Path], lines: tuple[str, ...], said: str
) -> None:
    done = run(_settings(settings_file(), make_url("mysql://syncer@db/syncer"), *lines), "status")

    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


@pytest.mark.parametrize("line", ['password_file = "a"', 'tls = "verify"', 'tls_ca = "ca.pem"'])
def test_finding_21_keys_of_a_server_are_refused_for_a_file(settings_file: Callable[..., Path], line: str) -> None:
    path = settings_file()
    path.write_text(
        path.read_text(encoding="utf-8").replace("[database]\n", f"[database]\n{line}\n", 1), encoding="utf-8"
    )

    done = run(path, "status")

    assert (done.returncode, "is for the url of a server" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("url", "elsewhere"),
    [
        ("sqlite:///x.db", False),
        ("mysql://u@localhost/d", False),
        ("mysql://u@127.0.0.1/d", False),
        ("mysql://u@127.9.9.9/d", False),
        ("mysql://u@[::1]/d", False),
        ("mysql:///d", False),
        ("mysql://u@db/d?unix_socket=/run/mysqld/mysqld.sock", False),
        ("postgresql:///d?host=/var/run/postgresql", False),
        ("postgresql:///d?host=localhost:5433,127.0.0.1:5434", False),
        ("postgresql:///d?host=localhost&host=db.example.org", True),
        ("postgresql://u@localhost/d?hostaddr=192.0.2.1", True),
        ("postgresql:///d?host=localhost:5433,db:5434", True),
        ("postgresql://u@db.example.org/d", True),
        ("mysql://u@192.0.2.1/d", True),
        ("mysql://u@[2001:db8::1]/d", True),
        ("mysql://u@localhost.example.org/d", True),
        ("mysql://u@0.0.0.0/d", True),
    ],
)
def test_finding_21_a_server_elsewhere_is_told_by_its_host(url: str, elsewhere: bool) -> None:
    assert is_remote(make_url(url)) is elsewhere
