"""The providers' side of a run: accounts with the people they hold, and the log of every call made to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.simulation.timeline import Timeline

REACHED = frozenset({"subscribed", "pending"})


@dataclass(slots=True)
class Record:
    """One contact. `person` is who it really is, which no adapter can see; `opt_in` is UTC or unknown."""

    account: str
    scope: str
    address: str
    person: int
    status: str
    opt_in: datetime | None
    added_at: datetime


@dataclass(frozen=True, slots=True)
class Call:
    """One step of one call, with how the person really stood at this account once it was through."""

    index: int
    at: datetime
    process: str
    account: str
    person: int
    action: str
    verb: str
    scope: str
    effect: str  # what it changed, or "" for a read and for what was not obeyed
    trouble: str
    hit: int | None  # whose record was changed
    consent: datetime | None  # the opt-in of that record
    erased: bool
    unreachable: bool


class Account:
    """What one destination holds. `archives` says that a delete only moves a contact to an archive."""

    def __init__(self, name: str, scopes: tuple[str, ...], *, archives: bool) -> None:
        self.name = name
        self.scopes = scopes
        self.archives = archives
        self.archive_right = True
        self.people: dict[int, list[Record]] = {}
        self.archive: dict[int, list[Record]] = {}
        self.forgotten: set[tuple[str, str]] = set()
        self._by_address: dict[tuple[str, str], Record] = {}

    def find(self, scope: str, spelling: str) -> list[Record]:
        """Return the contact of exactly this address, if any; providers compare without letter case."""
        record = self._by_address.get((scope, spelling.lower()))
        return [record] if record else []

    def put(self, record: Record) -> bool:
        """Add a contact, or bring an old one back to life; False where it is subscribed already."""
        key = (record.scope, record.address.lower())
        old = self._by_address.get(key)
        if old is not None:
            if old.status in REACHED:
                return False
            self._forget(old)
        self._by_address[key] = record
        self.people.setdefault(record.person, []).append(record)
        return True

    def delete(self, record: Record) -> None:
        """Delete a contact for good, or into the archive."""
        if self._by_address.get((record.scope, record.address.lower())) is not record:
            return
        self._forget(record)
        if self.archives:
            self.archive.setdefault(record.person, []).append(record)
        else:
            self.forgotten.add((record.scope, record.address.lower()))

    def _forget(self, record: Record) -> None:
        del self._by_address[record.scope, record.address.lower()]
        self.people[record.person].remove(record)

    def archived(self, spelling: str) -> list[Record]:
        """Return the archived contacts of exactly this address."""
        return [r for rows in self.archive.values() for r in rows if r.address.lower() == spelling.lower()]

    def purge(self, record: Record) -> None:
        """Take a contact out of the archive."""
        if record in self.archive.get(record.person, []):
            self.archive[record.person].remove(record)
            if not self.archive[record.person]:
                del self.archive[record.person]

    def records(self) -> Iterator[Record]:
        """Yield all live contacts."""
        return iter(self._by_address.values())

    def is_erased(self, person: int) -> bool:
        """Say whether nothing at all is held of a person."""
        return not self.people.get(person) and not self.archive.get(person)

    def is_unreachable(self, person: int) -> bool:
        """Say whether no mail can go to a person."""
        return all(record.status not in REACHED for record in self.people.get(person, []))


@dataclass(slots=True)
class World:
    """All accounts, and what was done to them."""

    timeline: Timeline
    accounts: dict[str, Account]
    who: dict[str, int]  # every spelling of every address -> person
    listeners: list[Callable[[Call], None]] = field(default_factory=list)
    calls: int = 0

    def note(
        self,
        process: str,
        account: Account,
        person: int,
        action: str,
        verb: str,
        scope: str,
        *,
        effect: str = "",
        trouble: str = "",
        record: Record | None = None,
        consent: datetime | None = None,
    ) -> None:
        """Write one step into the log; every listener hears of it at once."""
        self.calls += 1
        call = Call(
            self.calls, self.timeline.now, process, account.name, person, action, verb, scope, effect, trouble,
            record.person if record else None, consent,
            account.is_erased(person), account.is_unreachable(person),
        )  # fmt: skip
        for listener in self.listeners:
            listener(call)

    def person(self, spelling: str) -> int:
        """Return who an address belongs to; -1 for nobody this world knows."""
        return self.who.get(spelling.lower(), -1)

    def later(self, hours: float, what: Callable[[], None]) -> None:
        """Let a provider do something only after a while."""
        self.timeline.at(self.timeline.now + timedelta(hours=hours), what)
