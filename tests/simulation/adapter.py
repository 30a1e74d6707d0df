"""A destination that plays against the simulated world in memory, under the same laws as the real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from adapters.contract import (
    Action,
    Adapter,
    Check,
    Handle,
    Limits,
    Outcome,
    Preview,
    Receipt,
    Seen,
    Step,
    Subject,
    nameless,
)
from adapters.errors import AdapterError, Permanent, Transient
from tests.simulation.weather import Weather
from tests.simulation.world import REACHED, Account, Record, World


class Visit:
    """One apply or confirm for one person: its steps, its time, and the way to the account."""

    def __init__(self, adapter: SimulatedAdapter, action: Action, verb: str, subject: Subject) -> None:
        self.steps: list[Step] = []
        self.notes: list[str] = []
        self.action = action
        self.verb = verb
        self.spellings = subject.spellings
        self.person = adapter.world.person(subject.address)
        self._adapter = adapter

    def read(self, scope: str, look: Callable[[], list[Record]], call: str = "GET /{scope}/{person}") -> list[Record]:
        """Make one read; what is found is exactly the person asked for, or nothing is done."""
        records: list[Record] = []
        self._step(scope, call, "", None, lambda: records.extend(look()))
        return records

    def write(self, scope: str, call: str, effect: str, record: Record | None, change: Callable[[], None]) -> None:
        """Make one call that changes something."""
        self._step(scope, call, effect, record, change)

    def _step(self, scope: str, call: str, effect: str, record: Record | None, do: Callable[[], None]) -> None:
        adapter = self._adapter
        adapter.touch()  # the process may die before the call
        world, account, weather = adapter.world, adapter.account, adapter.weather
        seconds = weather.latency(account.name, world.timeline.now)
        trouble = weather.strike(account.name, self.verb, effect, world.timeline.now)
        obeyed = trouble is None or trouble.obeyed
        # what a contact that gets no mail once opted in to holds nobody back
        consent = record.opt_in if record and record.status in REACHED else None
        if obeyed:
            do()
        elif trouble is not None and trouble.name == "late":
            world.later(weather.dice.uniform(0.02, 3.0), do)
        adapter.spent += seconds + (trouble.seconds if trouble else 0.0)
        world.note(
            adapter.process, account, self.person, str(self.action), self.verb, scope,
            effect=effect if obeyed else "", trouble=trouble.name if trouble else "", record=record, consent=consent,
        )  # fmt: skip
        failed = trouble is not None and trouble.error is not None
        self.steps.append(Step(scope, call, None if failed else 200, None, round(seconds * 1000)))
        adapter.touch()  # or before it could hear the answer
        if trouble is not None and trouble.error is not None:
            raise trouble.error()


class SimulatedAdapter(Adapter):
    """One account of the world, seen by one process. `touch` is where the process may die."""

    name: ClassVar[str] = "simulated"
    actions: ClassVar[frozenset[Action]] = frozenset(Action)
    options: ClassVar[Mapping[str, str]] = {}

    def __init__(
        self, world: World, account: Account, weather: Weather, senders: int, process: str, touch: Callable[[], None]
    ) -> None:
        self.world = world
        self.account = account
        self.weather = weather
        self.process = process
        self.touch = touch
        self.spent = 0.0  # virtual seconds since somebody last took them
        self._senders = senders

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Adapter:
        """A simulated account is never built from settings."""
        raise NotImplementedError

    @property
    def limits(self) -> Limits:
        """How many calls may be under way at one time."""
        return Limits(self._senders)

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        """Find, hold on newer consent, then act."""
        visit = Visit(self, action, "apply", subject)
        try:
            return self._apply(visit, action, received_at)
        except AdapterError as error:
            error.steps = tuple(visit.steps)
            raise

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        """No simulated account is in shadow mode."""
        raise NotImplementedError

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        """Read again and compare."""
        visit = Visit(self, action, "confirm", subject)
        try:
            return self._confirm(visit, action, applied)
        except AdapterError as error:
            error.steps = tuple(visit.steps)
            raise

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        """List the whole account: more than changed is fine."""
        self.touch()
        yield from (
            Seen(record.scope, record.address) for records in self.account.people.values() for record in records
        )

    def opted_in(self, subject: Subject) -> datetime | None:
        """Return the newest opt-in among what mail reaches."""
        records = [
            record
            for scope in self.account.scopes
            for form in subject.spellings
            for record in self.account.find(scope, form)
        ]
        return max((record.opt_in for record in records if record.status in REACHED and record.opt_in), default=None)

    def ping(self) -> None:
        """Ask whether the key is good."""
        self.touch()
        trouble = self.weather.strike(self.account.name, "ping", "", self.world.timeline.now)
        if trouble is not None and trouble.error is not None:
            raise trouble.error()

    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        """Nothing to show."""
        return []

    def close(self) -> None:
        """Nothing to close."""

    # -- apply ----------------------------------------------------------------------------------------------

    def _apply(self, visit: Visit, action: Action, received_at: datetime) -> Receipt:
        records = [record for scope in self.account.scopes for record in self._find(visit, scope)]
        for record in records:
            changes = action is Action.DELETE or record.status in REACHED
            if changes and record.status in REACHED and record.opt_in is not None and record.opt_in > received_at:
                raise Permanent("newer_consent", "opted in after the request")
        handles = [Handle("scope", record.scope) for record in records]
        if action is Action.DELETE:
            for record in records:
                self._delete(visit, record)
            if self.account.archives:
                handles += self._purge(visit)
        else:
            for record in records:
                self._unsubscribe(visit, record)
            if action is Action.SUPPRESS:
                there = {record.scope for record in records}
                handles += [self._tombstone(visit, scope) for scope in self.account.scopes if scope not in there]
        outcome = Outcome.DONE if handles else Outcome.ABSENT
        return Receipt(outcome, tuple(visit.steps), tuple(visit.notes), tuple(dict.fromkeys(handles)))

    def _find(self, visit: Visit, scope: str) -> list[Record]:
        return [
            record
            for spelling in visit.spellings
            for record in visit.read(scope, partial(self.account.find, scope, spelling))
        ]

    def _delete(self, visit: Visit, record: Record) -> None:
        try:
            visit.write(
                record.scope, "DELETE /{scope}/{person}", "deleted", record, partial(self.account.delete, record)
            )
        except Transient as error:
            if error.code == "delete_blocked":
                self._unsubscribe(visit, record)
            raise

    def _unsubscribe(self, visit: Visit, record: Record) -> None:
        if record.status not in REACHED:
            visit.notes.append(f"{record.scope}: {record.status}, receives nothing; left as it is.")
            return
        visit.write(
            record.scope, "PATCH /{scope}/{person}", "unsubscribed", record,
            lambda: setattr(record, "status", "unsubscribed"),
        )  # fmt: skip

    def _archive(self, visit: Visit) -> list[Record]:
        if not self.account.archive_right:
            raise Permanent("archived_not_purged", "no right to the archive")
        return [
            record
            for spelling in visit.spellings
            for record in visit.read("archive", partial(self.account.archived, spelling), "GET /archive?{person}")
        ]

    def _purge(self, visit: Visit) -> list[Handle]:
        archived = self._archive(visit)
        for record in archived:
            visit.write("archive", "DELETE /archive/{id}", "purged", record, partial(self.account.purge, record))
        return [Handle("archive", "")] if archived else []

    def _tombstone(self, visit: Visit, scope: str) -> Handle:
        address, account, world = visit.spellings[0], self.account, self.world
        if (scope, address) in account.forgotten:
            visit.read(scope, list, "PUT /{scope}/{person}")
            return Handle("forgotten", scope)
        record = Record(account.name, scope, address, visit.person, "unsubscribed", None, world.timeline.now)

        def create() -> None:
            if not account.find(scope, address):  # status_if_new: an existing contact is left as it is
                account.put(record)

        visit.write(scope, "PUT /{scope}/{person}", "tombstone", record, create)
        return Handle("scope", scope)

    # -- confirm --------------------------------------------------------------------------------------------

    def _confirm(self, visit: Visit, action: Action, applied: Receipt | None) -> Receipt:
        handles = applied.handles if applied else ()
        forgotten = {handle.id for handle in handles if handle.kind == "forgotten"}
        # an apply that was cut may have left more behind than its last one saw: every scope is read
        by_scope = {scope: self._find(visit, scope) for scope in self.account.scopes}
        records = [record for rows in by_scope.values() for record in rows]
        if action is Action.DELETE:
            if records or (self.account.archives and self._archive(visit)):
                raise Transient("not_yet", "the person is still there")
        elif any(record.status in REACHED for record in records):
            raise Transient("not_yet", "the person can still be reached")
        elif action is Action.SUPPRESS and not all(by_scope[scope] for scope in set(self.account.scopes) - forgotten):
            raise Transient("suppression_missing", "a list shows no suppression of the person")
        outcome = applied.outcome if applied else Outcome.DONE if records else Outcome.ABSENT
        return Receipt(outcome, tuple(visit.steps), handles=handles)
