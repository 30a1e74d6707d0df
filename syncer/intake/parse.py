"""An untrusted queue row becomes an event, or a held one with the reason."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import astuple, replace
from datetime import datetime, timedelta

from uuid_utils.compat import uuid7

from adapters.contract import Action
from syncer.domain.codes import NO_DESTINATION
from syncer.domain.deadlines import Rule, local_day
from syncer.domain.model import NewEvent, Plan
from syncer.domain.rights import ACCEPTED_RIGHTS, Right
from syncer.errors import AddressError, SealError
from syncer.events.store import AcceptedEvent
from syncer.intake.queue import QueueRow, moment
from syncer.intake.vouching import is_vouched
from syncer.language.texts import Sentence
from syncer.log import get_logger
from syncer.privacy.damage import usable
from syncer.privacy.keyring import Keyring, is_known_as
from syncer.privacy.sealed import SealedRequest
from syncer.settings.destinations import Destination

#: a request outside this span was not received then: the producer's clock or its date format is wrong
EARLIEST_YEAR = 2000
FUTURE = timedelta(days=1)
#: how the keys begin that stand for unusable ones
OURS = "row:"


class RowParser:
    """Reads rows for one installation: each event gets a delivery for each of the destinations."""

    def __init__(self, keyring: Keyring, destinations: Mapping[str, Destination], rule: Rule) -> None:
        self._keyring = keyring
        self._destinations = destinations
        self._rule = rule

    def key(self, row: QueueRow) -> str:
        """Return the row's own key, or the one that stands for it where its own cannot be used."""
        # an unusable key is not carried on: an address in it would be printed by `events`
        own = row.event_key
        return self.substitute_key(row) if not own or _unclean(own) or _is_ours(own) else own

    def substitute_key(self, row: QueueRow) -> str:
        """Return a key that stands for a row: no producer can make it, and no row with other content has it.

        A producer's own key that begins so is replaced as well. Ids come back (a queue that was emptied, a backup put
        back), so all of the row is in it: as a keyed digest, from which nobody can guess an address.
        """
        # no normalised address begins with a NUL, so no pseudonym is ever the same
        digest = self._keyring.ref(chr(0) + ascii(astuple(row))).partition(":")[2]
        return f"{OURS}{_number(row.id)}:{digest}"

    def repeats(self, row: QueueRow, event: NewEvent, earlier: AcceptedEvent) -> bool:
        """Say whether the row, read as `event`, asks for what the earlier event with its key asked for."""
        if event.right != earlier.right or (event.subject is None) != (earlier.subject is None):
            return False
        if earlier.subject is not None:
            return is_known_as(self._keyring, row.email or "", earlier.subject)
        return _shown(row.email or "") == self._address(earlier)

    def _address(self, earlier: AcceptedEvent) -> str | None:
        try:
            return self._keyring.address(earlier.email_sealed, earlier.id) if earlier.email_sealed else ""
        except SealError:
            return None

    def parse(self, row: QueueRow, now: datetime) -> NewEvent:
        """Return the event of a row, a held one where the row cannot be used. `now` is UTC. No row makes this raise."""
        return self._read(row, now, reused=False)

    def reused(self, row: QueueRow, now: datetime) -> NewEvent:
        """Return the held event of a row whose key belongs to another request, under a key of its own."""
        return self._read(row, now, reused=True)

    def _read(self, row: QueueRow, now: datetime, *, reused: bool) -> NewEvent:
        try:
            return self._event(row, now, reused)
        except Exception as error:  # noqa: BLE001 — a bug in the reading must not bring the row back for ever
            get_logger("syncer.intake").exception("intake.crashed", error=type(error).__name__)
            why = f"the row could not be read ({type(error).__name__})"
            key = self.substitute_key(row) if reused else self.key(row)
            return replace(
                self.bare(row, now, why),
                event_key=key,
                queue_id=_number(row.id),
                source=kept_text(row.source, 64),
                source_ref=kept_text(row.source_ref, 191),
            )

    def bare(self, row: QueueRow, now: datetime, why: str = "the database refuses what else the row says") -> NewEvent:
        """Return a held event with nothing of the row but its address, sealed: what every database can write."""
        event_id = str(uuid7())
        return NewEvent(
            id=event_id,
            event_key=self.substitute_key(row),
            right=None,
            subject=None,
            email_sealed=self._sealed(row, event_id, None, now),
            received_at=now,
            due_on=now.date(),
            source=None,
            source_ref=None,
            queue_id=None,
            plans=self._plans(None),
            code="malformed",
            detail=why,
        )

    def _event(self, row: QueueRow, now: datetime, reused: bool) -> NewEvent:
        event_id = str(uuid7())
        right = Right(row.kind) if row.kind in set(ACCEPTED_RIGHTS) else None
        given, problems = _received(row, now)
        # a producer's clock must not make a request newer than a consent that came after it
        received = min(given, now)
        due = self._rule.due(received)
        subject = None
        if right is None:
            problems.append("kind: neither erasure nor objection")
        if not row.event_key or _unclean(row.event_key):
            problems.append("event_key: missing, or no clean text")
        if reused:
            problems.append("event_key: used before, for another request")
        try:
            # no pseudonym for a damaged address: it would stand for somebody else once the right one is brought
            subject = self._keyring.ref(usable(row.email or "", as_written=is_vouched(self._keyring, row)))
        except AddressError as error:
            problems.append(f"email: the address cannot be used ({error.code})")
        return NewEvent(
            id=event_id,
            event_key=self.substitute_key(row) if reused else self.key(row),
            right=right,
            subject=subject,
            # even an unusable address is kept, sealed: a person may be able to read what was meant
            email_sealed=self._sealed(row, event_id, right, received),
            received_at=received,
            due_on=due.on,
            legal_due_on=due.legal_on,
            due_rule=due.rule,
            source=kept_text(row.source, 64),
            source_ref=kept_text(row.source_ref, 191),
            queue_id=_number(row.id),
            plans=self._plans(right),
            code="malformed" if problems else None if self._destinations else NO_DESTINATION,
            detail="; ".join(problems),
            received_as_given=given if given > now else None,
            urgent_on=max(due.on, local_day(now, self._rule.zone)),
        )

    def _sealed(self, row: QueueRow, event_id: str, right: Right | None, received: datetime) -> str | None:
        if not row.email:
            return None
        actions = {plan.destination: plan.action for plan in self._plans(right)}
        return self._keyring.seal(SealedRequest(_shown(row.email), right, received, actions), event_id)

    def _plans(self, right: Right | None) -> tuple[Plan, ...]:
        return tuple(
            Plan(name, destination.adapter, _action(destination, right))
            for name, destination in self._destinations.items()
        )


