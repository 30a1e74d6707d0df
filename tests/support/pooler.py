"""A private PgBouncer before a private PostgreSQL; where the binary is missing the test skips and says so."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.support.servers import PATIENCE, Missing, Server, as_user, binary, free_port, ordinary_user
from tests.support.session import tools

INI = """\
[databases]
* = host=127.0.0.1 port={server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {folder}/users
pool_mode = {mode}
default_pool_size = 3
server_login_retry = 1
query_wait_timeout = 2
logfile = {folder}/log
"""


@contextmanager
def pgbouncer(server: Server, url: str, mode: str = "transaction") -> Iterator[str]:
    """Yield the URL of the same database through a PgBouncer that pools by `mode`."""
    found = _binary_or_skip()
    folder, port = Path(tempfile.mkdtemp(prefix="syncer-pgbouncer-")), free_port()
    user = ordinary_user() if os.getuid() == 0 else None
    folder.chmod(0o777)  # it refuses to run as root and writes its log there
    accounts = server.sql("SELECT rolname FROM pg_roles WHERE rolcanlogin")
    (folder / "users").write_text("".join(f'"{name}" ""\n' for (name,) in accounts), encoding="ascii")
    (folder / "ini").write_text(INI.format(server=server.port, port=port, folder=folder, mode=mode), encoding="ascii")
    process = subprocess.Popen([found, "-q", str(folder / "ini")], stderr=subprocess.DEVNULL, **as_user(user))
    pooled = sa.make_url(url).set(port=port)
    try:
        _wait(pooled)
        yield pooled.render_as_string(hide_password=False)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _binary_or_skip() -> str:
    try:
        return binary("pgbouncer")
    except Missing as missing:
        tools.skip("pgbouncer", str(missing))


def _wait(url: sa.URL) -> None:
    import psycopg

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(psycopg.Error):
            psycopg.connect(host=url.host, port=url.port, dbname=url.database, user=url.username).close()
            return
        time.sleep(0.1)
    raise RuntimeError("pgbouncer did not start")
