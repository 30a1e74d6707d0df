"""Fills an installation with genuine events: rows, entries and signatures that `syncer audit verify` finds whole."""

from __future__ import annotations

import dataclasses
import heapq
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from syncer import __version__
from syncer.app import load_settings, make_tables, open_app
from syncer.audit.actor import actor
from syncer.audit.ledger import Ledger
from syncer.audit.proof.origins import Origins
from syncer.audit.proof.recomputation import Recomputation
from syncer.database import engines
from syncer.database.connections import writing
from syncer.database.tables import Tables
from syncer.domain.deadlines import Rule
from syncer.privacy.keyring import Keyring
from syncer.settings.checked import Settings, settings_digest
from syncer.setup.install import initialise
from tests.bench.fill.bulk import LOADERS, Loader
from tests.bench.fill.log import Log
from tests.bench.fill.patterns import Pattern, Values, pseudonym, walked
from tests.bench.fill.settings import Account, NoAccount, write_settings

#: the schema that the rows are written in: later ones find them as an update of an installation does
FILLED_AT = "0009"
#: of a hundred events so many are fulfilled in each way; nobody there at one of two destinations is the usual case
USUAL = ("absent",) * 8 + ("found", "objected")
#: of the last events so many each are new, held, still tried after their day, or were fulfilled late
AT_THE_END = 75
BATCH = 5000


def person(number: int) -> str:
    """Return the address of a made-up person."""
    return f"person{number}@fill.test"


def fill(
    folder: Path, events: int, database: str = "sqlite:///syncer.db", *, years: float = 3.0,
    mailchimp: Account | None = None, activecampaign: Account | None = None,
) -> Path:  # fmt: skip
    """Make an installation in a folder with so many events, received over so many years; return its settings' path.

    `database` is the URL of an empty database on any engine.
    """
    settings_path = write_settings(folder, database, mailchimp or NoAccount(), activecampaign or NoAccount())
    settings = load_settings(settings_path)
    tables = make_tables(settings)
    Keyring.create(settings.identity.key_file)
    keyring = Keyring.load(settings.identity.key_file)
    with engines.opened(settings.database_login) as engine:
        _make_schema(engine, tables)
        Filling(settings, engine, tables, keyring).fill(events, timedelta(days=365 * years))
    initialise(settings)
    with open_app(settings) as app:
        app.notary.make("operator")
    return settings_path


def _make_schema(engine: sa.Engine, tables: Tables) -> None:
    config = Config()
    config.set_main_option("script_location", "syncer.database:migrations")
    with writing(engine) as connection:
        config.attributes.update(connection=connection, tables=tables, queue_here=True)
        command.upgrade(config, FILLED_AT)


