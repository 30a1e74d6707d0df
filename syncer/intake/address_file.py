"""The one reader of files and standard input that hold addresses, as people have them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from syncer.errors import UserError
from syncer.intake.address_table import AddressTable, find_table, is_column_name, looks_like_address
from syncer.intake.file_text import decoded

#: line numbers that one remark names
NAMED = 10
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
#: characters of a line that are searched for a second address
_SEARCHED = 1000
#: an address, what stands between two, and the next; each part has one reading only, or long lines take hours
_SEVERAL = re.compile(r"""@[^\s,;|"@]+[\s,;|]+[^\s,;|"@]+@""")
#: an address anywhere in a page, a list of JSON, a sentence
_AMONG_OTHERS = re.compile(r"[\w.+-]@[\w-]+\.\w")
_WITH_EVENT = re.compile(r"([0-9a-fA-F-]{6,36})[\s,;|]+(\S.*)")
_REMEDY = "give one address a line, or a CSV file with one column of addresses; nothing was changed"


@dataclass(frozen=True, slots=True)
class AddressFile:
    """What a file holds: (line number, text) of each line that is not blank, and remarks for whoever gave it.

    No remark repeats anything of the file but line numbers.
    """

    lines: tuple[tuple[int, str], ...] = field(repr=False)
    remarks: tuple[str, ...] = ()


def read_addresses(raw: bytes, name: str, *, with_events: bool = False) -> AddressFile:
    """Return the addresses of a file, one a line or in one column; `name` is what remarks and errors call the file.

    `with_events` lets an event's id stand before an address. Blank lines and `#` comments are passed over. Raises
    UserError for a file that holds none, and for one of which most lines are no address: nobody means such a list.
    """
    text, remarks = decoded(raw, name)
    lines = _LINE.findall(text)
    found = _plain(lines)
    events = [_WITH_EVENT.fullmatch(line) for _, line in found] if with_events else []
    table = None if any(events) else find_table(lines)
    remarks += [] if table else _hidden(lines, name)
    if table:
        found, more = _of_table(table, name)
        remarks += more
    elif any(events):  # whatever stood between the two
        found = [
            (n, f"{event[1]} {event[2]}" if event else text) for (n, text), event in zip(found, events, strict=True)
        ]
    if not found:
        raise UserError("no address was given; write one a line to stdin, or name a file with --file")
    _require_addresses(found, name, with_events)
    return AddressFile(tuple(found), tuple(remarks))


# -- from text to addresses ---------------------------------------------------------------------------------


def _plain(lines: Sequence[str]) -> list[tuple[int, str]]:
    # \x1a ends a file of DOS; files that were joined bring a byte order mark each
    bare = [(number, line.strip().strip("\ufeff\x1a").strip()) for number, line in enumerate(lines, 1)]
    found = [(number, text) for number, text in bare if text and not text.startswith("#")]
    quoted = all(len(text) > 2 and text[0] == text[-1] == '"' and '"' not in text[1:-1] for _, text in found)
    if quoted:
        found = [(number, text[1:-1].strip()) for number, text in found]
    return found[1:] if found and is_column_name(found[0][1]) else found


def _hidden(lines: Sequence[str], name: str) -> list[str]:
    found = [number for number, line in enumerate(lines, 1) if line.lstrip()[:1] == "#" and "@" in line]
    hidden = [number for number in found if looks_like_address(lines[number - 1].strip())]
    if not hidden:
        return []
    return [
        f"{name}: passed over as remarks; an address that begins with # needs a table with a head: {_listed(hidden)}"
    ]


def _of_table(table: AddressTable, name: str) -> tuple[list[tuple[int, str]], list[str]]:
    remarks = [f"{name}: a table; its addresses stand in column {table.column + 1}"]
    if table.header is not None and not table.named:
        remarks.append(f"{name}: line {table.header} was taken for the head of the table and passed over")
    if table.others:
        columns = ", ".join(str(column + 1) for column in table.others)
        remarks.append(f"{name}: addresses stand in column {columns} too, and were passed over")
    if table.swallowed:
        where = _listed(table.swallowed)
        remarks.append(f"{name}: one cell holds lines with addresses, passed over; look for a stray quote: {where}")
    empty = [record.number for record in table.records if not record.cell(table.column)]
    if empty:
        remarks.append(f"{name}: {len(empty)} without an address passed over: {_listed(empty)}")
    found = [(record.number, record.cell(table.column)) for record in table.records if record.cell(table.column)]
    return found, remarks


def _listed(numbers: Sequence[int]) -> str:
    return "line " + ", ".join(map(str, numbers[:NAMED])) + (", …" if len(numbers) > NAMED else "")


def _require_addresses(found: Sequence[tuple[int, str]], name: str, with_events: bool) -> None:
    several = next((number for number, text in found if _SEVERAL.search(text[:_SEARCHED])), None)
    if several is None and len(found) == 1 and len(_AMONG_OTHERS.findall(found[0][1][:_SEARCHED])) > 1:
        several = found[0][0]
    if several is not None:
        raise UserError(f"{name}: line {several} holds several addresses; {_REMEDY}")
    odd = [number for number, text in found if not _is_entry(text, with_events)]
    if len(found) > 1 and 2 * len(odd) > len(found):
        most = f"{len(odd)} of {len(found)} lines are no address, the first is line {odd[0]}"
        raise UserError(f"{name}: {most}; {_REMEDY}")


def _is_entry(text: str, with_events: bool) -> bool:
    event = _WITH_EVENT.fullmatch(text) if with_events else None
    return looks_like_address(event[2] if event else text)
