"""What a seed means: who the people are, what is asked when, and which days are bad ones."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.simulation.timeline import START
from tests.simulation.weather import Window
from tests.simulation.world import Record

#: destination -> its lists; the last one moves what is deleted to an archive first
SCOPES = {"newsletter": ("weekly", "offers"), "shop": ("customers",), "crm": ("contacts",)}
ARCHIVES = frozenset({"crm"})
MALFORMED: tuple[tuple[str | None, str | None], ...] = (
    ("purge", None), (None, None), ("erasure", ""), ("erasure", "a@b@c.test"), ("objection", "x" * 1000),
    ("objection", "user＠wide.test"), ("erasure", "\x1b[31m@evil.test"),
)  # fmt: skip


#: how the keys of a flood begin
FLOOD = "flood:"


@dataclass(frozen=True, slots=True)
class Scenario:
    """The size and temper of a run; with the seed it says everything. `crashes` is a chance per round of work."""

    seed: int
    events: int = 40
    days: int = 21
    workers: int = 2
    senders: int = 3
    trouble: float = 0.06
    crashes: float = 0.05
    suppress: bool = False
    bad_days: bool = True
    shop: bool = True
    guard: int = 0  # deletions that may begin in a day; 0 for as many as there are
    flood: int = 0  # erasures of one minute that nobody asked for
    bound: int = 45  # virtual days after the last fault within which everything must have ended

    @property
    def scopes(self) -> dict[str, tuple[str, ...]]:
        """The destinations of this run, with their lists."""
        return {name: lists for name, lists in SCOPES.items() if self.shop or name != "shop"}


@dataclass(frozen=True, slots=True)
class Row:
    """One row that a producer will write. `person` is None where the row means nobody."""

    key: str
    kind: str | None
    email: str | None
    arrives: datetime
    received_at: datetime | None
    person: int | None
    malformed: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is fixed before the run starts."""

    rows: tuple[Row, ...]
    people: dict[int, tuple[str, ...]]  # every spelling under which a provider may hold them
    records: tuple[Record, ...]
    returns: tuple[tuple[datetime, Record], ...]  # re-imports and new opt-ins
    windows: tuple[Window, ...]
    pauses: tuple[Window, ...]
    removal: Window | None  # a time in which a destination is not in the settings
    bystanders: frozenset[int]


class _Draw:
    def __init__(self, scenario: Scenario) -> None:
        self.s = scenario
        self.dice = random.Random(f"scenario/{scenario.seed}")

    def moment(self, first: float = 0.0, last: float = 1.0) -> datetime:
        """Return some moment of the run, between two shares of it."""
        return START + timedelta(days=self.s.days * self.dice.uniform(first, last))

    def person(self, number: int) -> tuple[str, ...]:
        kind = self.dice.random()
        if kind < 0.1:
            return (f"p{number}@xn--bcher-kva.test", f"p{number}@bücher.test")
        if kind < 0.15:
            return (f"p{number}+news@people.test",)
        return (f"p{number}@people.test",)

    def given(self, spellings: tuple[str, ...]) -> str:
        text = self.dice.choice(spellings)
        return self.dice.choice((text, text, text.upper(), f"  {text}"))

    def record(self, account: str, person: int, spellings: tuple[str, ...], scope: str) -> Record:
        text = self.dice.choice(spellings)
        opt_in = self.dice.choice((None, START - timedelta(days=self.dice.uniform(100, 900))))
        status = self.dice.choices(
            ("subscribed", "pending", "unsubscribed", "cleaned"), (70, 10, 12, 8))[0]  # fmt: skip
        address = text.capitalize() if self.dice.random() < 0.2 else text
        return Record(account, scope, address, person, status, opt_in, START - timedelta(days=1000))


