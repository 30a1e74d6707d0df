"""The newest events by their ids, for a shell that completes one: read quickly, and nothing is made or changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import sqlalchemy as sa

from syncer.database import engines, sqlite_files, tls
from syncer.database.connections import reading
from syncer.database.tables import Tables

#: seconds for another's write to end
PATIENCE = 0.5


def newest_events(login: tls.ServerLogin, tables: Tables, beginning: str, count: int) -> list[str]:
    """Return the ids of the newest events that begin so, the newest first. Raises what the database raises."""
    e = tables.event.c
    query = sa.select(e.id).where(e.id.startswith(beginning, autoescape=True)).order_by(e.id.desc()).limit(count)
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
