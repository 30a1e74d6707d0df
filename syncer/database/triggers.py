"""Append-only by trigger, per engine. Triggers stop accidents; grants, the keyed chain and an anchor stop people.

A purge may take a body, and nothing else, of an entry that a purge entry covers by range and age. The log's own entries
(`audit:*`, `key:rotated`) keep theirs: they say what was signed, purged, and with which key. A purge entry is a row
like any other, which the account for purges could write by hand; so the trigger also asks the server's own clock, and
no body younger than a year goes.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from syncer.database.failures import is_denied

# REPLACE skips SQLite's DELETE trigger unless recursive_triggers is on, so an INSERT below the end is refused as well.
# The comparisons also hold for NULL. A year ago is written without a fraction of a second, which sorts before one with
_SQLITE = {
    "no_update": "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} WHEN NOT ("
    "NEW.body IS NULL AND OLD.body IS NOT NULL AND "
    "{is} AND substr(OLD.what, 1, 6) <> 'audit:' AND OLD.what <> 'key:rotated'"
    " AND OLD.at < strftime('%Y-%m-%dT%H:%M:%S', 'now', '-12 months')"
    " AND EXISTS (SELECT 1 FROM {t} AS p WHERE p.what = 'audit:purged'"
    " AND OLD.seq BETWEEN json_extract(p.body, '$.facts.from') AND json_extract(p.body, '$.facts.to')"
    " AND json_extract(p.body, '$.facts.from') >= 1 AND json_extract(p.body, '$.facts.to') < p.seq"
    " AND json_extract(p.body, '$.facts.before') <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '-12 months')"
    " AND OLD.at < json_extract(p.body, '$.facts.before')))"
    " BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
    "no_delete": "CREATE TRIGGER {t}_no_delete BEFORE DELETE ON {t}"
    " BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
    "no_replace": "CREATE TRIGGER {t}_no_replace BEFORE INSERT ON {t}"
    " WHEN NEW.seq <= (SELECT COALESCE(MAX(seq), 0) FROM {t})"
    " BEGIN SELECT RAISE(ABORT, '{t} is append-only'); END",
}

# SYSDATE, not UTC_TIMESTAMP: any session may SET timestamp, and the latter follows it
# (https://mariadb.com/kb/en/sysdate/). UNIX_TIMESTAMP takes the session's time zone, which it may SET too, out of it
_YEAR_AGO = (
    "DATE_FORMAT(TIMESTAMP('1970-01-01') + INTERVAL UNIX_TIMESTAMP(SYSDATE()) SECOND - INTERVAL 12 MONTH,"
    " '%Y-%m-%dT%H:%i:%s.999999Z')"
)
_MYSQL = {
    "no_update": "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} FOR EACH ROW"
    " IF NOT (NEW.body IS NULL AND OLD.body IS NOT NULL AND "
    "{equal} AND LEFT(OLD.what, 6) <> 'audit:' AND OLD.what <> 'key:rotated' AND OLD.at < {year_ago}"
    " AND EXISTS (SELECT 1 FROM {t} AS p WHERE p.what = 'audit:purged'"
    " AND OLD.seq >= CAST(JSON_EXTRACT(p.body, '$.facts.from') AS UNSIGNED)"
    " AND OLD.seq <= CAST(JSON_EXTRACT(p.body, '$.facts.to') AS UNSIGNED)"
    " AND CAST(JSON_EXTRACT(p.body, '$.facts.from') AS UNSIGNED) >= 1"
    " AND CAST(JSON_EXTRACT(p.body, '$.facts.to') AS UNSIGNED) < p.seq"
    " AND JSON_UNQUOTE(JSON_EXTRACT(p.body, '$.facts.before')) <= {year_ago}"
    " AND OLD.at < JSON_UNQUOTE(JSON_EXTRACT(p.body, '$.facts.before'))))"
    " THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{t} is append-only'; END IF",
    "no_delete": "CREATE TRIGGER {t}_no_delete BEFORE DELETE ON {t} FOR EACH ROW"
    " SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = '{t} is append-only'",
}

_POSTGRESQL_FUNCTIONS = {
    "refuse": " BEGIN RAISE EXCEPTION '{t} is append-only'; END ",
    # the table is named by its number: a temporary table of the same name must not stand in for it
    "guard": " DECLARE covered boolean; year_ago text := to_char("
    "pg_catalog.clock_timestamp() AT TIME ZONE 'UTC' - interval '12 months', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"');"
    " BEGIN EXECUTE 'SELECT EXISTS (SELECT 1 FROM ' || TG_RELID::regclass || ' AS p WHERE p.what = ''audit:purged''"
    " AND $1 BETWEEN (p.body::jsonb #>> ''{facts,from}'')::bigint AND (p.body::jsonb #>> ''{facts,to}'')::bigint"
    " AND (p.body::jsonb #>> ''{facts,from}'')::bigint >= 1 AND (p.body::jsonb #>> ''{facts,to}'')::bigint < p.seq"
    " AND (p.body::jsonb #>> ''{facts,before}'') COLLATE \"C\" <= $3"
    " AND $2 < (p.body::jsonb #>> ''{facts,before}'') COLLATE \"C\")' INTO covered USING OLD.seq, OLD.at, year_ago;"
    ' IF covered AND OLD.at COLLATE "C" < year_ago'
    " AND NEW.body IS NULL AND OLD.body IS NOT NULL"
    " AND substr(OLD.what, 1, 6) <> 'audit:' AND OLD.what <> 'key:rotated'"
    " AND ({new}) IS NOT DISTINCT FROM ({old}) THEN RETURN NEW; END IF;"
    " RAISE EXCEPTION '{t} is append-only'; END ",
}
# a session's search_path must not choose what a function's words mean
_POSTGRESQL_FUNCTION = (
    "CREATE OR REPLACE FUNCTION {t}_{name}() RETURNS trigger LANGUAGE plpgsql"
    " SET search_path = pg_catalog, pg_temp AS $${body}$$"
)
_POSTGRESQL = {
    "no_update": "CREATE TRIGGER {t}_no_update BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_guard()",
    "no_delete": "CREATE TRIGGER {t}_no_delete BEFORE DELETE ON {t} FOR EACH ROW EXECUTE FUNCTION {t}_refuse()",
    "no_truncate": "CREATE TRIGGER {t}_no_truncate BEFORE TRUNCATE ON {t}"
    " FOR EACH STATEMENT EXECUTE FUNCTION {t}_refuse()",
}

#: a word to whoever listens (the daemon) under the table's own name: one for each statement, nothing of its rows
_ANNOUNCE = (
    "CREATE OR REPLACE FUNCTION {f}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp"
    " AS $$ BEGIN PERFORM pg_notify(TG_TABLE_NAME, ''); RETURN NULL; END $$",
    "CREATE TRIGGER {f} AFTER INSERT ON {t} FOR EACH STATEMENT EXECUTE FUNCTION {f}()",
)

#: what a purge leaves as it is
_FIXED = ("seq", "at", "what", "event_id", "destination", "leaf", "mac")
_WORDS = {
    "{is}": " AND ".join(f"NEW.{name} IS OLD.{name}" for name in _FIXED),
    "{equal}": " AND ".join(f"NEW.{name} <=> OLD.{name}" for name in _FIXED),
    "{new}": ", ".join(f"NEW.{name}" for name in _FIXED),
    "{old}": ", ".join(f"OLD.{name}" for name in _FIXED),
    "{year_ago}": _YEAR_AGO,
}


def protect(connection: sa.Connection, table: str) -> tuple[str, ...]:
    """Create what is missing of the triggers on `table` and replace what is another; return the names of those made.

    Harmless when repeated: what stands as it should is not touched, so that nothing waits for its lock. The table's
    name comes from the checked settings.
    """
    kind = connection.dialect.name
    if kind == "postgresql":
        return _protect_postgresql(connection, table)
    wanted = _SQLITE if kind == "sqlite" else _MYSQL
    there = _there(connection, table)
    made = []
    for name, statement in _named(wanted, table).items():
        # MariaDB and MySQL keep what follows the head of a trigger, SQLite the whole statement
        if there.get(name) in (statement, statement.partition(" FOR EACH ROW ")[2]):
            continue
        _run(connection, f"DROP TRIGGER IF EXISTS {name}", statement)
        made.append(name)
    return tuple(made)


def announce(connection: sa.Connection, table: str) -> None:
    """Let PostgreSQL say when somebody inserts into the queue table; without the right to, and elsewhere, do nothing.

    Nothing hangs on it: the daemon asks as well, only later.
    """
    if connection.dialect.name != "postgresql" or announces(connection, table):
        return
    announcer, queue = _quoted(connection, _announcer(table)), _quoted(connection, table)
    try:
        with connection.begin_nested():
            for statement in _ANNOUNCE:
                connection.exec_driver_sql(statement.replace("{f}", announcer).replace("{t}", queue))
    except sa.exc.DBAPIError as error:
        if not is_denied(error):  # a table that somebody else made, and owns
            raise


def announces(connection: sa.Connection, table: str) -> bool:
    """Say whether PostgreSQL says, to who listens under the table's name, when somebody inserts into it."""
    query = sa.text(
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass(:table) AND tgname = :name AND tgenabled <> 'D'"
    )
    bound = {"table": _quoted(connection, table), "name": _announcer(table)}
    return connection.dialect.name == "postgresql" and connection.execute(query, bound).scalar_one() > 0