def _action(destination: Destination, right: Right | None) -> Action | None:
    if right is None:
        return None
    return destination.erasure if right is Right.ERASURE else destination.objection


def _is_ours(key: str) -> bool:
    """Say whether a key begins as ours do, or may count as such where a database compares letters loosely."""
    return unicodedata.normalize("NFKC", key).strip().casefold().startswith(OURS)


def _number(row_id: object) -> int | None:
    """Return the id of a row where our own table can hold it: a queue that somebody else made may number otherwise."""
    return row_id if type(row_id) is int and -(2**63) <= row_id < 2**63 else None


def _unclean(text: str) -> bool:
    return "@" in text or not text.isprintable() or len(text) > 191


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def kept_text(text: str | None, longest: int) -> str | None:
    """Return a producer's text as it is kept: at most so many characters, all of them visible, and no address."""
    if text is None:
        return None
    shown = "".join(c if c.isprintable() else "�" for c in _shown(text))
    return ("[address]" if "@" in shown else shown)[:longest]


def time_problem(received: datetime, now: datetime) -> str | None:
    """Return what is wrong with the time (UTC) at which a request is said to have been received; None for nothing."""
    if received.year < EARLIEST_YEAR:
        return Sentence("before the year {year}", year=EARLIEST_YEAR)
    return Sentence("more than a day in the future") if received > now + FUTURE else None


def _received(row: QueueRow, now: datetime) -> tuple[datetime, list[str]]:
    try:
        received = moment(row.received_at) or moment(row.created_at) or now
    except ValueError:
        return now, ["received_at: not a time"]
    problem = time_problem(received, now)
    return (now, [f"received_at: {problem}"]) if problem else (received, [])
