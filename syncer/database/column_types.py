"""Column types that mean the same on all three engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator


class Moment(TypeDecorator[datetime]):
    """An aware UTC datetime with microseconds, stored without a zone: no engine converts what has none."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> Any:
        """Return DATETIME(6) on MariaDB and MySQL, whose plain DATETIME drops the microseconds."""
        if dialect.name == "mysql":
            # imported only here: loading it takes as long as all of our own modules
            from sqlalchemy.dialects import mysql

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the time as naive UTC. Raises ValueError for a naive one: local time would be stored hours off."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the stored time as aware UTC."""
        return value.replace(tzinfo=UTC) if value is not None else None


BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite autoincrements INTEGER only


#: characters of the rows in one statement, as PyMySQL itself cuts them; a server takes sixteen million
LONGEST_ROWS = 1_000_000


class HexText:
    """A text on its way to MariaDB as a hexadecimal literal, in which there is nothing to escape.

    PyMySQL escapes in Python, character by character: for audit entries that took a twentieth of the lane's time.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def literal(self, _encoders: Any) -> str:
        """Return the text as PyMySQL writes it into a statement."""
        return f"_utf8mb4 0x{self._value.encode().hex()}" if self._value else "''"


class RowsLiteral:
    """Rows on their way to MariaDB as they stand behind VALUES, in which there is nothing to escape either."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def literal(self, _encoders: Any) -> str:
        """Return the rows as PyMySQL writes them into a statement."""
        return self._text


def literals(rows: Iterable[Iterable[str | bytes | int | None]]) -> Iterator[RowsLiteral]:
    """Yield rows of texts, bytes, whole numbers and None in parts that fit into a statement each."""
    part: list[str] = []
    length = 0
    for row in rows:
        text = f"({','.join(map(_literal, row))})"
        if part and length + len(text) > LONGEST_ROWS:
            yield RowsLiteral(",".join(part))
            part, length = [], 0
        part.append(text)
        length += len(text)
    if part:
        yield RowsLiteral(",".join(part))


def _literal(value: str | bytes | int | None) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return f"_utf8mb4 x'{value.encode().hex()}'"
    return f"x'{value.hex()}'" if isinstance(value, bytes) else str(int(value))


class LongText(sa.Text):
    """Text of any length: MariaDB's TEXT ends at 64 KiB."""

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Return the function that binds a value: as HexText on MariaDB and MySQL, elsewhere as it is."""
        if dialect.name != "mysql":
            return super().bind_processor(dialect)
        return lambda value: None if value is None else HexText(value)


class Digest(sa.LargeBinary):
    """A SHA-256 or an HMAC; BINARY on MariaDB, which cannot index a BLOB."""


@compiles(LongText, "mysql")
def _long_text(_type: LongText, _compiler: Any, **_options: Any) -> str:
    return "LONGTEXT"


@compiles(Digest, "mysql")
def _digest(digest: Digest, _compiler: Any, **_options: Any) -> str:
    return f"BINARY({digest.length})"


LONG_TEXT = LongText()
DIGEST = Digest(32)


def collate(tables: Iterable[sa.Table], collation: str | None) -> None:
    """Make MariaDB and MySQL create the tables in one character set, whatever the server's own default is.

    The collation is a binary one: two keys are equal only byte for byte.
    None leaves the tables as they are.
    """
    for table in tables:
        if collation is not None:
            table.dialect_options["mysql"].update(engine="InnoDB", charset="utf8mb4", collate=collation)
