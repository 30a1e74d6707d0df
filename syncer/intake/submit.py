"""`syncer submit`: addresses, one a line, become queue rows, as a producer would write them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from uuid_utils.compat import uuid7

from syncer.errors import AddressError, UserError
from syncer.intake.queue import Queue
from syncer.privacy.addresses import normalise
from syncer.privacy.keyring import Keyring


def addresses(lines: Iterable[str]) -> list[tuple[int, str]]:
    """Return (line number, address) without blank lines and `#` comments. Raises UserError when none is left."""
    stripped = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    numbered = [(number, text) for number, text in stripped if text and not text.startswith("#")]
    if not numbered:
        raise UserError("no address was given; write one a line to stdin, or name a file with --file")
    return numbered


@dataclass(frozen=True, slots=True)
class Submission:
    """What all addresses of one `submit` share.

    `right` is `erasure` or `objection`; `ref` is the operator's own reference: the same reference again means the
    same request. Times UTC.
    """

    right: str
    source: str
    ref: str | None
    received_at: datetime
    created_at: datetime


def submit(
    queue: Queue, keyring: Keyring, submission: Submission, lines: Sequence[tuple[int, str]]
) -> tuple[list[str], list[int]]:
    """Insert the rows; return their event keys and the numbers of the lines that will be held as malformed."""
    rows: list[dict[str, Any]] = []
    doubtful: list[int] = []
    for number, address in lines:
        try:
            person = keyring.ref(normalise(address))
        except AddressError:
            doubtful.append(number)
            person = keyring.ref(f"line {number}: {address!r}")
        rows.append(
            {
                "event_key": _key(submission, person),
                "kind": submission.right,
                # bytes that are not UTF-8 stay visible, and unusable, instead of becoming another address
                "email": address.encode("utf-8", "backslashreplace").decode()[:320],
                "received_at": submission.received_at,
                "source": submission.source,
                "source_ref": submission.ref,
                "created_at": submission.created_at,
            }
        )
    queue.insert(rows)
    return [row["event_key"] for row in rows], doubtful


def _key(submission: Submission, person: str) -> str:
    if submission.ref is None:
        return f"submit:{uuid7()}"
    # the same --ref again means the same request; the pseudonym is keyed, so the key tells nobody the address
    digest = hashlib.sha256(f"{submission.ref}|{person}".encode()).hexdigest()
    return f"submit:{submission.right}:{digest[:40]}"
