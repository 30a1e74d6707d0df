"""`syncer submit`: addresses, one a line, become queue rows, as a producer would write them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from uuid_utils.compat import uuid7

from syncer.errors import AddressError, UserError
from syncer.privacy.addresses import normalise

if TYPE_CHECKING:
    from syncer.app import App


def addresses(lines: Iterable[str]) -> list[tuple[int, str]]:
    """Return (line number, address) without blank lines and `#` comments. Raises UserError when none is left."""
    found = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    kept = [(number, text) for number, text in found if text and not text.startswith("#")]
    if not kept:
        raise UserError("no address was given; write one a line to stdin, or name a file with --file")
    return kept


def submit(
    app: App,
    kind: str,
    lines: Sequence[tuple[int, str]],
    *,
    source: str,
    ref: str | None,
    received_at: datetime | None,
) -> tuple[list[str], list[int]]:
    """Insert the rows; returns their event keys and the numbers of lines that will be held as malformed."""
    rows: list[dict[str, Any]] = []
    doubtful: list[int] = []
    for number, address in lines:
        try:
            person = app.keyring.ref(normalise(address))
        except AddressError:
            doubtful.append(number)
            person = app.keyring.ref(f"line {number}: {address!r}")
        rows.append(
            {
                "event_key": _key(kind, ref, person),
                "kind": kind,
                # bytes that are no UTF-8 stay visible, and unusable, instead of becoming another address
                "email": address.encode("utf-8", "backslashreplace").decode()[:320],
                "received_at": received_at,
                "source": source,
                "source_ref": ref,
                "created_at": app.clock(),
            }
        )
    app.queue.insert(rows)
    return [row["event_key"] for row in rows], doubtful


def _key(kind: str, ref: str | None, person: str) -> str:
    if ref is None:
        return f"submit:{uuid7()}"
    # the same --ref again is the same request; the pseudonym is keyed, so the key tells nobody the address
    return f"submit:{kind}:{hashlib.sha256(f'{ref}|{person}'.encode()).hexdigest()[:40]}"
