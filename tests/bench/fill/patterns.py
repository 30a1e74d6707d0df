"""What an event leaves behind: read off one real walk, for each way that an event can go."""

from __future__ import annotations

import base64
import hmac
import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.audit.chain import canonical
from syncer.privacy.keyring import Keyring
from syncer.privacy.sealed import SealedRequest
from syncer.service.drain import drain, prepare
from syncer.setup.install import initialise
from tests.bench.fill.settings import write_settings

AUDIENCE = "a1b2c3d4e5"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d{6}Z?")
#: in July and August thirty days and one month end on different days
BEGIN = datetime(2026, 7, 4, 9, 30, tzinfo=UTC)

#: the values of one event by their names: id, subject, key, ref, due, legal, and its moments, s0 as the log writes
#: the first and d0 as a table holds it
Values = dict[str, Any]
#: the columns of each table by its name, in their order
Columns = Mapping[str, tuple[str, ...]]


class _Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class RowPattern:
    """A row as it was, and which of its places hold a value of its event's own."""

    columns: tuple[str, ...]
    fixed: tuple[Any, ...]
    places: tuple[tuple[int, str], ...]

    def filled(self, values: Values) -> list[Any]:
        """Return the row of another event."""
        row = list(self.fixed)
        for place, name in self.places:
            row[place] = values[name]
        return row


@dataclass(frozen=True, slots=True)
class EntryPattern:
    """An entry of the log: which moment it was written at, and its body as a format."""

    moment: int
    what: str
    destination: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way that an event can go. `offsets` are the moments in its story, counted from its receipt."""

    offsets: tuple[timedelta, ...]
    entries: tuple[EntryPattern, ...]
    event: RowPattern
    deliveries: tuple[RowPattern, ...]
    queue: RowPattern
    request: SealedRequest | None

    def parts(self) -> Iterator[tuple[timedelta, int, int]]:
        """Yield when each run of entries was written, and which they are, from and to."""
        first = 0
        for number in range(1, len(self.entries) + 1):
            if number == len(self.entries) or self.entries[number].moment != self.entries[first].moment:
                yield self.offsets[self.entries[first].moment], first, number
                first = number


def walked(key_file: Path, cfg: str, columns: Columns) -> dict[str, Pattern]:
    """Walk through every way with a sandbox and read off what it left; sealed with the key of `key_file`.

    absent, found and objected are fulfilled at once, late after a month; overdue still tries, held waits for a person,
    open is new. `cfg` is the digest of settings that the entries name; `columns` are those that are filled.
    """
    clock = _Clock()
    with (
        TemporaryDirectory(prefix="syncer-fill-") as place,
        MailchimpSandbox(audiences=(AUDIENCE,)) as mailchimp,
        ActiveCampaignSandbox(rate=None) as activecampaign,
    ):
        folder = Path(place)
        path = write_settings(folder, "sqlite:///syncer.db", mailchimp, activecampaign)
        shutil.copy(key_file, folder / "syncer.key")
        settings = load_settings(path)
        initialise(settings)
        with open_app(settings, clock=clock) as app:
            _walk(app, clock, mailchimp, activecampaign)
        keyring = Keyring.load(key_file)
        with sqlite3.connect(folder / "syncer.db") as connection:
            connection.row_factory = sqlite3.Row
            names = [row[0] for row in connection.execute("SELECT event_key FROM syncer_event")]
            found = {name.removeprefix("way:"): _pattern(connection, name, cfg, keyring, columns) for name in names}
        connection.close()
    return found


def _walk(app: App, clock: _Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox) -> None:
    def put(name: str, kind: str = "erasure", *, known: bool = True) -> None:
        address = f"{name}@pattern.test"
        if known:
            mailchimp.add(address, AUDIENCE)
            activecampaign.add(address)
        row = {
            "event_key": f"way:{name}",
            "kind": kind,
            "email": address,
            "source": "wordpress",
            "source_ref": f"ref:way:{name}",
        }
        app.queue.insert([row | {"created_at": clock.now}])
        clock.now += timedelta(seconds=3)
        prepare(app)
        clock.now += timedelta(seconds=2)

    put("absent", known=False)
    put("found")
    put("objected", "objection")
    drain(app)
    fault = Fault(status=500, body="<html>", content_type="text/html", path="delete-permanent", times=None)
    mailchimp.fault(fault)
    put("late")
    drain(app)
    mailchimp.clear_faults()
    clock.now += timedelta(days=33)
    drain(app)
    clock.now += timedelta(hours=1)
    activecampaign.admin = False
    put("held")
    drain(app)
    activecampaign.admin = True
    clock.now += timedelta(hours=1)
    mailchimp.fault(fault)
    put("overdue")
    drain(app)
    clock.now += timedelta(hours=1)
    put("open")


def _pattern(connection: sqlite3.Connection, name: str, cfg: str, keyring: Keyring, columns: Columns) -> Pattern:
    def rows(table: str, condition: str, value: str) -> list[sqlite3.Row]:
        names = ", ".join(f'"{column}"' for column in columns[table])
        return connection.execute(f"SELECT {names} FROM {table} WHERE {condition}", [value]).fetchall()

    (event,) = rows("syncer_event", "event_key = ?", name)
    deliveries = rows("syncer_delivery", "event_id = ? ORDER BY id", event["id"])
    (queued,) = rows("syncer_queue", "event_key = ?", name)
    entries = rows("syncer_audit", "event_id = ? ORDER BY seq", event["id"])
    own = {event["id"]: "id", event["subject"]: "subject", name: "key", f"ref:{name}": "ref"}
    own |= {event["due_on"]: "due", event["legal_due_on"]: "legal"}
    assert len(own) == 6, "two of the event's own values are the same"
    bodies = [json.loads(row["body"]) for row in entries]
    for body in bodies:
        body["facts"].pop("first", None)  # newer than the schema that is filled, which counts no beginnings
    moments = _moments([event, *deliveries, queued], bodies)
    numbers = {moment: number for number, moment in enumerate(moments)}
    received = datetime.fromisoformat(event["received_at"])
    return Pattern(
        offsets=tuple(datetime.fromisoformat(moment) - received for moment in moments),
        entries=tuple(_entry(row, body, own, numbers, cfg) for row, body in zip(entries, bodies, strict=True)),
        event=_row(event, own, numbers),
        deliveries=tuple(_row(row, own, numbers) for row in deliveries),
        queue=_row(queued, own, numbers),
        request=keyring.open(event["email_sealed"], event["id"]) if event["email_sealed"] else None,
    )


def _moments(rows: list[sqlite3.Row], bodies: list[Any]) -> list[str]:
    """Return every moment of an event's story as a table holds it, the oldest first."""
    texts = [value for row in rows for value in row if isinstance(value, str) and _MOMENT.fullmatch(value)]
    return sorted({*texts, *(_stored(text) for body in bodies for text in _MOMENT.findall(json.dumps(body)))})


