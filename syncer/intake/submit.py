"""`syncer submit`: addresses become queue rows, as a producer would write them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from uuid_utils.compat import uuid7

from syncer.errors import AddressError, UserError
from syncer.intake.parse import kept_text, time_problem
from syncer.intake.queue import Queue, RowRefused
from syncer.intake.vouching import vouched_key
from syncer.language.texts import Sentence
from syncer.privacy.addresses import normalise
from syncer.privacy.damage import damage, usable
from syncer.privacy.keyring import Keyring

#: characters that the queue's columns hold; a longer address is none, and stays too long when it is cut
LONGEST_STORED = 320
LONGEST_SOURCE = 64
LONGEST_REF = 191


@dataclass(frozen=True, slots=True)
class Submission:
    """What all addresses of one `submit` share.

    `right` is `erasure` or `objection`; `ref` is the operator's own reference: the same reference again means the
    same request. Times UTC. `as_written`: a person vouches that addresses which look damaged are right. `form` stands
    for a form that was filled in: sent again it is the same request, too.
    """

    right: str
    source: str
    ref: str | None
    received_at: datetime
    created_at: datetime
    as_written: bool = False
    form: str | None = None


def require_usable(submission: Submission) -> None:
    """Raise UserError for an option that the intake would hold the requests for, or would not keep as it was typed."""
    problem = time_problem(submission.received_at, submission.created_at)
    if problem:
        raise UserError(
            Sentence(
                "this is {problem}; write when you received the requests, or leave it out for now",
                "--received: ",
                problem=problem,
            )
        )
    for option, text, longest in (
        ("--source", submission.source, LONGEST_SOURCE),
        ("--ref", submission.ref, LONGEST_REF),
    ):
        if text is None or (text.strip() and kept_text(text, longest) == text):
            continue
        before = f"{option}: "
        if "@" in text:
            raise UserError(Sentence("no addresses, please: it is kept and shown for years", before))
        if len(text) > longest:
            raise UserError(
                Sentence(
                    "{number} characters, and {longest} are kept; shorten it",
                    before,
                    number=len(text),
                    longest=longest,
                )
            )
        raise UserError(
            Sentence("plain text, please, neither empty nor with control characters; or leave it out", before)
        )


def submit(
    queue: Queue,
    keyring: Keyring,
    submission: Submission,
    lines: Sequence[tuple[int, str]],
    withdrawn: Callable[[Sequence[str]], Sequence[str]],
) -> tuple[list[str], list[tuple[int, str]]]:
    """Insert the rows; return their event keys, and (line number, why) of those that will be held as malformed.

    The submission has passed `require_usable`. `withdrawn` returns the ids of the events with one of these keys that
    were withdrawn: under such a key a request would be taken for the old one, and never be carried out.

    Raises UserError, with nothing inserted, for a row that the table refuses, and for one that was withdrawn.
    """
    rows: list[dict[str, Any]] = []
    doubtful: list[tuple[int, str]] = []
    for number, given in lines:
        address = _storable(given)[:LONGEST_STORED]
        key = None
        try:
            key = _vouched(keyring, submission, address)
            person = keyring.ref(usable(address, as_written=key is not None))
        except AddressError as error:
            doubtful.append((number, error.code))
            person = keyring.ref(f"line {number}: {given!r}")
        rows.append(
            {
                "event_key": key or _key(submission, person),
                "kind": submission.right,
                "email": address,
                "received_at": submission.received_at,
                "source": submission.source,
                "source_ref": submission.ref,
                "created_at": submission.created_at,
            }
        )
    if submission.ref is not None and (gone := withdrawn([row["event_key"] for row in rows])):
        raise UserError(
            Sentence(
                "the request with this reference was withdrawn (event {event}); give another --ref. Nothing was queued",
                "--ref: ",
                event=gone[0],
            )
        )
    try:
        queue.insert(rows)
    except RowRefused as refused:
        number = next(number for (number, _), row in zip(lines, rows, strict=True) if row is refused.row)
        before = f"line {number}: "
        raise UserError(
            Sentence(
                "the queue table refuses this row ({why}); look for a constraint or a trigger that somebody added to"
                " it. Nothing was queued",
                before,
                why=refused.why,
            )
        ) from None
    return [row["event_key"] for row in rows], doubtful


def _storable(text: str) -> str:
    """Return the text as every database takes it.

    Octets that are not UTF-8, and NUL, stay visible, and unusable in an address, instead of making it another.
    """
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _vouched(keyring: Keyring, submission: Submission, address: str) -> str | None:
    """Return the key of a row whose damage a person vouches for; None for every other. Raises AddressError."""
    if not submission.as_written or not damage(address):
        return None
    return vouched_key(keyring, address, _own(submission, keyring.ref(normalise(address))))


def _own(submission: Submission, person: str) -> str:
    return f"{submission.right}-{_same_again(submission, person) or uuid7()}"


def _key(submission: Submission, person: str) -> str:
    again = _same_again(submission, person)
    return f"submit:{uuid7()}" if again is None else f"submit:{submission.right}:{again}"


def _same_again(submission: Submission, person: str) -> str | None:
    """Return what tells a request from others, where it would be the same again; None where each is another one."""
    own = submission.form if submission.ref is None else submission.ref
    if own is None:
        return None
    # the same --ref again means the same request; the pseudonym is keyed, so the key tells nobody the address
    return hashlib.sha256(f"{own}|{person}".encode("utf-8", "backslashreplace")).hexdigest()[:40]
