"""The addresses that a resync brings again, from a file: whose events they belong to, and which stay unusable."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.errors import AddressError, SealError, UserError
from syncer.language.texts import Sentence
from syncer.privacy.damage import damage, usable
from syncer.privacy.keyring import Keyring


class BroughtAddresses:
    """Holds addresses against the events of one installation."""

    def __init__(self, engine: sa.Engine, tables: Tables, keyring: Keyring) -> None:
        self._engine = engine
        self._event = tables.event
        self._keyring = keyring

    def damaged(self, held: set[str]) -> dict[str, str]:
        """Return those of the events whose address shows damage, with why they stay held.

        Starting one over would find nobody and call the person gone.
        """
        e = self._event.c
        found: dict[str, str] = {}
        with reading(self._engine) as connection:
            for event_id in sorted(held):
                sealed = connection.execute(sa.select(e.email_sealed).where(e.id == event_id)).scalar()
                sign = damage(self._opened(sealed, event_id))
                if sign:
                    found[event_id] = Sentence(
                        "its address shows damage ({sign}); bring it again with --file", sign=sign
                    )
        return found

    def _opened(self, sealed: str | None, event_id: str) -> str:
        try:
            return self._keyring.address(sealed, event_id) if sealed else ""
        except SealError:  # the lane will say so
            return ""

    def brought(
        self, addresses: Sequence[tuple[str | None, str]], *, as_written: bool
    ) -> tuple[dict[str, str], list[str]]:
        """Match the addresses of a file to events: by the pseudonym, or by the event id that stands before them.

        Return each address by its event, and what was skipped, in words. Raises UserError for an unusable one.
        """
        e = self._event.c
        brought: dict[str, str] = {}
        skipped: list[str] = []
        with reading(self._engine) as connection:
            for number, (event_id, address) in enumerate(addresses, 1):
                refs = self._keyring.refs(_usable(number, address, as_written))
                wanted = e.subject.in_(refs) if event_id is None else e.id == event_id
                rows = connection.execute(sa.select(e.id, e.subject).where(wanted)).all()
                if not rows:
                    skipped.append(f"address {number} of the file: no event has it")
                for row in rows:
                    if row.subject not in (None, *refs):
                        raise UserError(
                            f"resync: address {number} of the file does not belong to event {row.id}; correct it"
                        )
                    brought[row.id] = address
        return brought, skipped


def _usable(number: int, address: str, as_written: bool) -> str:
    try:
        return usable(address, as_written=as_written)
    except AddressError as error:
        sign = damage(address)
        vouch = "; if it is truly written so, vouch for it with --as-written" if sign and not as_written else ""
        raise UserError(
            f"resync: address {number} of the file cannot be used ({error.code}); correct it{vouch}"
        ) from None
