"""What each session of a server is set to, so that nothing hangs on what its administrator chose for other programs.

PostgreSQL lets a database or an account (`ALTER DATABASE … SET`, `ALTER ROLE … SET`) change how a session reads and
answers, MariaDB and MySQL by `init_connect` and the global variables. The lists follow what pg_dump and mysqldump set.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from syncer.errors import UserError

_POSTGRESQL = {
    "datestyle": "'ISO, YMD'",
    "intervalstyle": "'postgres'",
    "timezone": "'UTC'",
    "standard_conforming_strings": "'on'",
    "array_nulls": "'on'",  # off reads the NULL of a list as a text
    "transform_null_equals": "'off'",
    "statement_timeout": "'0'",  # verifying a long log takes longer than a web page may
    "lock_timeout": "'0'",
    "idle_in_transaction_session_timeout": "'0'",  # a long log is read and verified in one
    # off forgets after a crash what was committed; the other values wait for stand-by servers, or do not
    "synchronous_commit": "CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
    " ELSE current_setting('synchronous_commit') END",
    # a plan made while the tables were empty reads them whole, and would stay until somebody analyses them
    "plan_cache_mode": "'force_custom_plan'",
}

#: the same of later versions: from 14, and from 17 on
_POSTGRESQL_LATER = {"idle_session_timeout": "'0'", "transaction_timeout": "'0'"}

#: one statement of variables that every version knows; a comment with a number is read by the servers it is for:
#: M! by MariaDB alone, 50708 by MySQL from 5.7.8 on, which MariaDB passes over
MYSQL = (
    # a server set up for WordPress may not be strict: it would cut what is too long, without an error
    "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', sql_safe_updates = 0,"
    " sql_select_limit = 18446744073709551615, sql_big_selects = 1, sql_auto_is_null = 0, foreign_key_checks = 1,"
    " unique_checks = 1, completion_type = 'NO_CHAIN', innodb_lock_wait_timeout = 50, wait_timeout = 28800,"
    " net_write_timeout = 600"
    " /*M!100300 , max_statement_time = 0, idle_transaction_timeout = 0, idle_write_transaction_timeout = 0,"
    " idle_readonly_transaction_timeout = 0, check_constraint_checks = 1 */ /*!50708 , max_execution_time = 0 */"
)


def settle_postgresql(engine: sa.Engine) -> None:
    """Let every session of `engine` be as syncer needs it, behind a pooler too.

    A pooler (PgBouncer with `pool_mode = transaction`, and its like) lends a server's session for one transaction:
    what is set for longer would reach other programs, and what was prepared may lie in another session. There the
    settings are made anew in each transaction, and nothing is prepared.
    """

    def settle(connection: Any, record: Any) -> None:
        _settle(connection, record)
        # only where it is needed: a listener to each transaction costs the lane a tenth of its speed
        if connection.prepare_threshold is None and not sa.event.contains(engine, "begin", _settle_locally):
            sa.event.listen(engine, "begin", _settle_locally)

    # first of all: SQLAlchemy asks for the version, which fails less readably where no transaction is allowed
    sa.event.listen(engine, "connect", settle, insert=True)


def pooled(connection: sa.Connection) -> bool:
    """Say whether a pooler stands between us and PostgreSQL."""
    driver: Any = connection.connection.driver_connection
    return connection.dialect.name == "postgresql" and driver.prepare_threshold is None


def _settle(connection: Any, _record: Any) -> None:
    try:
        if _through_a_pooler(connection):
            connection.prepare_threshold = None
        else:
            connection.execute(_set(local=False))
        connection.commit()
    except BaseException:
        connection.close()  # nobody else would: the pool does not know it yet
        raise


def _settle_locally(connection: sa.Connection) -> None:
    if pooled(connection):
        connection.exec_driver_sql(_set(local=True))


def _through_a_pooler(connection: Any) -> bool:
    """Compare the server's process with the one that was named at the start: a pooler invents that one.

    Raises UserError for a pooler that allows no transactions.
    """
    import psycopg

    try:
        (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone()
    except psycopg.Error as error:
        if "statement pooling" in str(error):  # PgBouncer's own words, in no other language
            raise UserError(
                f"PgBouncer at {connection.info.host}:{connection.info.port} pools statements and so allows no"
                " transactions; set pool_mode = transaction there, or name PostgreSQL itself in the URL"
            ) from None
        raise
    return bool(pid != connection.info.backend_pid)


def _set(*, local: bool) -> str:
    sets = [f"set_config('{name}', {to}, {local})" for name, to in _POSTGRESQL.items()]
    sets += [
        f"CASE WHEN current_setting('{name}', true) IS NOT NULL THEN set_config('{name}', {to}, {local}) END"
        for name, to in _POSTGRESQL_LATER.items()
    ]
    return f"SELECT {', '.join(sets)}"
