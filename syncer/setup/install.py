"""Make an installation, and bring its tables up to date."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from syncer.app import make_tables
from syncer.audit.actor import actor
from syncer.audit.ledger import Ledger, key_check
from syncer.audit.proof.origins import Origins
from syncer.audit.transaction import Transactions
from syncer.clock import now
from syncer.database import connections, engines, revisions, sqlite_files
from syncer.database.failures import Denied, half_done
from syncer.database.tables import Tables
from syncer.database.upgrading.dry_run import Upgrade, planned
from syncer.database.upgrading.lock import migrating
from syncer.delivery.leases import Leases
from syncer.delivery.owners import owner_name
from syncer.errors import KeyFileError, SettingsProblem, UserError
from syncer.privacy import credentials
from syncer.privacy.keyring import Keyring
from syncer.settings import search
from syncer.settings.checked import Settings, settings_digest
from syncer.settings.search import is_sample
from syncer.setup.backup import before_upgrade

#: SQLite and PostgreSQL undo a revision that fails; MariaDB and MySQL keep each statement
_PLAN = "db upgrade --dry-run: nothing was changed"
_UPGRADE = (
    "db upgrade: the schema was not brought up to date; run `syncer db upgrade` again, it goes on where it stopped"
)


def initialise(settings: Settings) -> list[str]:
    """Make the key file, the tables and the queue table; what is there is left alone.

    Return what was done, one line each. Raises UserError when the key file or the schema does not fit.
    """
    return list(steps(settings))


def make_key(key_file: Path) -> str:
    """Make a key file, without a database; return a line that says what to do with it. Raises KeyFileError."""
    Keyring.create(key_file)
    return f"key file {key_file}: made; back it up, apart from the database"


def steps(settings: Settings) -> Iterator[str]:
    """Make an installation step by step, and yield a line once a step is done: a later one may fail."""
    _refuse_state_among_settings(settings)
    yield f"settings {settings.path}: read" + (", the sample as it came; edit it" if is_sample(settings.path) else "")
    key_file = settings.identity.key_file
    if _is_there(key_file):
        keyring = Keyring.load(key_file)
        yield f"key file {key_file}: already there"
    else:
        _refuse_new_key_for_old_data(settings)
        yield make_key(key_file)
        keyring = Keyring.load(key_file)
    yield upgrade(settings)
    all_tables = make_tables(settings)
    with engines.opened(settings.database_login) as engine:
        public = _begin_log(settings, engine, all_tables, keyring)
    if (queue := settings.queue_login) is not None:
        with engines.opened(queue, shared=True) as queue_engine:
            revisions.create_queue(queue_engine, all_tables)
    yield f"queue table {settings.queue.table}: ready"
    if settings.wordpress is not None and settings.wordpress.status_table:
        from syncer.intake.wordpress.bridge import create_status_table

        create_status_table(settings)
        yield f"status table {settings.database.prefix}wp_status: ready"
    yield f"public key of the log, for whoever keeps its notes: {public}"


def _refuse_state_among_settings(settings: Settings) -> None:
    """Raise SettingsProblem where what changes would be made beside the system's settings; what is there may stay."""
    folder = search.SYSTEM_WIDE.parent
    if settings.path.parent != folder:
        return
    problems = []
    for table, url in (("database", settings.database.url), ("queue", settings.queue.url)):
        file = sqlite_files.file_of(sa.make_url(url)) if url else None
        if file is not None and file.parent == folder and not file.exists():
            remedy = f'write an absolute path, like url = "sqlite:////var/lib/syncer/{file.name}"'
            problems.append(f"{settings.path}: [{table}] url: a database does not belong into {folder}; {remedy}")
    notes = settings.checkpoints.folder
    if notes is not None and notes.parent == folder and not notes.exists():
        remedy = f'write an absolute path, like folder = "/var/lib/syncer/{notes.name}"'
        problems.append(f"{settings.path}: [checkpoints] folder: notes do not belong into {folder}; {remedy}")
    if problems:
        raise SettingsProblem(problems)


def _is_there(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        pass  # it may be there: reading it says what is in the way
    return True


def _begin_log(settings: Settings, engine: sa.Engine, all_tables: Tables, keyring: Keyring) -> str:
    """Make the log's first entry and the lanes; return the newest public key of the log."""
    with connections.reading(engine) as connection:
        keyring = keyring.going_on_with(key_check(connection, all_tables))
    ledger = Ledger(engine, all_tables, keyring, actor("cli"), settings_digest(settings))
    with connections.writing(engine) as connection:
        ledger.begin(connection)
    # this writes nothing to the log, so a database behind its notes may pass: the next command refuses it
    transactions = Transactions(engine, all_tables, ledger, now, before_write=lambda: None)
    Leases(transactions, owner_name()).ensure(list(settings.destinations))
    return str(Origins(engine, all_tables, keyring, settings.checkpoints.origin, ledger).public_keys()[-1])


def _refuse_new_key_for_old_data(settings: Settings) -> None:
    with engines.opened(settings.database_login) as engine:
        revision = revisions.revision_of(engine, settings.database.prefix)
    if revision is not None:
        key_file = settings.identity.key_file
        remedy = credentials.out_of_reach(key_file) or "put the original key file back"
        raise KeyFileError(f"{key_file}: the key file is missing, but the database was made with one; {remedy}")


def upgrade(settings: Settings) -> str:
    """Bring the schema up to date, after a backup where it is an SQLite file; return one line that says what was done.

    One process does so at a time. An account that may not change tables only checks. Raises UserError for a newer
    schema, and for an older one that this account cannot bring up to date.
    """
    tables, here = make_tables(settings), settings.queue.url is None
    with engines.opened(settings.database_login) as engine, migrating(engine, tables.prefix):
        before = revisions.revision_of(engine, tables.prefix)
        kept = before_upgrade.keep(engine, before) if before is not None and before < revisions.REVISION else None
        try:
            with half_done(_UPGRADE):
                restored = revisions.upgrade(engine, tables, queue_here=here)
        except Denied:
            revisions.require_current(engine, tables.prefix)
            return f"database schema {before}: up to date; checked only, this account may not change tables"
    return _said(before, restored, kept)


def _said(before: str | None, restored: tuple[str, ...], kept: Path | None) -> str:
    said = f"database schema {revisions.REVISION}"
    if restored:
        return (
            f"{said}: up to date, but {', '.join(restored)} had been dropped or changed"
            " and was made again; find out who did it, and by `syncer audit verify --full` what was changed meanwhile"
        )
    if before is None:
        return f"{said}: created"
    if before > revisions.REVISION:
        return f"database schema {before}: of a newer syncer, and made for this one as well; left alone"
    if before == revisions.REVISION:
        return f"{said}: up to date"
    return f"{said}: upgraded from {before}" + (f"; what was before is in {kept}" if kept is not None else "")


def upgrade_plan(settings: Settings) -> Upgrade:
    """Return what `upgrade` would do. Changes nothing. Raises UserError for a newer schema."""
    tables, file = make_tables(settings), sqlite_files.file_of(sa.make_url(settings.database.url))
    if file is not None and not file.exists():
        raise UserError(f"db upgrade: {file} is not there, so there is nothing to upgrade; run `syncer init`")
    with engines.opened(settings.database_login) as engine, half_done(_PLAN):
        revision = revisions.revision_of(engine, tables.prefix)
        if revision is not None and revision > revisions.REVISION:
            revisions.require_current(engine, tables.prefix)
        return planned(engine, tables, queue_here=settings.queue.url is None)