class Filling:
    """One filling of one database."""

    def __init__(self, settings: Settings, engine: sa.Engine, tables: Tables, keyring: Keyring) -> None:
        cfg = settings_digest(settings)
        self._ledger = Ledger(engine, tables, keyring, actor("daemon"), cfg)
        with writing(engine) as connection:
            self._ledger.begin(connection)
        origins = Origins(engine, tables, keyring, settings.checkpoints.origin, self._ledger)
        facts = {"origin": origins.current(), "sw": __version__, "cfg": cfg}
        self._log = Log(keyring, self._ledger, Recomputation(engine, tables, self._ledger, origins), facts)
        self._engine, self._tables, self._keyring, self._rule = engine, tables, keyring, settings.deadlines.rule
        # later schemas have more: an update fills what they add
        columns = {
            table.name: tuple(column["name"] for column in sa.inspect(engine).get_columns(table.name))
            for table in (tables.event, tables.delivery, tables.queue, tables.audit)
        }
        self._patterns = walked(settings.identity.key_file, cfg, columns)
        kind = {"mysql": "mariadb"}.get(engine.dialect.name, engine.dialect.name)
        url = engine.url.render_as_string(hide_password=False)
        self._loader: Loader = LOADERS[kind](url)
        self._due = _due_days(self._rule)
        self._rows: dict[str, list[Any]] = {"event": [], "delivery": [], "queue": []}
        self._deliveries = 0

    def fill(self, events: int, span: timedelta) -> None:
        """Write so many events that were received over `span`, up to a minute ago."""
        t = self._tables
        names = [t.event.name, t.delivery.name, t.queue.name, t.audit.name]
        self._engine.dispose()  # SQLite changes its journal only when nobody else has it open
        self._loader.prepare(t.audit.name, names)
        for number, (when, pattern, values, first, last) in enumerate(self._stories(events, span), start=1):
            if first == 0:
                self._add_rows(pattern, values)
            self._log.write(pattern.entries[first:last], values)
            self._log.sign_if_due(when)
            if number % BATCH == 0:
                self._flush()
        self._flush()
        self._loader.finish(t.audit.name)
        with writing(self._engine) as connection:
            connection.execute(t.head.update().values(seq=self._log.seq, mac=self._log.mac))
            connection.execute(t.checkpoint.insert(), self._log.checkpoints)

    def _stories(self, events: int, span: timedelta) -> Iterator[tuple[datetime, Pattern, Values, int, int]]:
        """Yield each run of entries in the order of time: when, of which event, from and to which entry."""
        end = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        odd = min(AT_THE_END, events // 20)
        usual = events - 4 * odd
        step = span / max(usual, 1)

        def bulk() -> Iterator[tuple[datetime, int, Pattern, Values, int, int]]:
            received = end - span
            for number in range(usual):
                yield from self._runs(number, USUAL[number % len(USUAL)], received)
                received += step

        rest: list[tuple[datetime, int, Pattern, Values, int, int]] = []
        for number in range(odd):
            ages = {"overdue": 45.0, "late": 60.0, "held": 20.0, "open": 3.0}
            for place, (name, days) in enumerate(ages.items()):
                received = end - timedelta(days=days) + timedelta(minutes=number)
                rest += self._runs(usual + number * 4 + place, name, received)
        rest.sort(key=lambda run: run[:2])
        for when, _, pattern, values, first, last in heapq.merge(bulk(), rest, key=lambda run: run[0]):
            yield when, pattern, values, first, last

    def _runs(
        self, number: int, name: str, received: datetime
    ) -> Iterator[tuple[datetime, int, Pattern, Values, int, int]]:
        pattern = self._patterns[name]
        values = self._values(number, pattern, received)
        if name in USUAL:  # through within seconds: all of it before the next one comes
            yield received + pattern.offsets[-1], number, pattern, values, 0, len(pattern.entries)
            return
        for offset, first, last in pattern.parts():
            yield received + offset, number, pattern, values, first, last

    def _values(self, number: int, pattern: Pattern, received: datetime) -> Values:
        address = person(number)
        due, legal = self._due(received)
        event = f"{int(received.timestamp() * 1000):012x}"
        event = f"{event[:8]}-{event[8:]}-7000-8000-{number:012x}"
        values: Values = {
            "id": event, "subject": pseudonym(self._keyring, address), "key": f"fill:{number:09d}",
            "ref": f"1:{number}", "due": due, "legal": legal, "row": number + 1, "queue_id": number + 1,
            "email_sealed": None,
        }  # fmt: skip
        base = received.replace(tzinfo=None)
        for place, offset in enumerate(pattern.offsets):
            text = (base + offset).isoformat(timespec="microseconds")
            values[f"s{place}"], values[f"d{place}"] = f"{text}Z", text.replace("T", " ")
        if pattern.request is not None:
            request = dataclasses.replace(pattern.request, address=address, received_at=received)
            values["email_sealed"] = self._keyring.seal(request, event)
        return values

    def _add_rows(self, pattern: Pattern, values: Values) -> None:
        self._rows["event"].append(pattern.event.filled(values))
        self._rows["queue"].append(pattern.queue.filled(values))
        for delivery in pattern.deliveries:
            self._deliveries += 1
            values["row"] = self._deliveries
            self._rows["delivery"].append(delivery.filled(values))

    def _flush(self) -> None:
        patterns = self._patterns["absent"]
        columns = {"event": patterns.event, "delivery": patterns.deliveries[0], "queue": patterns.queue}
        for name, rows in self._rows.items():
            if rows:
                self._loader.load(getattr(self._tables, name).name, columns[name].columns, rows)
            rows.clear()
        self._loader.load(self._tables.audit.name, AUDIT, self._log.rows)
        self._log.rows.clear()


#: the columns of the audit table
AUDIT = ("seq", "at", "what", "event_id", "destination", "body", "leaf", "mac")


def _due_days(rule: Rule) -> Callable[[datetime], tuple[str, str]]:
    """Return what returns the due days of a receipt as texts; it counts once for each local day."""
    known: dict[date, tuple[str, str]] = {}

    def due(received: datetime) -> tuple[str, str]:
        day = received.astimezone(rule.zone).date()
        if day not in known:
            days = rule.due(received)
            known[day] = days.on.isoformat(), days.legal_on.isoformat()
        return known[day]

    return due
