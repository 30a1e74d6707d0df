"""The named points of the walk, and how a worker is made to die at the n-th passing of one.

Nothing of it is in the product: commits are seen through SQLAlchemy's dialect, calls through a delegating adapter,
requests through the HTTP library. What a commit is follows from who asked for it (the functions on the stack) and
from the audit words that it carries.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from adapters.contract import Action, Adapter, Check, Limits, Preview, Receipt, Seen, Subject, nameless
from syncer.database.column_types import RowsLiteral

#: a commit of one of these functions has the name beside it
FUNCTIONS = {
    ("leases", "ensure"): "leases.ensure",
    ("leases", "acquire"): "leases.acquire",
    ("leases", "renew"): "leases.renew",
    ("leases", "release"): "leases.release",
    ("balance", "arrive"): "daemons.arrive",
    ("balance", "beat"): "daemons.beat",
    ("balance", "leave"): "daemons.leave",
    ("take", "_transact"): "intake.take",
    ("store", "start_rechecks"): "recheck",
    ("resync", "apply"): "resync",
    ("daemon", "_audit"): "daemon.audit",
    ("lane", "_write"): "lane.commit",
}
#: an audit word in a lane's commit gives it these further names
WORDS = {
    "delivery:attempted": "lane.begin",
    "delivery:applied": "lane.applied",
    "delivery:confirmed": "lane.confirmed",
    "event:fulfilled": "settle",
    "identity:shredded": "shred",
    "guard:tripped": "guard.trip",
}
DRAIN = (
    "leases.ensure", "leases.acquire", "leases.release", "lane.commit", "lane.begin", "lane.applied",
    "lane.confirmed", "settle", "call.apply", "call.confirm", "http.get", "http.post", "http.delete", "http.patch",
)  # fmt: skip
DAEMON = ("leases.renew", "daemons.arrive", "daemons.beat", "daemons.leave", "daemon.audit")


def sides(*names: str) -> list[str]:
    """Return each point as what comes before and what comes after it."""
    return [f"{side} {name}" for name in names for side in ("before", "after")]


class Points:
    """Counts the passings of one process, writes them to `log`, and kills the process at the one it is to die at."""

    def __init__(self, log: Path, point: str | None = None, passing: int = 1) -> None:
        self._log = log.open("ab", buffering=0)
        self._point = point
        self._passing = passing
        self._lock = threading.Lock()
        self._seen: Counter[str] = Counter()

    def passed(self, name: str) -> None:
        """Note one passing. Does not return where the process dies."""
        with self._lock:
            self._seen[name] += 1
            self._log.write(f"{name}\n".encode())
            if name == self._point and self._seen[name] == self._passing:
                os.kill(os.getpid(), signal.SIGKILL)
                signal.pause()

    @contextmanager
    def around(self, names: Iterable[str]) -> Any:
        """Note what comes before and after the block under each name."""
        all_names = list(names)
        for name in all_names:
            self.passed(f"before {name}")
        yield
        for name in all_names:
            self.passed(f"after {name}")


def passings(log: Path) -> Counter[str]:
    """Return how often each point was passed, by what a process wrote before it ended."""
    return Counter(log.read_text("ascii").splitlines()) if log.exists() else Counter()


def trace_commits(engine: sa.Engine, points: Points, apart: str | None = None) -> None:
    """Pass a point before and after each commit of the engine; `apart` names those of a queue's own database."""
    words: dict[int, set[str]] = {}

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _statement(connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if statement.startswith("INSERT INTO") and "mac" in statement and "leaf" in statement:
            rows = parameters if isinstance(parameters, list) else [parameters]
            text = "\n".join(_shown(value) for row in rows for value in _values(row))
            key = id(connection.connection.dbapi_connection)
            # one value a row, or on PostgreSQL all of a column in one, and on MariaDB all rows, in hexadecimal digits
            words.setdefault(key, set()).update(w for w in WORDS if w in text or w.encode().hex() in text)

    @sa.event.listens_for(engine, "rollback")
    def _undone(connection: Any) -> None:
        words.pop(id(connection.connection.dbapi_connection), None)

    plain = engine.dialect.do_commit

    def commit(connection: Any) -> None:
        raw = getattr(connection, "dbapi_connection", connection)
        carried = words.pop(id(raw), set())
        with points.around([apart] if apart else _names(carried)):
            plain(connection)

    engine.dialect.do_commit = commit  # type: ignore[method-assign]


def _values(row: Any) -> Iterable[Any]:
    return row.values() if isinstance(row, Mapping) else row


def _shown(value: Any) -> str:
    if isinstance(value, RowsLiteral):
        return value.literal(None)
    return value if isinstance(value, str) else ""


def _names(words: set[str]) -> list[str]:
    """Return the names of the commit that is about to happen."""
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "").rpartition(".")[2]
        if (name := FUNCTIONS.get((module, frame.f_code.co_name))) is not None:
            further = [WORDS[word] for word in sorted(words)] if name == "lane.commit" else []
            return [name, *further]
        frame = frame.f_back  # type: ignore[assignment]
    return []


def trace_requests(points: Points) -> None:
    """Pass a point before and after each HTTP request."""
    plain: Callable[..., Any] = requests.adapters.HTTPAdapter.send

    @functools.wraps(plain)
    def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        with points.around([f"http.{request.method.lower()}"]):
            return plain(self, request, *args, **kwargs)

    requests.adapters.HTTPAdapter.send = send  # type: ignore[method-assign]


class TracedAdapter(Adapter):
    """An adapter as it is, with a point before and after each of its verbs."""

    name = "traced"
    actions = frozenset(Action)
    options: Mapping[str, str] = {}  # type: ignore[misc]

    def __init__(self, inner: Adapter, points: Points) -> None:
        self._inner = inner
        self._points = points

    @classmethod
    def configured(cls, options: Mapping[str, Any], api_key: str) -> Adapter:
        raise NotImplementedError("it wraps one that is configured")

    @property
    def limits(self) -> Limits:
        return self._inner.limits

    def apply(self, action: Action, subject: Subject, received_at: datetime) -> Receipt:
        with self._points.around(["call.apply"]):
            return self._inner.apply(action, subject, received_at)

    def preview(self, action: Action, subject: Subject, received_at: datetime) -> Preview:
        return self._inner.preview(action, subject, received_at)

    def confirm(self, action: Action, subject: Subject, applied: Receipt | None = None) -> Receipt:
        with self._points.around(["call.confirm"]):
            return self._inner.confirm(action, subject, applied)

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        return self._inner.changed(since, after)

    def opted_in(self, subject: Subject) -> datetime | None:
        return self._inner.opted_in(subject)

    def ping(self) -> None:
        self._inner.ping()

    def check(self, label: Callable[[str], str] = nameless) -> list[Check]:
        return self._inner.check(label)

    def close(self) -> None:
        self._inner.close()