def _stored(text: str) -> str:
    return text.replace("T", " ").removesuffix("Z")


def _row(row: sqlite3.Row, own: Mapping[str, str], numbers: Mapping[str, int]) -> RowPattern:
    columns = tuple(row.keys())
    places = [(columns.index("id"), "id")]  # the number of a row is its own as well
    names = dict(own) | {moment: f"d{number}" for moment, number in numbers.items()}
    for place, (column, value) in enumerate(zip(columns, row, strict=True)):
        if column in ("email_sealed", "queue_id"):
            places.append((place, column))
        elif column != "id" and isinstance(value, str) and value in names:
            places.append((place, names[value]))
    if "event_id" in columns or "taken_at" in columns:
        places[0] = (places[0][0], "row")
    return RowPattern(columns, tuple(row), tuple(places))


def _entry(
    row: sqlite3.Row, body: dict[str, Any], own: Mapping[str, str], numbers: Mapping[str, int], cfg: str
) -> EntryPattern:
    moment = numbers[_stored(body["at"])]
    words = dict(own)
    words |= {f"{stored.replace(' ', 'T')}Z": f"s{number}" for stored, number in numbers.items()}
    marked = _marked(body, words) | {"seq": "\x00seq\x00", "nonce": "\x00nonce\x00", "cfg": cfg}
    text = canonical(marked).decode().replace("%", "%%").replace('"\\u0000seq\\u0000"', "%(seq)d")
    text = re.sub(r"\\u0000(\w+)\\u0000", r"%(\1)s", text)
    return EntryPattern(moment, row["what"], row["destination"], text)


def _marked(value: Any, words: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _marked(item, words) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item, words) for item in value]
    return f"\x00{words[value]}\x00" if isinstance(value, str) and value in words else value


def pseudonym(keyring: Keyring, address: str) -> str:
    """Return what `Keyring.ref` returns, in a fifth of the time."""
    digest = hmac.digest(keyring.versions[-1].subject_key, b"syncer.subject.v1\0" + address.encode(), "sha256")
    return "p1:" + base64.urlsafe_b64encode(digest).decode().rstrip("=")
