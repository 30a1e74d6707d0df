"""`syncer console` as a process: what it prints, what it needs, how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from syncer.app import App
from tests.support.processes import command, started, until
from tests.support.processes import run as process
from tests.support.servers import free_port

pytestmark = pytest.mark.slow


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def settings(app: App, port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of an installation whose providers' keys this machine does not have."""
    path = app.settings.path
    table = f'\n[console]\nurl = "http://localhost:{port}/"\nlisten = "127.0.0.1:{port}"\nkey_file = "syncer.key"\n'
    path.write_text(path.read_text(encoding="utf-8") + table, encoding="utf-8")
    for name in ("TEST_MAILCHIMP_KEY", "TEST_ACTIVECAMPAIGN_KEY"):
        monkeypatch.delenv(name)
    return path


def status(port: int, path: str = "/healthz") -> int:
    try:
        with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except OSError:
        return 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_prints_its_address_needs_no_key_of_a_provider_and_ends_when_told_to(
    settings: Path, port: int, tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    with started(settings, "console", log=log, debug=False) as console:
        until(lambda: status(port) == 200, 30)
        page = status(port, "/sign-in")
        with closing(socket.create_connection(("127.0.0.1", port))):  # a browser that keeps its connection
            console.send_signal(number)
            console.send_signal(number)
            began = time.monotonic()
            code = console.wait(20)

    said = log.read_text(encoding="utf-8")
    assert (page, code) == (200, 0), said
    assert time.monotonic() - began < 10
    logged = [line for line in said.splitlines() if line.startswith("{")]
    assert [line for line in said.splitlines() if line not in logged] == [
        f"http://localhost:{port}/ (listening on 127.0.0.1:{port})"
    ]
    events = [json.loads(line)["event"] for line in logged]
    assert sorted(events) == ["console.opened", "console.started", "console.stopped"]


def test_systemd_hears_that_it_is_ready_alive_and_stopping(
    settings: Path, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "3000000")
        with started(settings, "console", log=tmp_path / "log") as console:
            heard = [systemd.recv(100).decode() for _ in range(3)]
            console.terminate()
            console.wait(20)
            while heard[-1] != "STOPPING=1":
                heard.append(systemd.recv(100).decode())

    assert heard[:3] == ["READY=1", "WATCHDOG=1", "WATCHDOG=1"]


def test_it_starts_while_the_database_is_away_and_ends_in_time_all_the_same(
    settings: Path, port: int, tmp_path: Path
) -> None:
    away = f"postgresql://syncer@127.0.0.1:{free_port()}/syncer"
    settings.write_text(settings.read_text(encoding="utf-8").replace("sqlite:///syncer.db", away), encoding="utf-8")
    with started(settings, "console", log=tmp_path / "log", debug=False) as console:
        until(lambda: status(port) == 503, 30)
        page = status(port, "/sign-in")
        console.terminate()
        began = time.monotonic()
        code = console.wait(20)

    assert (page, code) == (503, 0)
    assert time.monotonic() - began < 10
    assert (tmp_path / "log").read_text(encoding="utf-8").count("database.away") == 1


def test_a_database_of_a_newer_version_ends_it_with_2(settings: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "syncer.db")) as database, database:
        database.execute("UPDATE syncer_alembic_version SET version_num = '9999'")
        database.execute("UPDATE syncer_schema SET compatible_from = '9999'")

    done = process(settings, "console")

    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert "newer" in done.stderr


def test_a_key_that_is_missing_is_told_in_place_of_an_address(settings: Path, tmp_path: Path) -> None:
    text = settings.read_text(encoding="utf-8").replace('key_file = "syncer.key"', 'key_file = "other.key"')
    settings.write_text(text, encoding="utf-8")

    done = process(settings, "console")

    assert (done.returncode, done.stdout) == (2, "")
    assert f"{tmp_path}/other.key" in done.stderr.splitlines()[-1]


def test_a_place_that_is_taken_is_one_line_and_2(settings: Path, port: int) -> None:
    with closing(socket.create_server(("127.0.0.1", port))):
        done = process(settings, "console")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f"{settings}: [console] listen: 127.0.0.1:{port} is in use; end what listens there, a console perhaps, or"
        " choose another"
    ]


def test_without_its_table_it_is_one_line_and_2(settings_file: Callable[..., Path]) -> None:
    settings = settings_file()

    done = process(settings, "console")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        f'{settings}: there is no table [console]; add it with what browsers type, like url = "http://localhost:8484/"'
    ]


@pytest.mark.parametrize("module", ["flask", "waitress", "werkzeug"])
def test_without_its_extra_it_says_what_to_install(settings: Path, tmp_path: Path, module: str) -> None:
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(f"import sys\nsys.modules['{module}'] = None\n", encoding="utf-8")
    paths = os.pathsep.join(filter(None, (str(hidden), os.environ.get("PYTHONPATH", ""))))

    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(
        command(settings, "console"), env=environment, capture_output=True, encoding="utf-8", check=False, timeout=60
    )

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "syncer console needs what is not installed here; install it with: pip install list-syncer[console]"
    ]
