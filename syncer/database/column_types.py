"""Column types that mean the same on all three engines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.types import TypeDecorator

_HALVES = re.compile("[\ud800-\udfff]")


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


def raw(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return a column as the database holds it: SQLite holds anything there, and reading it as a time would raise."""
    return sa.type_coerce(column, sa.types.NULLTYPE)


def moment_of(held: Any) -> datetime | None:
    """Return the time (UTC) that a raw value is; None for what is none."""
    try:
        known = datetime.fromisoformat(held) if isinstance(held, str) else held
        return known.replace(tzinfo=UTC) if isinstance(known, datetime) else None
    except ValueError:
        return None


def day_of(held: Any) -> date | None:
    """Return the day that a raw value is; None for what is none."""
    try:
        known = date.fromisoformat(held) if isinstance(held, str) else held
        return known if isinstance(known, date) and not isinstance(known, datetime) else None
    except ValueError:
        return None


class HeldRow:
    """A row as the database holds it: an attribute for each column, None for what no syncer wrote there.

    SQLite keeps any value in any column, and whoever holds the database account may write rows. `damaged` are the
    columns of which that is so.
    """

    __slots__ = ("_values", "damaged")

    def __init__(self, columns: Iterable[sa.Column[Any]], row: sa.Row[Any], prefix: str = "") -> None:
        self._values: dict[str, Any] = {}
        damaged = []
        for column in columns:
            name, held = str(column.key), row._mapping[f"{prefix}{column.key}"]
            known = self._values[name] = _known(column, held)
            if known is None and (held is not None or not column.nullable):
                damaged.append(name)
        self.damaged = tuple(damaged)

    def __getattr__(self, name: str) -> Any:
        """Return the value of a column."""
        try:
            return self._values[name]
        except KeyError:
            raise AttributeError(name) from None

    def values(self) -> tuple[Any, ...]:
        """Return the values, in the order of the columns."""
        return tuple(self._values.values())


def as_held(columns: Iterable[sa.Column[Any]], prefix: str = "") -> list[sa.Label[Any]]:
    """Return columns to be selected for a HeldRow; with a `prefix` two tables may have one of the same name."""
    return [raw(column).label(f"{prefix}{column.key}") for column in columns]


def _known(column: sa.Column[Any], value: Any) -> Any:
    """Return what a column of this kind holds; None for what it cannot."""
    kind = column.type
    if isinstance(kind, Moment):
        moment = moment_of(value)
        # at the ends of all times no time zone can be reckoned with
        return moment if moment is not None and 1 < moment.year < 9999 else None
    if isinstance(kind, sa.String):
        fits = isinstance(value, str) and (kind.length is None or len(value) <= kind.length)
        # SQLite gives bytes that are no UTF-8 back as halves of surrogate pairs, which can be written nowhere
        return value if fits and "\0" not in value and not _HALVES.search(value) else None
    if isinstance(kind, sa.Float):
        return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else None
    if isinstance(kind, sa.Integer):
        most = 2**63 if isinstance(kind, sa.BigInteger) else 2**31
        return value if isinstance(value, int) and 0 <= value < most else None
    return value


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
