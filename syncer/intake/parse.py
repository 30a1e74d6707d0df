"""An untrusted queue row becomes an event, or a held one with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from uuid_utils.compat import uuid7

from adapters.contract import Action
from syncer.domain.deadlines import Rule
from syncer.domain.model import NewEvent, Plan
from syncer.domain.rights import ACCEPTED_RIGHTS, Right
from syncer.errors import AddressError
from syncer.intake.queue import QueueRow, moment
from syncer.intake.vouching import is_vouched
from syncer.log import get_logger
from syncer.privacy.damage import usable
from syncer.privacy.keyring import Keyring
from syncer.settings.destinations import Destination

#: a request outside this span was not received then: the producer's clock or its date format is wrong
EARLIEST_YEAR = 2000
FUTURE = timedelta(days=1)


class RowParser:
    """Reads rows for one installation: each event gets a delivery for each of the destinations."""

    def __init__(self, keyring: Keyring, destinations: Mapping[str, Destination], rule: Rule) -> None:
        self._keyring = keyring
        self._destinations = destinations
        self._rule = rule

    def parse(self, row: QueueRow, now: datetime) -> NewEvent:
        """Return the event of a row, a held one where the row cannot be used. `now` is UTC. No row makes this raise."""
        try:
            return self._event(row, now)
        except Exception as error:  # noqa: BLE001 — a bug in the reading must not bring the row back for ever
            get_logger("syncer.intake").exception("intake.crashed", error=type(error).__name__)
            event_id = str(uuid7())
            return NewEvent(
                id=event_id,
                event_key=event_key(row),
                right=None,
                subject=None,
                email_sealed=self._keyring.seal(_shown(row.email), event_id) if row.email else None,
                received_at=now,
                due_on=now.date(),
                source=_clean(row.source, 64),
                source_ref=_clean(row.source_ref, 191),
                queue_id=row.id,
                plans=self._plans(None),
                code="malformed",
                detail=f"the row could not be read ({type(error).__name__})",
            )

    def _event(self, row: QueueRow, now: datetime) -> NewEvent:
        event_id = str(uuid7())
        right = Right(row.kind) if row.kind in set(ACCEPTED_RIGHTS) else None
        received, problems = _received(row, now)
        due = self._rule.due(received)
        subject = None
        if right is None:
            problems.append("kind is neither erasure nor objection")
        if not row.event_key or _unclean(row.event_key):
            problems.append("event_key is missing or no clean text")
        try:
            # no pseudonym for a damaged address: it would stand for somebody else once the right one is brought
            subject = self._keyring.ref(usable(row.email or "", as_written=is_vouched(self._keyring, row)))
        except AddressError as error:
            problems.append(f"the address cannot be used ({error.code})")
        return NewEvent(
            id=event_id,
            event_key=event_key(row),
            right=right,
            subject=subject,
            # even an unusable address is kept, sealed: a person may be able to read what was meant
            email_sealed=self._keyring.seal(_shown(row.email), event_id) if row.email else None,
            received_at=received,
            due_on=due.on,
            legal_due_on=due.legal_on,
            due_rule=due.rule,
            source=_clean(row.source, 64),
            source_ref=_clean(row.source_ref, 191),
            queue_id=row.id,
            plans=self._plans(right),
            code="malformed" if problems else None,
            detail="; ".join(problems),
        )

    def _plans(self, right: Right | None) -> tuple[Plan, ...]:
        return tuple(
            Plan(name, destination.adapter, _action(destination, right))
            for name, destination in self._destinations.items()
        )


def _action(destination: Destination, right: Right | None) -> Action | None:
    if right is None:
        return None
    return destination.erasure if right is Right.ERASURE else destination.objection


def event_key(row: QueueRow) -> str:
    """Return the row's own key, or one made of its id where its own cannot be used."""
    # an unusable key is not carried on: an address in it would be printed by `events`
    return f"row:{row.id}" if not row.event_key or _unclean(row.event_key) else row.event_key


def _unclean(text: str) -> bool:
    return "@" in text or not text.isprintable() or len(text) > 191


def _shown(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8")


def _clean(text: str | None, longest: int) -> str | None:
    if text is None:
        return None
    shown = "".join(c if c.isprintable() else "�" for c in _shown(text))
    return ("[address]" if "@" in shown else shown)[:longest]


def _received(row: QueueRow, now: datetime) -> tuple[datetime, list[str]]:
    try:
        received = moment(row.received_at) or moment(row.created_at) or now
    except (ValueError, OverflowError):  # the second for a time that UTC has no year for
        return now, ["received_at is no time"]
    if received.year < EARLIEST_YEAR or received > now + FUTURE:
        return now, ["received_at is before 2000 or in the future"]
    return received, []
