"""Changes that somebody with the database makes to the log."""

from __future__ import annotations

import sqlalchemy as sa

from syncer.app import App


def undone(app: App, statement: str) -> None:
    """Change the audit behind the triggers' back, as somebody with the database file can."""
    with app.engine.begin() as connection:
        for name in ("no_update", "no_delete", "no_replace"):
            connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS syncer_audit_{name}")
        connection.exec_driver_sql(statement)


def cut(app: App, size: int) -> None:
    """Cut the tail together with the head and the checkpoints, so that the chain itself looks whole."""
    undone(app, f"DELETE FROM syncer_audit WHERE seq > {size}")
    with app.engine.begin() as connection:
        mac = connection.execute(sa.select(app.tables.audit.c.mac).where(app.tables.audit.c.seq == size)).scalar_one()
        connection.execute(app.tables.head.update().values(seq=size, mac=mac))
        connection.execute(app.tables.checkpoint.delete().where(app.tables.checkpoint.c.size > size))
