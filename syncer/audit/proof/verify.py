"""`syncer audit verify`: the chain with the key, the log against its signed notes, and the tables against the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from syncer.audit.anchors.folder import SUFFIX, read
from syncer.audit.offline.history import History
from syncer.audit.offline.verifier import Finding, Row, examine
from syncer.audit.proof.notary import open_ours
from syncer.database.connections import snapshot
from syncer.errors import UserError

if TYPE_CHECKING:
    from syncer.app import App

Notes = list[tuple[str, str]]


def verify(app: App, against: Sequence[Path] = ()) -> dict[str, Any]:
    """Check everything that can be checked on this host. `against` are notes that were collected elsewhere.

    Raises UserError for a file that cannot be read. A note that is not ours is a finding in `against`, but only a
    warning in the state folder, where anybody may have put it.
    """
    collected = [(str(path), _read(path)) for path in _files(against)]
    chain = app.ledger.verify()
    if not chain.ok:
        return _told(Finding(False, chain.entries, chain.first_bad, chain.reason, chain.purged))
    mine, foreign = _of_the_folder(app)
    kept = [(f"checkpoint {item.size}", item.note) for item in app.notary.checkpoints.all()]
    history = History()
    with snapshot(app.engine) as connection:
        rows = _rows(app, connection)
        found = examine(rows, [kept, mine, collected], app.notary.checkpoints.public_keys(), history)
        contradiction = _contradiction(app, connection, history) if found.ok else None
    if contradiction:
        return _told(Finding(False, found.entries, None, contradiction, found.purged, found.notes, found.anchored))
    return _told(found, foreign)


def _told(found: Finding, more: Sequence[str] = ()) -> dict[str, Any]:
    at = found.anchored
    return {
        "ok": found.ok,
        "entries": found.entries,
        "first_bad": found.first_bad,
        "reason": found.reason,
        "purged": found.purged,
        "notes": found.notes,
        "anchored": {"origin": at.origin, "size": at.size, "at": at.at} if at else None,
        "warnings": [*found.warnings, *more],
    }


def _files(given: Sequence[Path]) -> list[Path]:
    found: list[Path] = []
    for path in given:
        found += sorted(path.glob(f"*{SUFFIX}")) if path.is_dir() else [path]
    return found


def _read(path: Path) -> str:
    try:
        return read(path)
    except (OSError, ValueError):
        raise UserError(f"{path}: cannot be read as a note; check the path") from None


def _of_the_folder(app: App) -> tuple[Notes, list[str]]:
    mine, foreign = [], []
    for name, text in app.notary.notes():
        try:
            open_ours(app.notary.checkpoints, text)
        except ValueError as error:
            foreign.append(f"{name}: passed over, {error}")
        else:
            mine.append((name, text))
    return mine, foreign


def _rows(app: App, connection: sa.Connection) -> Iterator[Row]:
    for seq, at, what, event, destination, body, leaf, _ in app.ledger.raw(connection):
        yield seq, at, what, event, destination, body, bytes(leaf) if isinstance(leaf, memoryview) else leaf


def _contradiction(app: App, connection: sa.Connection, history: History) -> str | None:
    d = app.tables.delivery.c
    for row in connection.execute(sa.select(d.event_id, d.destination, d.state).order_by(d.id)):
        problem = history.contradicts(row.event_id, row.destination, row.state)
        if problem:
            return problem
    return None