def draw(scenario: Scenario) -> Plan:
    """Return what a scenario means; the same for the same scenario, always."""
    d = _Draw(scenario)
    count = max(2, round(scenario.events * 0.85))
    others = max(3, count // 5)
    people = {number: d.person(number) for number in range(count + others)}
    bystanders = frozenset(range(count, count + others))
    # look-alikes of people who do ask: a prefix, another domain, a tag
    for number in list(bystanders)[:3]:
        people[number] = ((f"p{number - count}@people.test.example", f"xp{number - count}@people.test",
                          f"p{number - count}+x@people.test")[number % 3],)  # fmt: skip
    records = tuple(
        d.record(account, person, spellings, scope)
        for account, scopes in scenario.scopes.items()
        for scope in scopes
        for person, spellings in people.items()
        if d.dice.random() < 0.6
    )
    rows = _rows(d, people, count)
    bogus, held = _flood(d, people)
    returns, windows, pauses, removal = _returns(d, people, count), _windows(d), _pauses(d), _removal(d)
    return Plan(rows + bogus, people, records + held, returns, windows, pauses, removal, bystanders)


def _rows(d: _Draw, people: dict[int, tuple[str, ...]], count: int) -> tuple[Row, ...]:
    rows: list[Row] = []
    bursts = [d.moment() for _ in range(min(40, 1 + d.s.events // 8))]
    while len(rows) < d.s.events:
        arrives = d.dice.choice(bursts) + timedelta(seconds=d.dice.randrange(3))
        key = f"wp:{len(rows)}"
        if d.dice.random() < 0.03:
            kind, email = d.dice.choice(MALFORMED)
            rows.append(Row(key, kind, email, arrives, None, None, True))
            continue
        person = d.dice.randrange(count)
        kind = d.dice.choices(("erasure", "objection"), (65, 35))[0]
        # some requests lay on a desk for weeks; a few carry a time that cannot be true
        late = arrives - timedelta(days=d.dice.uniform(1, 33)) if d.dice.random() < 0.2 else None
        broken = d.dice.random() < 0.01
        received = datetime(1970, 1, 1, tzinfo=START.tzinfo) if broken else late
        rows.append(Row(key, kind, d.given(people[person]), arrives, received, person, broken))
        if d.dice.random() < 0.08 and len(rows) < d.s.events:  # both rights at once
            other = "objection" if kind == "erasure" else "erasure"
            rows.append(Row(f"wp:{len(rows)}", other, d.given(people[person]), arrives, None, person, False))
    doubled = [row for row in rows if d.dice.random() < 0.05]
    rows += [Row(r.key, r.kind, r.email, d.moment(), None, r.person, r.malformed) for r in doubled]
    return tuple(rows)


def _flood(d: _Draw, people: dict[int, tuple[str, ...]]) -> tuple[tuple[Row, ...], tuple[Record, ...]]:
    """Add people who are readers and ask for nothing; return the requests that a bug makes of them, and their records.

    Without a flood nothing is drawn: a scenario is then what it was.
    """
    rows, records = [], []
    when = d.moment(0.2, 0.6) if d.s.flood else START
    for number in range(d.s.flood):
        person = len(people)
        people[person] = (f"reader{number}@people.test",)
        rows.append(Row(f"{FLOOD}{number}", "erasure", people[person][0], when, None, person, False))
        for account, scopes in d.s.scopes.items():
            records.append(Record(account, scopes[0], people[person][0], person, "subscribed", None, START))
    return tuple(rows), tuple(records)


def _returns(d: _Draw, people: dict[int, tuple[str, ...]], count: int) -> tuple[tuple[datetime, Record], ...]:
    returns = []
    for _ in range(max(1, d.s.events // 8)):
        when, person = d.moment(0.05), d.dice.randrange(count)
        account = d.dice.choice(sorted(d.s.scopes))
        consented = d.dice.random() < 0.25
        opt_in = when if consented else d.dice.choice((None, START - timedelta(days=500)))
        scope = d.dice.choice(d.s.scopes[account])
        record = Record(account, scope, d.dice.choice(people[person]), person, "subscribed", opt_in, when)
        returns.append((when, record))
    return tuple(returns)


def _windows(d: _Draw) -> tuple[Window, ...]:
    if not d.s.bad_days:
        return ()
    windows = []
    for kind, account, days in (
        ("outage", "shop" if d.s.shop else "newsletter", 3.0), ("outage", "crm", 0.4), ("revoked", "newsletter", 2.0),
        ("slow", "crm", 1.5), ("slow", "newsletter", 1.0), ("allowance", "crm", 4.0), ("revoked", "crm", 0.3),
    ):  # fmt: skip
        start = d.moment(0.0, 0.85)
        windows.append(Window(kind, account, start, start + timedelta(days=days * d.s.days / 21)))
    return tuple(windows)


def _pauses(d: _Draw) -> tuple[Window, ...]:
    account = d.dice.choice(sorted(d.s.scopes))
    start = d.moment(0.1, 0.8)
    return (Window("pause", account, start, start + timedelta(days=d.dice.uniform(0.1, 2.0))),)


def _removal(d: _Draw) -> Window | None:
    start = d.moment(0.2, 0.7)
    chosen = d.s.shop and d.dice.random() < 0.6
    return Window("removed", "shop", start, start + timedelta(days=d.dice.uniform(0.2, 1.5))) if chosen else None
