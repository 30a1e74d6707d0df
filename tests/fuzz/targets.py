"""The targets: each takes any octets, and raises only where a parser did what it must not.

A target calls a parser with what the octets make, lets the parser's own error pass, and checks what may be said of
any answer. `TARGETS` names them for whoever drives them: `test_targets.py`, or a fuzzer.
"""

from __future__ import annotations

import atexit
import re
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from adapters.http.answer import parse_retry_after, read_answer
from syncer.app import load_settings
from syncer.audit.anchors import folder
from syncer.audit.offline.notes import NoteError, VerifierKey, names, open_checkpoint, require_note
from syncer.decisions.replay import received_after
from syncer.domain.deadlines import Rule
from syncer.errors import AddressError, SettingsProblem, UserError
from syncer.intake.address_file import read_addresses
from syncer.intake.parse import RowParser
from syncer.intake.queue import QueueRow, moment
from syncer.intake.wordpress.erasure_requests import Sites, Way
from syncer.intake.wordpress.views import COMPLETED, CONFIRMED, META_COLUMNS, REQUEST, site_tables
from syncer.privacy.addresses import normalise, spellings
from syncer.privacy.damage import damage, usable
from syncer.privacy.keyring import Keyring
from syncer.reports.as_csv import csv_safe
from syncer.settings.environment import overlay

NOW = datetime(2026, 11, 2, 9, tzinfo=UTC)
SIX_HOURS = 6 * 3600
KEYS = Keyring(b"\x01" * 32)
PARSER = RowParser(KEYS, {}, Rule(ZoneInfo("Europe/Berlin"), 30, 48, lambda day: day.weekday() >= 5))
#: the folder of what a parser reads from a file, made for the first of them
_folders: list[tempfile.TemporaryDirectory[str]] = []


def clean_up() -> None:
    """Remove what was written for the parsers."""
    while _folders:
        _folders.pop().cleanup()


atexit.register(clean_up)


