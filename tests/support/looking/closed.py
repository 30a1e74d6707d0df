"""An installation whose deliveries were closed in every way that there is, by the real lane and an adapter."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from adapters.contract import (
    Action,
    Adapter,
    Check,
    Inapplicable,
    Limits,
    Outcome,
    Preview,
    Receipt,
    Seen,
    Step,
    Subject,
    nameless,
)
from adapters.errors import Permanent
from adapters.registry import GROUP
from syncer.app import App, load_settings, open_app
from syncer.domain.model import State, move
from syncer.domain.rights import Ground
from syncer.service.drain import drain
from syncer.setup.install import initialise
from tests.conftest import Clock
from tests.support.walk import put

AT = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
SETTLES, LAPSES = date(2027, 1, 20), date(2028, 1, 24)
#: whom everybody was seen to have done it for, and others; each asks for the erasure of all
SEEN, TOLD, EXCEPTED, WAITING = (f"{name}@person.test" for name in ("seen", "told", "excepted", "waiting"))
#: destination -> what it answers
ANSWERS = {
    "newsletter": "done",
    "ads": "accepted",
    "analytics": "accepted, in time",
    "counter": "right_not_offered",
    "letters": "by hand",
    "visits": "no_identifier",
}
STEP = Step("audience", "POST /orders", 202, "req-7", 12)
REASON, SHA256 = "letter 12 of the recipient", "9f" * 32
SETTINGS = """
[database]
url = "sqlite:///syncer.db"

[deadlines]
timezone = "Europe/Berlin"

[schedule]
recheck_days = [1, 7]
"""
DESTINATION = """
[destinations.{name}]
adapter = "answering"
api_key_env = "TEST_ANSWERING_KEY"
answer = "{answer}"
erasure = "delete"
objection = "unsubscribe"
"""


class Answering(Adapter):
    """A recipient that answers everybody alike, but for SEEN, for whom every one of them is read back."""

    name: ClassVar[str] = "answering"
    title: ClassVar[str] = "Answering"
    actions: ClassVar[frozenset[Action]] = frozenset(Action)
    options: ClassVar[Mapping[str, str]] = {"answer": "what it answers"}

    def __init__(self, answer: str) -> None:
        self._answer = answer

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Answering:
        return cls(options["answer"])

    @property
    def limits(self) -> Limits:
        return Limits(senders=1)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        answer = "done" if subject.address == SEEN else self._answer
        if answer == "by hand":
            raise Permanent("exclusion_needed")
        if answer in tuple(Inapplicable):
            lapses = LAPSES if answer == Inapplicable.NO_IDENTIFIER else None
            return Receipt(Outcome.NOT_APPLICABLE, (), reason=Inapplicable(answer), lapses_on=lapses)
        if answer == "done":
            return Receipt(Outcome.DONE, (STEP,))
        return Receipt(Outcome.ACCEPTED, (STEP,), settles_on=SETTLES if answer.endswith("in time") else None)

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        return Preview((), ())

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        return Receipt(Outcome.DONE, (STEP,))

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        return iter(())

    def opted_in(self, subject: Subject) -> datetime | None:
        return None

    def ping(self) -> None: ...

    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        return []

    def close(self) -> None: ...


@contextmanager
def installation(folder: Path) -> Iterator[tuple[App, Clock]]:
    """Make an installation in a folder and let it carry out all requests but one; yields it with its clock."""
    path, clock = folder / "settings.toml", Clock(AT)
    places = "".join(DESTINATION.format(name=name, answer=answer) for name, answer in ANSWERS.items())
    path.write_text(SETTINGS + places, encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        offer(folder, patch)
        settings = load_settings(path)
        initialise(settings)
        with open_app(settings, clock=clock) as app:
            fill(app)
            yield app, clock


def offer(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Install the package that offers the adapter, and the key that it takes."""
    info = folder / "syncer_answering-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: syncer-answering\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nanswering = {__name__}:Answering\n", encoding="utf-8")
    patch.syspath_prepend(folder)
    patch.setenv("TEST_ANSWERING_KEY", "a key")


def fill(app: App) -> None:
    """Have each person ask, and what a person does decided for all but the one who waits."""
    for address in (SEEN, TOLD, EXCEPTED, WAITING):
        put(app, "erasure", address, address.partition("@")[0], received_at=app.clock())
    drain(app)
    attest(app, event_of(app, TOLD), "letters", "no_data")
    app.interventions.exempt(event_of(app, EXCEPTED), "letters", Ground.LEGAL_CLAIMS, "a court case")


def event_of(app: App, address: str) -> str:
    """The id of the only event of an address."""
    (event,) = app.reader.events(subject=app.keyring.ref(address))
    return event.id


def attest(app: App, event_id: str, destination: str, answer: str) -> None:
    """Close a held delivery by what a person says that the recipient answered."""
    d = app.tables.delivery
    with app.transactions.write() as tx:
        closed = d.update().where(d.c.event_id == event_id, d.c.destination == destination, d.c.state == State.HELD)
        tx.connection.execute(closed.values(state=move(State.HELD, State.ATTESTED), code=answer))
        facts = {
            "answer": answer,
            "on": "2026-11-20",
            "reason": "letter 12 of the recipient",
            "evidence_sha256": SHA256,
        }
        tx.audit.add("delivery:attested", event=event_id, destination=destination, facts=facts)
        app.store.settle(tx, {event_id})
