"""Whatever somebody writes into head and checkpoints: a verification finds it, and raises nothing else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from syncer.app import App
from syncer.audit.offline.finding import Finding
from syncer.errors import ChainBroken
from syncer.service.drain import drain
from tests.support.walk import PERSON, put

#: as SQLite keeps them, whatever the column's type; of a number, Python makes that many bytes
VALUES = ["9223372036854775807", "100000000000", "-1", "9e999", "'soon'", "''", "x'ff'", "CAST(x'ff' AS TEXT)"]
SOUND = {"syncer_checkpoint.frontier"}  # the entries themselves decide


@pytest.fixture
def signed(app: App) -> App:
    put(app, "erasure", PERSON, "k1")
    drain(app)
    app.notary.make()
    app.notary.make()
    assert app.verify().ok
    return app


def outcome(verify: Callable[[], Finding]) -> bool:
    try:
        return verify().ok
    except ChainBroken:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize(
    "column",
    ["syncer_audit_head.seq", "syncer_audit_head.mac"]
    + [f"syncer_checkpoint.{name}" for name in ("at", "origin", "root", "note", "frontier", "mac")],
)
def test_an_odd_value_is_found_and_nothing_else_is_raised(signed: App, column: str, value: str) -> None:
    table, _, name = column.partition(".")
    with signed.engine.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE {table} SET {name} = {value} WHERE rowid = (SELECT MAX(rowid) FROM {table})"
        )

    for verify in (signed.verify, signed.verify_since, lambda: signed.verification.whole(pause=lambda _: None)):
        assert outcome(verify) is (column in SOUND)
