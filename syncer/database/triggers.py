"""Append-only by trigger, per engine. Triggers stop accidents; grants, the keyed chain and an anchor stop people."""

from __future__ import annotations

import sqlalchemy as sa

# REPLACE skips SQLite's DELETE trigger unless recursive_triggers is on, so an INSERT below the end is refused as well
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


# A purge may take a body, and nothing else, of an entry that a purge entry covers by range and age. The log's own
# entries (audit:*) keep theirs: they say what was signed and purged. The comparisons also hold for NULL.
_SQLITE_PURGE = (
    "DROP TRIGGER IF EXISTS {t}_no_update",
    "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} WHEN NOT (NEW.body IS NULL AND OLD.body IS NOT NULL"
    " AND NEW.seq IS OLD.seq AND NEW.at IS OLD.at AND NEW.what IS OLD.what AND NEW.event_id IS OLD.event_id"
    " AND NEW.destination IS OLD.destination AND NEW.leaf IS OLD.leaf AND NEW.mac IS OLD.mac"
    " AND substr(OLD.what, 1, 6) <> 'audit:' AND EXISTS (SELECT 1 FROM {t} AS p WHERE p.what = 'audit:purged'"
    " AND OLD.seq BETWEEN json_extract(p.body, '$.facts.from') AND json_extract(p.body, '$.facts.to')"
    " AND OLD.at < json_extract(p.body, '$.facts.before')))"
    " BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
)
_MYSQL_PURGE = (
    "DROP TRIGGER IF EXISTS {t}_no_update",
    "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} FOR EACH ROW"
    " IF NOT (NEW.body IS NULL AND OLD.body IS NOT NULL"
    " AND NEW.seq <=> OLD.seq AND NEW.at <=> OLD.at AND NEW.what <=> OLD.what AND NEW.event_id <=> OLD.event_id"
    " AND NEW.destination <=> OLD.destination AND NEW.leaf <=> OLD.leaf AND NEW.mac <=> OLD.mac"
    " AND LEFT(OLD.what, 6) <> 'audit:' AND EXISTS (SELECT 1 FROM {t} AS p WHERE p.what = 'audit:purged'"
    " AND OLD.seq >= CAST(JSON_EXTRACT(p.body, '$.facts.from') AS UNSIGNED)"
    " AND OLD.seq <= CAST(JSON_EXTRACT(p.body, '$.facts.to') AS UNSIGNED)"
    " AND OLD.at < JSON_UNQUOTE(JSON_EXTRACT(p.body, '$.facts.before'))))"
    " THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{t} is append-only'; END IF",
)
# the table is named by its number: a temporary table of the same name must not stand in for it
_POSTGRESQL_PURGE = (
    "CREATE OR REPLACE FUNCTION {t}_guard() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE covered boolean; BEGIN"
    " EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || TG_RELID::regclass || ' AS p WHERE p.what = ''audit:purged''"
    " AND $1 BETWEEN (p.body::jsonb #>> ''{facts,from}'')::bigint AND (p.body::jsonb #>> ''{facts,to}'')::bigint"
    " AND $2 < (p.body::jsonb #>> ''{facts,before}''))' INTO covered USING OLD.seq, OLD.at;"
    " IF covered AND NEW.body IS NULL AND OLD.body IS NOT NULL AND substr(OLD.what, 1, 6) <> 'audit:'"
    " AND (NEW.seq, NEW.at, NEW.what, NEW.event_id, NEW.destination, NEW.leaf, NEW.mac) IS NOT DISTINCT FROM"
    " (OLD.seq, OLD.at, OLD.what, OLD.event_id, OLD.destination, OLD.leaf, OLD.mac) THEN RETURN NEW; END IF;"
    " RAISE EXCEPTION '{t} is append-only'; END $$",
    "DROP TRIGGER IF EXISTS {t}_no_change ON {t}",
    "DROP TRIGGER IF EXISTS {t}_no_delete ON {t}",
    "DROP TRIGGER IF EXISTS {t}_no_update ON {t}",
    "CREATE TRIGGER {t}_no_delete BEFORE DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_refuse()",
    "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_guard()",
    "ALTER TABLE {t} ENABLE ALWAYS TRIGGER {t}_no_delete",
    "ALTER TABLE {t} ENABLE ALWAYS TRIGGER {t}_no_update",
)
_PURGE = {
    "sqlite": _SQLITE_PURGE,
    "mysql": _MYSQL_PURGE,
    "mariadb": _MYSQL_PURGE,
    "postgresql": _POSTGRESQL_PURGE,
}


def allow_purge(connection: sa.Connection, table: str) -> None:
    """Let a purge take bodies where a purge entry covers them; harmless when repeated."""
    for statement in _PURGE[connection.dialect.name]:
        connection.exec_driver_sql(statement.replace("{t}", table))
