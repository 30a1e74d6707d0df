"""Rows into tables as quickly as each engine takes them: durability, triggers and indexes wait until all are there."""

from __future__ import annotations

import csv
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from syncer.database.triggers import protect

#: digests, on their way into a server as hexadecimal digits
BINARY = ("leaf", "mac")


class Loader(ABC):
    """Loads rows into the tables of one database. `finish` puts back what was taken away meanwhile."""

    def __init__(self, url: str) -> None:
        self.url = sa.make_url(url)
        self._engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        self._indexes: list[str] = []

    @abstractmethod
    def prepare(self, audit: str, tables: Sequence[str]) -> None:
        """Drop what slows the filling down: the triggers of the audit, and the indexes that are no keys."""

    @abstractmethod
    def load(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Add rows to a table."""

    def finish(self, audit: str) -> None:
        """Make indexes and triggers as they were."""
        self._sql(*self._indexes)
        with self._engine.connect() as connection:
            protect(connection, audit)

    def _sql(self, *statements: str) -> list[Any]:
        rows: list[Any] = []
        with self._engine.connect() as connection:
            for statement in statements:
                result = connection.exec_driver_sql(statement.replace("%", "%%"))
                rows = list(result) if result.returns_rows else []
        return rows


class SQLite(Loader):
    """One connection of its own, without a journal."""

    def prepare(self, audit: str, tables: Sequence[str]) -> None:
        self._connection = sqlite3.connect(str(self.url.database), isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "locking_mode = EXCLUSIVE", "cache_size = -200000"):
            self._connection.execute(f"PRAGMA {pragma}")
        found = self._connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        for kind, name, table, sql in found.fetchall():
            if kind == "trigger" and table == audit:
                self._connection.execute(f"DROP TRIGGER {name}")
            elif kind == "index" and table in tables and "UNIQUE" not in sql:
                self._connection.execute(f"DROP INDEX {name}")
                self._indexes.append(sql)
        self._connection.execute("BEGIN")

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        places = ", ".join("?" * len(columns))
        self._connection.executemany(f"INSERT INTO {table} ({_names(columns)}) VALUES ({places})", rows)

    def finish(self, audit: str) -> None:
        self._connection.execute("COMMIT")
        for statement in self._indexes:
            self._connection.execute(statement)
        self._indexes.clear()
        for pragma in ("locking_mode = NORMAL", "journal_mode = WAL"):
            self._connection.execute(f"PRAGMA {pragma}")
        self._connection.execute("ANALYZE")
        self._connection.close()
        super().finish(audit)


def _names(columns: Sequence[str], quote: str = '"') -> str:
    return ", ".join(f"{quote}{column}{quote}" for column in columns)


class PostgreSQL(Loader):
    """COPY, which psycopg speaks."""

    def prepare(self, audit: str, tables: Sequence[str]) -> None:
        self._tables = tables
        names = ", ".join(f"'{table}'" for table in tables)
        query = f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({names})"
        for name, definition in self._sql(query):
            if "UNIQUE" not in definition:
                self._sql(f"DROP INDEX {name}")
                self._indexes.append(definition)
        query = f"SELECT tgname FROM pg_trigger WHERE tgrelid = '{audit}'::regclass AND NOT tgisinternal"
        for (name,) in self._sql(query):
            self._sql(f"DROP TRIGGER {name} ON {audit}")
        self._raw = self._engine.raw_connection()
        self._raw.cursor().execute("SET synchronous_commit = off")
        self._raw.cursor().execute("SET session_replication_role = replica")  # foreign keys: the rows are ours

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        cursor: Any = self._raw.cursor()
        with cursor.copy(f"COPY {table} ({_names(columns)}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)

    def finish(self, audit: str) -> None:
        self._raw.close()
        for table in self._tables:
            sequence = self._sql(f"SELECT pg_get_serial_sequence('{table}', 'id')")[0][0] if table != audit else None
            if sequence:
                self._sql(f"SELECT setval('{sequence}', (SELECT max(id) FROM {table}))")
        super().finish(audit)
        self._sql("VACUUM ANALYZE")


class MariaDB(Loader):
    """LOAD DATA from a file of each batch."""

    def prepare(self, audit: str, tables: Sequence[str]) -> None:
        self._usual = self._sql("SELECT @@GLOBAL.innodb_flush_log_at_trx_commit")[0][0]
        self._sql("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        for table in tables:
            for index in sa.inspect(self._engine).get_indexes(table):
                if not index["unique"]:
                    columns = ", ".join(f"`{name}`" for name in index["column_names"])
                    self._sql(f"ALTER TABLE {table} DROP INDEX {index['name']}")
                    self._indexes.append(f"ALTER TABLE {table} ADD INDEX {index['name']} ({columns})")
        for row in self._sql(f"SHOW TRIGGERS LIKE '{audit}'"):
            self._sql(f"DROP TRIGGER {row[0]}")
        url = self.url.update_query_dict({"local_infile": "1"})
        self._raw = sa.create_engine(url, poolclass=sa.NullPool).raw_connection()
        for setting in ("foreign_key_checks = 0", "unique_checks = 0", "time_zone = '+00:00'"):
            self._raw.cursor().execute(f"SET SESSION {setting}")
        self._folder = Path(tempfile.mkdtemp(prefix="syncer-fill-"))

    def load(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        file = self._folder / "rows"
        binary = [place for place, column in enumerate(columns) if column in BINARY]
        with file.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, delimiter="\t", lineterminator="\n", quotechar="\x01", quoting=csv.QUOTE_NONE)
            for row in rows:
                texts = [r"\N" if value is None else value for value in row]
                for place in binary:
                    texts[place] = row[place].hex()
                writer.writerow(texts)
        targets = [f"@{name}" if name in BINARY else f"`{name}`" for name in columns]
        back = ", ".join(f"`{columns[place]}` = UNHEX(@{columns[place]})" for place in binary)
        statement = f"LOAD DATA LOCAL INFILE '{file}' INTO TABLE {table} CHARACTER SET utf8mb4 ({', '.join(targets)})"
        self._raw.cursor().execute(statement + (f" SET {back}" if back else ""))
        self._raw.commit()
        file.unlink()

    def finish(self, audit: str) -> None:
        self._raw.close()
        self._folder.rmdir()
        super().finish(audit)
        self._sql(f"SET GLOBAL innodb_flush_log_at_trx_commit = {self._usual}")


LOADERS: dict[str, type[Loader]] = {"sqlite": SQLite, "postgresql": PostgreSQL, "mariadb": MariaDB}