def text_of(data: bytes) -> str:
    """Return octets as a driver or a terminal hands them on: what is no UTF-8 as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def parts(data: bytes, number: int) -> list[bytes]:
    """Return so many pieces of the octets, cut at 0xFF; empty ones where there are fewer."""
    pieces = data.split(b"\xff", number - 1)
    return pieces + [b""] * (number - len(pieces))


def written(data: bytes, name: str) -> Path:
    """Return the path of a file with these octets."""
    if not _folders:
        _folders.append(tempfile.TemporaryDirectory(prefix="syncer-fuzz-"))
    path = Path(_folders[0].name) / name
    path.write_bytes(data)
    return path


# -- the queue ----------------------------------------------------------------------------------------------


def queue_rows(data: bytes) -> None:
    """Any row becomes an event, without a bug that the parser had to catch."""
    number, *fields = [text_of(piece) if piece else None for piece in parts(data, 8)]
    number = number and number[:30]
    row_id = int(number) if number and re.fullmatch("-?[0-9]+", number) else number
    key, kind, email, received, source, ref, created = fields
    row = QueueRow(row_id, key, kind, email, received, source, ref, created)  # type: ignore[arg-type]
    for event in (PARSER.parse(row, NOW), PARSER.reused(row, NOW), PARSER.bare(row, NOW)):
        assert 0 < len(event.event_key) <= 191 and event.event_key.isprintable() and "@" not in event.event_key
        assert "could not be read" not in event.detail, event.detail
        assert datetime(2000, 1, 1, tzinfo=UTC) <= event.received_at <= NOW
        assert event.code or (event.right and event.subject)
        for text in (event.source or "", event.source_ref or ""):
            assert text.isprintable() and "@" not in text
            text.encode()


def queue_times(data: bytes) -> None:
    """A time is one of UTC, or a ValueError."""
    with suppress(ValueError):
        found = moment(text_of(data))
        assert found is not None and found.utcoffset() == timedelta(0)


def wordpress_rows(data: bytes) -> None:
    """Whatever stands in the rows of a WordPress, the sweep can read them."""
    title, status, name, modified, meta, author = parts(data, 6)
    names = site_tables("syncer_", "wp_", 1)
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        columns = ", ".join((*REQUEST, "post_author", "author_email"))
        connection.exec_driver_sql(f"CREATE TABLE {names.requests_view} ({columns})")
        connection.exec_driver_sql(f"CREATE TABLE {names.times_view} ({', '.join(META_COLUMNS)})")
        row = (7, _utf8(title), _utf8(name), _utf8(status) or "request-completed", _utf8(modified), _utf8(modified))
        values = (*row, len(author), _utf8(author) if author else None)
        connection.exec_driver_sql(f"INSERT INTO {names.requests_view} VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        times = [(7, CONFIRMED, _utf8(meta)), (7, COMPLETED, _utf8(meta[::-1]))]
        connection.exec_driver_sql(f"INSERT INTO {names.times_view} VALUES (?, ?, ?)", times)
    found, way = Sites(engine, "syncer_", "wp_").requests(1)
    assert way is Way.VIEWS
    assert [request.id for request in found] == [7]
    engine.dispose()


def _utf8(data: bytes) -> str:
    return data.decode("utf-8", "replace")


# -- addresses ----------------------------------------------------------------------------------------------


def addresses(data: bytes) -> None:
    """An address has a normal form that stays so, or is none."""
    text = text_of(data)
    with suppress(AddressError):
        normal = normalise(text)
        assert normalise(normal) == normal
        assert normal in spellings(text)
        normal.encode()


def damaged_addresses(data: bytes) -> None:
    """Damage is a word or nothing; what shows damage is usable only where somebody vouches for it."""
    text = text_of(data)
    sign = damage(text)
    with suppress(AddressError):
        usable(text)
        assert not sign
    with suppress(AddressError):
        usable(text, as_written=True)


def address_files(data: bytes) -> None:
    """A file is a list of addresses, or is refused in one line; `resync --file` also reads events before them."""
    for with_events in (False, True):
        try:
            found = read_addresses(data, "list", with_events=with_events)
        except UserError as error:
            assert "\n" not in str(error)
        else:
            assert all(text.strip() for _, text in found.lines)


# -- what an installation is told ---------------------------------------------------------------------------


def settings_files(data: bytes) -> None:
    """Any file is settings, or a list of mistakes of one printable line each."""
    try:
        load_settings(written(data, "settings.toml"))
    except SettingsProblem as problem:
        assert str(problem)


def environments(data: bytes) -> None:
    """Any variables are laid over the settings, or are mistakes."""
    names_and_values = parts(data.replace(b"\0", b""), 6)
    variables = {f"SYNCER_{text_of(name)}": text_of(value) for name, value in zip(*[iter(names_and_values)] * 2)}  # noqa: B905
    tables = tomllib.loads('[schedule]\nintake_seconds = 5\n[destinations.crm]\nadapter = "activecampaign"')
    overlay(tables, variables)


# -- notes and exports --------------------------------------------------------------------------------------


def notes(data: bytes) -> None:
    """A note is opened, or refused by a NoteError; so is a key."""
    key = VerifierKey("syncer/a", b"\x01" * 32)
    text = _utf8(data)
    for read in (names, require_note, VerifierKey.parse):
        with suppress(NoteError):
            read(text)
    with suppress(NoteError):
        open_checkpoint(text, [key])
        raise AssertionError("a note was opened that nobody signed")


def note_files(data: bytes) -> None:
    """A file of the state folder is text, or a ValueError."""
    with suppress(ValueError):
        folder.read(written(data, "a-000000000001.note"))


def exports(data: bytes) -> None:
    """What `replay --export` is given is an export, or is refused in one line."""
    try:
        found = received_after(0, written(data, "export.jsonl"))
    except UserError as error:
        assert "\n" not in str(error)
    else:
        for event, facts in found:
            event.encode()
            facts.get("event_key")


def formulas(data: bytes) -> None:
    """No cell of a CSV begins a formula, and nothing but apostrophes is added."""
    text = text_of(data)
    safe = csv_safe(text)
    assert safe.replace("'", "") == text.replace("'", "")
    assert not safe.startswith(tuple("=+-@"))


# -- answers ------------------------------------------------------------------------------------------------


def retry_after(data: bytes) -> None:
    """A wait is some seconds, six hours at most, or none."""
    value, date = (text_of(piece) for piece in parts(data, 2))
    found = parse_retry_after(value, date or None)
    assert found is None or 0 <= found <= SIX_HOURS


def answers(data: bytes) -> None:
    """Any octets are an answer."""
    kind, body = parts(data, 2)
    for content_type in ("application/json", text_of(kind)):
        read_answer(200, {"Content-Type": content_type}, body, 1)


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        queue_rows, queue_times, wordpress_rows, addresses, damaged_addresses, address_files, settings_files,
        environments, notes, note_files, exports, formulas, retry_after, answers,
    )
}  # fmt: skip
