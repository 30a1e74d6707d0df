"""The accounts that `syncer db grants` prints, on a private server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.setup import grants
from tests.setup.accounts import PASSWORD, drop_accounts, granted, let_in, piped
from tests.support.processes import inside as run
from tests.support.servers import Server


@pytest.fixture
def accounts(app: App, engine: str, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Grant what `syncer db grants` prints; give the URL of each account."""
    server: Server = request.getfixturevalue(engine)
    name = str(sa.make_url(app.settings.database.url).database)
    done = run(app.settings.path, "db", "grants", "--host", "127.0.0.1")
    assert done.returncode == 0, done.stderr
    kind = "postgresql" if engine == "postgresql" else "mysql"
    assert done.stdout == grants.statements(kind, app.tables, grants.grants(app.tables), name, "127.0.0.1")
    granted(server, name, done.stdout)
    for account in grants.ACCOUNTS:
        let_in(server, account)

    def url(account: str) -> str:
        return server.url(name, f"syncer_{account}", PASSWORD)

    yield url
    drop_accounts(server, name)


@pytest.fixture
def locked(app: App, engine: str, request: pytest.FixtureRequest) -> Iterator[Callable[[str], str]]:
    """Pipe what `syncer db grants` prints into the server's client and stop there: nobody has set a password."""
    server: Server = request.getfixturevalue(engine)
    name = str(sa.make_url(app.settings.database.url).database)
    piped(server, name, run(app.settings.path, "db", "grants", "--host", "127.0.0.1").stdout)
    yield lambda account: server.url(name, f"syncer_{account}", "")
    drop_accounts(server, name)
