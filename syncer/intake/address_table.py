"""Finds the addresses in a table: exports of Mailchimp, ActiveCampaign and spreadsheets, by name or look. Pure."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field

DELIMITERS = (",", ";", "\t", "|")
_BETWEEN = re.compile(r"[,;\t|]")
#: characters of a line; longer ones are in no table, and their cells would fill the memory
_LONGEST = 200_000
#: how exports call the column in the languages of Mailchimp and ActiveCampaign; compared without marks, case and blanks
_NAMES = (
    "email", "mail", "email address", "user email", "contact email", "primary email", "subscriber email",
    "Email-Adresse", "E-Mail-Adresse", "Mailadresse", "E-Mail-Adressen", "Adresse e-mail", "Adresse électronique",
    "Adresse mail", "Courriel", "Adresse courriel", "Correo", "Correo electrónico", "Dirección de correo",
    "Dirección de correo electrónico", "Dirección de email", "Adreça electrònica", "Indirizzo e-mail",
    "Indirizzo di posta elettronica", "Endereço de e-mail", "Endereço de correio eletrónico", "E-mailadres",
    "E-mailadresse", "E-postadress", "E-postadresse", "E-post", "Sähköposti", "Sähköpostiosoite", "Adres e-mail",
    "E-mailová adresa", "E-mail cím", "E-posta", "E-posta adresi", "Adresă de e-mail", "Διεύθυνση email",
    "Адрес электронной почты", "Электронная почта", "Адрес эл. почты", "メールアドレス", "メール", "电子邮件地址",
    "电子邮件", "电子邮箱", "邮箱", "電子郵件地址", "電子郵件", "이메일", "이메일 주소",
    "Alamat email", "Địa chỉ email",
)  # fmt: skip
#: what somebody may have meant for an address, damaged or not; around it no marks of HTML, JSON, vCard or a language
_ADDRESS = re.compile(r"""(?!(['`]).*\1$)[^\s@,;<>"(\[:]+@[^\s@,;<>")\]:]+|"[^"]+"@[^\s@,;<>"]+""")


def looks_like_address(text: str) -> bool:
    """Say whether somebody meant this for an address, damaged or not."""
    return _ADDRESS.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Record:
    """One record of a table: the number of its first line, counted from 1, and its cells without blanks around."""

    number: int
    cells: tuple[str, ...] = field(repr=False)

    def cell(self, column: int) -> str:
        """Return a cell; empty for one that the record does not have."""
        return self.cells[column] if column < len(self.cells) else ""


@dataclass(frozen=True, slots=True)
class AddressTable:
    """A table whose column of addresses was found, counted from 0; `header` is the line of its head, None without one.

    `named`: the head calls the column by a known name. `records` are those below the head.
    """

    column: int
    header: int | None
    named: bool
    records: tuple[Record, ...] = field(repr=False)

    @property
    def others(self) -> tuple[int, ...]:
        """The further columns in which an address stands, counted from 0."""
        found = {
            column for record in self.records for column, cell in enumerate(record.cells) if looks_like_address(cell)
        }
        return tuple(sorted(found - {self.column}))

    @property
    def swallowed(self) -> tuple[int, ...]:
        """The first lines of records in which a cell holds a line like a record: a stray quote took it."""
        return tuple(record.number for record in self.records if any(map(_holds_records, record.cells)))


def find_table(lines: Sequence[str]) -> AddressTable | None:
    """Return the table that these lines, with their ends, are; None for none, or where the column is not certain."""
    if any(len(line) > _LONGEST for line in lines):
        return None
    found = [table for delimiter in DELIMITERS if (table := _table(_records(lines, delimiter)))]
    return max(found, key=lambda table: table.named, default=None)


def is_column_name(text: str) -> bool:
    """Say whether exports call their column of addresses so."""
    return _key(text) in _KEYS


def _records(lines: Sequence[str], delimiter: str) -> list[Record]:
    """Return the records between these delimiters; none where the quotes do not come in pairs."""
    reader, number = csv.reader(iter(lines), delimiter=delimiter, strict=True), 1
    records: list[Record] = []
    try:
        for cells in reader:
            bare = tuple(cell.strip().strip("\ufeff") for cell in cells)
            if any(bare):
                record = Record(number, bare)
                if not _is_comment(record, first=not records) and not _is_hint(record):
                    records.append(record)
            number = reader.line_num + 1
    except csv.Error:
        return []
    return records


def _holds_records(cell: str) -> bool:
    lines = cell.splitlines()
    parts = [_BETWEEN.split(line) for line in lines if "@" in line] if len(lines) > 1 else []
    return any(len(part) > 1 and any(looks_like_address(text.strip()) for text in part) for part in parts)


def _is_comment(record: Record, *, first: bool) -> bool:
    """Say whether a record is a remark. Shops number their orders #1001, and an address may begin with # as well."""
    if not record.cells[0].startswith("#") or any(map(looks_like_address, record.cells)):
        return False
    # above the head a remark may hold commas; a column may be called #
    return not any(record.cells[1:]) or (first and record.cells[0] != "#")


def _is_hint(record: Record) -> bool:
    # a first line by which spreadsheets tell each other the delimiter
    return record.number == 1 and record.cells[0].lower().startswith("sep=")


def _table(records: list[Record]) -> AddressTable | None:
    if not records:
        return None
    head, *rest = records
    if any(map(looks_like_address, head.cells)):
        return _by_look(records, None)
    named = [column for column, cell in enumerate(head.cells) if is_column_name(cell)]
    if len(named) > 1:  # "Email" and "Email Address": one of them may be empty throughout
        named = [column for column in named if any(record.cell(column) for record in rest)]
    if len(named) == 1 and len(head.cells) > 1:
        return AddressTable(named[0], head.number, True, tuple(rest))
    return _by_look(rest, head.number) if not named else None


def _by_look(records: Sequence[Record], header: int | None) -> AddressTable | None:
    """Return the table whose one column holds an address in every record, and no other column any."""
    columns = {column for record in records for column, cell in enumerate(record.cells) if looks_like_address(cell)}
    if len(columns) != 1 or not any(len(record.cells) > 1 for record in records):
        return None
    (column,) = columns
    if not all(looks_like_address(record.cell(column)) for record in records):
        return None
    return AddressTable(column, header, False, tuple(records))


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in plain if char.isalnum())


_KEYS = frozenset(map(_key, _NAMES))
