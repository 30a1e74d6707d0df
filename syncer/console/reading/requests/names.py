"""Requests by what people call them: a case number, the beginning of an id, a request's number in WordPress."""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from syncer.database.bulk import by_index
from syncer.database.tables import Tables
from syncer.reports.reader import MOST_ENTRIES, RECEIVED
from syncer.reports.wording.cases import case_number

#: a request of WordPress: the number of its site, and its own
_WORDPRESS = re.compile(r"[0-9]{1,19}:[0-9]{1,19}")
_ID = re.compile(r"[0-9a-f-]{6,36}")
#: requests that a beginning of an id may stand for; more are a list of a page and another one
MOST = 200


def is_name(text: str) -> bool:
    """Say whether a text can name a request."""
    return case_number(text) is not None or bool(_WORDPRESS.fullmatch(text) or _ID.fullmatch(text))


def ids_named(connection: sa.Connection, tables: Tables, text: str) -> list[Any]:
    """Return the ids of the requests that a text names, at most MOST; each way of reading it is tried."""
    e, t = tables.event.c, tables.audit.c
    number = case_number(text)
    found: list[Any] = []
    if number is not None and number <= MOST_ENTRIES:
        received = sa.select(t.event_id).where(t.seq == number, t.what == RECEIVED, t.event_id.is_not(None))
        found += connection.execute(received).scalars().all()
    refs = [f"1:{number}", str(number)] if number is not None else []
    if _WORDPRESS.fullmatch(text):
        refs = [text]
    if refs:
        named = sa.select(e.id).where(e.source_ref.in_(refs)).order_by(e.id.desc()).limit(MOST)
        # by the order alone an engine would walk through all ids until it found enough
        named = by_index(named, tables.event, f"ix_{tables.prefix}event_source_ref")
        found += connection.execute(named).scalars().all()
    if _ID.fullmatch(text):
        # the range is what an index answers, whatever the order of letters: no id has a character behind f
        alike = sa.select(e.id).where(e.id >= text, e.id < f"{text}g", e.id.startswith(text))
        found += connection.execute(alike.order_by(e.id.desc()).limit(MOST)).scalars().all()
    return list(dict.fromkeys(found))[:MOST]
