"""Entries of the log as the pages read them.

SQLite holds anything in any column, and whoever writes there knows no key: an altered entry is shown as what it is, and
keeps no other from being shown. That it was altered is what the verification says.
"""

from __future__ import annotations

import json
from typing import Any

from syncer.audit.ledger import LogEntry, Stamp


def entry_of(seq: int, at: Any, what: Any, event: Any, destination: Any, body: Any) -> LogEntry:
    """Return an entry as it is read; one whose body is no JSON has no facts."""
    content = content_of(body)
    actor, facts = content.get("actor"), content.get("facts")
    return LogEntry(
        seq,
        stamp_of(at),
        text_of(what),
        None if event is None else text_of(event),
        None if destination is None else text_of(destination),
        actor if isinstance(actor, dict) else None,
        facts if isinstance(facts, dict) else None,
    )


def content_of(body: Any) -> dict[str, Any]:
    """Return what the body of an entry says; nothing where it was purged, or where somebody wrote something else."""
    try:
        found = json.loads(body) if body else {}
    except (ValueError, TypeError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def text_of(held: Any) -> str:
    """Return a text as it stands in a column, and what is none in a form that can be read."""
    return held.decode("utf-8", "backslashreplace") if isinstance(held, bytes) else str(held)


def stamp_of(held: Any) -> Stamp:
    """Return when an entry says that it was written."""
    return Stamp(text_of(held))
