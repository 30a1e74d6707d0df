"""Column types that mean the same on all three engines."""

from __future__ import annotations

from collections.abc import Iterable
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
            from sqlalchemy.dialects import mysql

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(sa.DateTime())

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuse naive times: one that means local time would be stored hours off."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Return the stored time as UTC."""
        return value.replace(tzinfo=UTC) if value is not None else None


BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")  # SQLite autoincrements INTEGER only


class HexText:
    """A text on its way to MariaDB as a hexadecimal literal, in which there is nothing to escape.

    PyMySQL escapes in Python, character by character: for the entries of the audit a twentieth of the lane's time.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def literal(self, _encoders: Any) -> str:
        """Return it as PyMySQL puts it into a statement."""
        return f"_utf8mb4 0x{self._value.encode().hex()}" if self._value else "''"


class LongText(sa.Text):
    """Text of any length: MariaDB's TEXT ends at 64 KiB."""

    def bind_processor(self, dialect: sa.Dialect) -> Any:
        """Return what binds a value: text as it is, but on MariaDB and MySQL."""
        if dialect.name != "mysql":
            return super().bind_processor(dialect)
        return lambda value: None if value is None else HexText(value)


class Digest(sa.LargeBinary):
    """A SHA-256 or HMAC; MariaDB cannot index a BLOB."""


@compiles(LongText, "mysql")
def _long_text(_type: LongText, _compiler: Any, **_options: Any) -> str:
    return "LONGTEXT"


@compiles(Digest, "mysql")
def _digest(kind: Digest, _compiler: Any, **_options: Any) -> str:
    return f"BINARY({kind.length})"


LONG_TEXT = LongText()
DIGEST = Digest(32)


def collate(wanted: Iterable[sa.Table], collation: str | None) -> None:
    """Let the tables be created in one character set on MariaDB and MySQL, whatever the server's own default is.

    The collation is a binary one: two keys are equal only byte for byte, never by a collation's idea of equality.
    None leaves the tables as they are.
    """
    for table in wanted:
        if collation is not None:
            table.dialect_options["mysql"].update(engine="InnoDB", charset="utf8mb4", collate=collation)
