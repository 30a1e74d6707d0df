"""The newest requests by what they are called, for a shell that completes one: nothing is made or changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import sqlalchemy as sa

from syncer.database import engines, sqlite_files, tls
from syncer.database.connections import reading
from syncer.database.tables import Tables

#: seconds for another's write to end
PATIENCE = 0.5
#: receipts among which a case number is looked for
LOOKED_AT = 1000


def newest_requests(login: tls.ServerLogin, tables: Tables, beginning: str, count: int) -> list[str]:
    """Return what begins so, the newest first: ids of events, which begin with a zero, or else case numbers.

    Raises what the database raises.
    """
    e, a = tables.event.c, tables.audit.c
    if beginning.startswith("0"):
        alike = e.id.startswith(beginning, autoescape=True)
        return _texts(login, sa.select(e.id).where(alike).order_by(e.id.desc()).limit(count))
    received = sa.select(a.seq).where(a.what == "event:received").order_by(a.seq.desc()).limit(LOOKED_AT)
    return [number for number in _texts(login, received) if number.startswith(beginning)][:count]


def _texts(login: tls.ServerLogin, query: sa.Select[Any]) -> list[str]:
    url = sa.make_url(login.url)
    file = sqlite_files.file_of(url)
    if file is not None:
        # not by the engine: it makes a file that is missing, and changes modes
        text = str(query.compile(dialect=url.get_dialect()(), compile_kwargs={"literal_binds": True}))
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", timeout=PATIENCE, uri=True)) as connection:
            return [str(found) for (found,) in connection.execute(text)]
    engine = engines.connect(login)
    try:
        with reading(engine) as connection:
            return [str(found) for found in connection.execute(query).scalars()]
    finally:
        engine.dispose()
