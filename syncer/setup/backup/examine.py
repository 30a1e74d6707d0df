"""What a restored backup holds, and whether it is whole: its pages, its log, its tables against its log."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy as sa

from syncer.app import App, make_tables, open_app
from syncer.database import engines, revisions
from syncer.settings.checked import Settings
from syncer.settings.login import Login
from syncer.setup.backup.manifest import BackupFailed, Manifest


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: its schema, how its log ends (the last mac in hex), the log's name, the newest note."""

    schema: str
    compatible_from: str | None
    entries: int
    head: str
    log: str
    note: str | None


def contents(app: App) -> Contents:
    """Return what a database holds."""
    prefix = app.settings.database.prefix
    entries, head = app.ledger.head()
    newest = app.checkpoints.newest()
    return Contents(
        schema=revisions.revision_of(app.engine, prefix) or "",
        compatible_from=revisions.compatible_from(app.engine, prefix),
        entries=entries,
        head=head,
        log=app.origins.current(),
        note=newest.note if newest is not None else None,
    )


@contextmanager
def opened(settings: Settings, login: Login) -> Iterator[App]:
    """Open a restored database by itself: without the notes of the state folder, which may know more than it."""
    database = replace(
        settings.database, url=login.url, password_env=None, password_file=None, tls=login.tls, tls_ca=login.tls_ca
    )
    with tempfile.TemporaryDirectory(prefix="syncer-") as folder:
        alone = replace(
            settings,
            database=database,
            queue=replace(settings.queue, url=None),
            checkpoints=replace(settings.checkpoints, folder=Path(folder)),
            anchors={},
            wordpress=None,
        )
        with engines.opened(login) as engine:
            if (revisions.revision_of(engine, database.prefix) or "") < revisions.REVISION:
                revisions.upgrade(engine, make_tables(settings), queue_here=False)  # this one is thrown away
        with open_app(alone, retired=True) as app:
            yield app


def require_sound(app: App, manifest: Manifest | None = None) -> None:
    """Raise BackupFailed unless database and log are whole, with all that the manifest says is in them."""
    if app.engine.dialect.name == "sqlite":
        with app.engine.connect() as connection:
            said = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if said != "ok":
            raise BackupFailed("the database is damaged (integrity_check); run `syncer check`, and make another")
    finding = app.verify()
    if not finding.stands:
        raise BackupFailed(f"audit verify: {finding.reason}; keep this backup as evidence, and an older one as backup")
    if manifest is not None and not _holds(app, manifest):
        raise BackupFailed(f"entry {manifest.entries} of the log is not the one in the manifest; use another backup")


def _holds(app: App, manifest: Manifest) -> bool:
    audit = app.tables.audit.c
    with app.engine.connect() as connection:
        found = connection.execute(sa.select(audit.mac).where(audit.seq == manifest.entries)).scalar()
    return manifest.entries == 0 or (found is not None and bytes(found).hex() == manifest.head)
