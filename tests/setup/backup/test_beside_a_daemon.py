"""Backups that are made while the work goes on: each is one moment of the database, and verified as such."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.service.drain import drain
from tests.support.processes import inside as run
from tests.support.servers import ENGINES
from tests.support.walk import put


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_backups_that_are_made_under_load_are_whole(make_app: Callable[..., App], tmp_path: Path) -> None:
    app = make_app()
    for number in range(150):
        put(app, "erasure", f"person{number}@load.test", f"k{number}")
    path, made = app.settings.path, []

    def work() -> None:
        with open_app(load_settings(path)) as other:
            drain(other)

    worker = threading.Thread(target=work)
    worker.start()
    while worker.is_alive() or not made:
        made.append(run(path, "backup", str(tmp_path / "backups")))
    worker.join()

    assert [done.returncode for done in made] == [0] * len(made), made[-1].stderr
    assert len(made) > 1
    ends = (".db", ".sql", ".dump")
    for file in (each for each in (tmp_path / "backups").iterdir() if each.suffix in ends):
        checked = run(path, "backup", "--check", str(file))
        assert checked.returncode == 0, checked.stderr
