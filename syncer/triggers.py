"""Append-only by trigger, per engine. They stop accidents; grants, the keyed chain and an anchor stop people."""

from __future__ import annotations

import sqlalchemy as sa

# REPLACE skips SQLite's DELETE trigger unless recursive_triggers is on, so an INSERT below the end is refused too
_SQLITE = (
    "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
    "CREATE TRIGGER {t}_no_delete BEFORE DELETE ON {t} BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
    "CREATE TRIGGER {t}_no_replace BEFORE INSERT ON {t}"
    " WHEN NEW.seq <= (SELECT COALESCE(MAX(seq), 0) FROM {t})"
    " BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
)
_MYSQL = (
    "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} FOR EACH ROW"
    " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{t} is append-only'",
    "CREATE TRIGGER {t}_no_delete BEFORE DELETE ON {t} FOR EACH ROW"
    " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{t} is append-only'",
)
# ENABLE ALWAYS: a session with session_replication_role = replica would not fire them otherwise
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION {t}_refuse() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION '{t} is append-only'; END $$",
    "CREATE TRIGGER {t}_no_change BEFORE UPDATE OR DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_refuse()",
    "CREATE TRIGGER {t}_no_truncate BEFORE TRUNCATE ON {t} FOR EACH STATEMENT EXECUTE FUNCTION {t}_refuse()",
    "ALTER TABLE {t} ENABLE ALWAYS TRIGGER {t}_no_change",
    "ALTER TABLE {t} ENABLE ALWAYS TRIGGER {t}_no_truncate",
)
_STATEMENTS = {"sqlite": _SQLITE, "mysql": _MYSQL, "mariadb": _MYSQL, "postgresql": _POSTGRESQL}


def create_append_only(connection: sa.Connection, table: str) -> None:
    """Create the triggers on `table`, whose name comes from the checked settings."""
    for statement in _STATEMENTS[connection.dialect.name]:
        connection.exec_driver_sql(statement.replace("{t}", table))
