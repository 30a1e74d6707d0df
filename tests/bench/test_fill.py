"""A filled installation is one that syncer might have written: whole to the verifier, and known to every command."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from syncer.app import App, load_settings, open_app
from syncer.database.connections import reading
from tests.bench.fill.installation import fill, person
from tests.support.servers import ENGINES

EVENTS = 400


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_verifier_finds_a_filled_installation_whole_and_its_tables_agree(tmp_path: Path, database_url: str) -> None:
    settings = load_settings(fill(tmp_path, EVENTS, database_url, years=1))

    with open_app(settings) as app:
        finding = app.verify()
        states = Counter(event.state for event in app.reader.events())
        app.checkpoints.require_intact()

        assert (finding.ok, finding.reason) == (True, None)
        assert finding.entries > 7 * (EVENTS - 80)
        assert states == {"fulfilled": EVENTS - 60, "held": 20, "open": 40}
        assert len(app.reader.events(state="overdue")) == 20
        assert len(app.reader.events(state="late")) == 40
        assert _found(app, 5) == _found(app, EVENTS - 1) == 1


def _found(app: App, number: int) -> int:
    return len(app.reader.events(subject=app.keyring.refs(person(number))))


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_its_indexes_and_triggers_are_those_of_an_installation(tmp_path: Path, database_url: str) -> None:
    settings = load_settings(fill(tmp_path, 40, database_url, years=1))

    with open_app(settings) as app:
        with reading(app.engine) as connection:
            found = {
                table.name: {index["name"] for index in sa.inspect(connection).get_indexes(table.name)}
                for table in app.tables.own
            }
        wanted = {table.name: {index.name for index in table.indexes} for table in app.tables.own}
        assert all(wanted[name] <= found[name] for name in wanted)
        with pytest.raises(sa.exc.DBAPIError), app.engine.begin() as connection:
            connection.execute(app.tables.audit.delete())
