"""The servers' own clients, which a backup needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.servers import Missing, binary, postgres_binary
from tests.support.session import tools


@pytest.fixture(autouse=True)
def clients(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clients of the test's engine be found, or skip it."""
    if engine == "sqlite":
        return
    names = ("mariadb-dump", "mariadb") if engine == "mariadb" else ("pg_dump", "pg_restore")
    find = binary if engine == "mariadb" else postgres_binary
    try:
        folders = dict.fromkeys(str(Path(find(name)).parent) for name in names)
    except Missing as missing:
        tools.skip(names[0], str(missing))
    monkeypatch.setenv("PATH", os.pathsep.join([*folders, os.environ["PATH"]]))