def _announcer(table: str) -> str:
    return f"{table}_announced"[:63]  # what is longer PostgreSQL would cut


def _quoted(connection: sa.Connection, name: str) -> str:
    return connection.dialect.identifier_preparer.quote(name)


def _named(wanted: Mapping[str, str], table: str) -> dict[str, str]:
    return {f"{table}_{name}": _filled(statement, table) for name, statement in wanted.items()}


def _filled(text: str, table: str) -> str:
    for word, meaning in {"{t}": table, **_WORDS}.items():
        text = text.replace(word, meaning)
    return text


def _run(connection: sa.Connection, *statements: str) -> None:
    for statement in statements:
        # PyMySQL alone reads every statement as a format, in which % stands for itself when doubled
        connection.exec_driver_sql(statement.replace("%", "%%") if connection.dialect.name == "mysql" else statement)


def _there(connection: sa.Connection, table: str) -> dict[str, str]:
    """Return the triggers on the table, by name, as the engine keeps their text."""
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :t"
    else:
        query = (
            "SELECT trigger_name, action_statement FROM information_schema.triggers"
            " WHERE trigger_schema = DATABASE() AND event_object_table = :t"
        )
    return {str(row[0]): str(row[1]) for row in connection.execute(sa.text(query), {"t": table})}


