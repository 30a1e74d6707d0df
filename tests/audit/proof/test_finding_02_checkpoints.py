"""Finding 2: a checkpoint that was replaced, deleted or invented is found before the next one is signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from syncer.app import App
from syncer.audit.offline.merkle import Frontier, root
from syncer.errors import ChainBroken
from tests.conftest import Clock
from tests.support.attacks.forging import again, entries, written
from tests.support.attacks.tampering import undone
from tests.support.servers import ENGINES
from tests.support.walk import rows

everywhere = pytest.mark.parametrize("engine", ENGINES, indirect=True)


def sealed(app: App) -> App:
    """An installation with two checkpoints, and entries after each."""
    for count in (3, 4):
        entries(app, count)
        app.notary.make()
    entries(app, 2)
    return app


def change(app: App, **values: Any) -> None:
    """Change the newest checkpoint."""
    c = app.tables.checkpoint
    with app.engine.begin() as connection:
        newest = connection.execute(sa.select(sa.func.max(c.c.size))).scalar_one()
        connection.execute(c.update().where(c.c.size == newest).values(**values))


def older(app: App) -> Any:
    return rows(app, app.tables.checkpoint)[0]


REPLACED: dict[str, Callable[[App, Clock], None]] = {
    "mac at random": lambda app, clock: change(app, mac=b"\x07" * 32),
    "mac taken away": lambda app, clock: change(app, mac=None),
    "mac of another": lambda app, clock: change(app, mac=bytes(older(app).mac)),
    "mac of an entry": lambda app, clock: change(app, mac=bytes(rows(app, app.tables.audit)[-1].mac)),
    "time": lambda app, clock: change(app, at=clock() + timedelta(hours=5)),
    "root": lambda app, clock: change(app, root=b"\x07" * 32),
    "name": lambda app, clock: change(app, origin="somebody/else"),
    "note of another": lambda app, clock: change(app, note=older(app).note),
    "note that is none": lambda app, clock: change(app, note="signed by me"),
    "beyond the log": lambda app, clock: change(app, size=99),
    "before its entry": lambda app, clock: change(app, size=5),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("what", REPLACED)
def test_finding_02_a_checkpoint_that_was_replaced_stops_the_next_signature(app: App, clock: Clock, what: str) -> None:
    REPLACED[what](sealed(app), clock)
    app = again(app, clock)
    before = written(app)

    with pytest.raises(ChainBroken, match="checkpoint"):
        app.checkpoints.make("operator")

    assert written(app) == before
    app.close()


@everywhere
def test_finding_02_a_checkpoint_that_was_deleted_stops_the_next_signature(app: App, clock: Clock) -> None:
    sealed(app)
    c = app.tables.checkpoint
    with app.engine.begin() as connection:
        connection.execute(c.delete().where(c.c.size == 9))
    app = again(app, clock)

    with pytest.raises(ChainBroken, match="the checkpoint of entry 9 is gone"):
        app.notary.tick()
    with app.engine.begin() as connection:
        connection.execute(c.delete())
    with pytest.raises(ChainBroken, match="is gone"):
        app.notary.finish()
    app.close()


def test_finding_02_a_compact_range_that_was_replaced_never_comes_under_a_signature(app: App, clock: Clock) -> None:
    sealed(app)
    other = Frontier()
    other.extend(bytes([number]) * 32 for number in range(9))
    change(app, frontier=other.pack())
    app = again(app, clock)

    made, _ = app.notary.make()

    assert made.checkpoint.root == root(bytes(row.leaf) for row in rows(app, app.tables.audit))
    assert app.verify().ok
    app.close()


def test_finding_02_entries_and_range_replaced_below_a_checkpoint_do_not_come_under_a_signature(
    app: App, clock: Clock
) -> None:
    sealed(app)
    undone(app, "UPDATE syncer_audit SET leaf = randomblob(32), body = NULL WHERE seq = 2")
    change(app, frontier=b"x")
    app = again(app, clock)

    with pytest.raises(ChainBroken, match="the first 9 entries are not those that were signed"):
        app.checkpoints.make("operator")
    app.close()


@everywhere
def test_finding_02_a_log_signed_by_an_older_version_is_recomputed_from_the_start_once(app: App, clock: Clock) -> None:
    sealed(app)
    with app.engine.begin() as connection:
        connection.execute(app.tables.checkpoint.update().values(mac=None))
    app = again(app, clock)

    app.notary.make()

    assert [row.mac is not None for row in rows(app, app.tables.checkpoint)] == [False, False, True]
    assert app.verify().ok
    app.close()


def test_finding_02_what_an_older_version_signed_is_recomputed_too(app: App, clock: Clock) -> None:
    sealed(app)
    with app.engine.begin() as connection:
        connection.execute(app.tables.checkpoint.update().values(mac=None))
    undone(app, "UPDATE syncer_audit SET mac = randomblob(32) WHERE seq = 2")
    app = again(app, clock)

    with pytest.raises(ChainBroken, match="entry 2"):
        app.checkpoints.make("operator")
    app.close()