def _protect_postgresql(connection: sa.Connection, table: str) -> tuple[str, ...]:
    made: list[str] = []
    for name, text in _POSTGRESQL_FUNCTIONS.items():
        body = _filled(text, table)
        query = sa.text("SELECT prosrc, array_to_string(proconfig, ';') FROM pg_proc WHERE oid = to_regproc(:name)")
        found = connection.execute(query, {"name": f"{table}_{name}"}).first()
        if found is None or tuple(found) != (body, "search_path=pg_catalog, pg_temp"):
            create = _POSTGRESQL_FUNCTION.replace("{t}", table).replace("{name}", name)
            _run(connection, create.replace("{body}", body))
            made.append(f"{table}_{name}")
    # ENABLE ALWAYS (A): a session with session_replication_role = replica would not fire them otherwise
    query = sa.text(
        "SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger"
        " WHERE tgrelid = to_regclass(:t) AND NOT tgisinternal AND tgenabled = 'A'"
    )
    there = {str(row[0]): str(row[1]) for row in connection.execute(query, {"t": table})}
    for name, statement in _named(_POSTGRESQL, table).items():
        if there.get(name) != statement:
            drop = f"DROP TRIGGER IF EXISTS {name} ON {table}"
            _run(connection, drop, statement, f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")
            made.append(name)
    if f"{table}_no_change" in there:  # what revision 0001 made, before there were purges
        _run(connection, f"DROP TRIGGER {table}_no_change ON {table}")
    return tuple(made)
