"""Addresses sealed with their requests, and opened only where a row still says what the person asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from typing import Protocol

import sqlalchemy as sa

from syncer.audit.ledger import Ledger
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.errors import AddressError, SealError
from syncer.events.testimony import Testimony
from syncer.privacy.keyring import Keyring, is_known_as
from syncer.privacy.sealed import SealedRequest


class Asked(Protocol):
    """What a row says is to be done: about which event and person, where, what, by which right, received when (UTC)."""

    @property
    def event_id(self) -> str: ...
    @property
    def subject(self) -> str | None: ...
    @property
    def destination(self) -> str: ...
    @property
    def action(self) -> str | None: ...
    @property
    def right(self) -> str | None: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def email_sealed(self) -> str | None: ...


class Accord(Enum):
    """How a row stands to what was sealed, or received by the log."""

    AGREES = auto()
    #: it asks for something else
    DIFFERS = auto()
    #: it names another person
    STRANGER = auto()
    #: neither seal nor log know the request any more
    UNKNOWN = auto()


class Seals:
    """Seals and opens the addresses of one installation.

    Whoever writes the database without the key can change a row, but not what was sealed, nor an entry of the log:
    these say who asked for what, and a row that says otherwise is not acted on. The web console opens nothing: there
    the log alone is asked, what it knows nothing of is nobody's, and the lane asks the seal before it acts.
    """

    def __init__(self, engine: sa.Engine, tables: Tables, keyring: Keyring, ledger: Ledger) -> None:
        self.keyring = keyring
        self._testimony = Testimony(tables, ledger)
        self._engine = engine
        self._tables = tables

    def open(self, row: Asked) -> str:
        """Return the address of a row that is about to be acted on. Raises SealError.

        Also where person, right, action or time of receipt differ from those that were sealed.
        """
        if row.email_sealed is None:
            raise SealError("no address is kept")
        request = self._opened(row.email_sealed, row.event_id)
        if not request.asks(row.destination, row.action, row.right, row.received_at):
            raise SealError("the row does not say what was sealed")
        if not self._is_named(row, request.address):
            raise SealError("the row names another person than was sealed")
        return request.address

    @property
    def opens(self) -> bool:
        """Say whether this process can ask the seals."""
        return self.keyring.opens

    def accord(self, row: Asked) -> Accord:
        """Say how a row stands to what is sealed with its event, or else to what the log received."""
        with reading(self._engine) as connection:
            request = self._kept(row.email_sealed, row.event_id) or self._request(connection, row.event_id)
            if request is None:
                return Accord.UNKNOWN
            if not self.is_of(connection, row.event_id, row.subject, row.email_sealed):
                return Accord.STRANGER
        asks = request.asks(row.destination, row.action, row.right, row.received_at)
        return Accord.AGREES if asks else Accord.DIFFERS

    def is_of(self, connection: sa.Connection, event_id: str, subject: str | None, sealed: str | None) -> bool:
        """Say whether an event is of this person, as far as seal or log still know; None is nobody's pseudonym."""
        kept = self._kept(sealed, event_id)
        if kept is not None:
            return self._names(connection, event_id, subject, kept.address)
        received = self._testimony.received(connection, event_id)
        return self.opens if received is None else received.subject == subject

    def again(self, connection: sa.Connection, event_id: str, address: str) -> str:
        """Return the seal of an address that comes again, with the request of its event. Raises SealError.

        Where neither seal nor log know the request any more, the rows say it. The address must be that of the person
        whom row and log name, if they name one: it may be another's that somebody wrote there.
        """
        e = self._tables.event.c
        columns = (e.right, e.received_at, e.email_sealed, e.subject)
        event = connection.execute(sa.select(*columns).where(e.id == event_id)).one()
        kept, received = self._kept(event.email_sealed, event_id), self._testimony.received(connection, event_id)
        if received is not None:
            known = received.subject
        else:  # then the seal alone can say who it was
            known = event.subject
            if kept is not None and known is not None and not self._is(kept.address, known):
                raise SealError("the row names another person than was sealed")
        if not all(each is None or self._is(address, each) for each in (event.subject, known)):
            raise SealError("the address is not that of who asked")
        request = kept or (received.request if received else None)
        if request is None:
            request = SealedRequest("", event.right, event.received_at, self._actions(connection, event_id))
        return self.keyring.seal(replace(request, address=address), event_id)

    def renewed(self, connection: sa.Connection, event_id: str, sealed: str) -> str:
        """Return what was sealed in an older way, or with an older key, sealed as it is now. Raises SealError.

        The log must know the person and the request: a key that is being replaced may be in other hands. What a retired
        one sealed stays as it is: all that was true was sealed anew before it was retired.
        """
        address = self.keyring.address(sealed, event_id, in_use=True)
        received = self._testimony.received(connection, event_id)
        if received is None or not (received.subject is None or self._is(address, received.subject)):
            raise SealError("the log does not know the request, or this is not who asked")
        return self.keyring.seal(replace(received.request, address=address), event_id)

    def _opened(self, sealed: str, event_id: str) -> SealedRequest:
        if not self.keyring.is_old(sealed):
            return self.keyring.open(sealed, event_id)
        address = self.keyring.open_old(sealed, event_id)
        with reading(self._engine) as connection:
            request = self._request(connection, event_id)
        if request is None:
            raise SealError("the log does not know the request")
        return replace(request, address=address)

    def _kept(self, sealed: str | None, event_id: str) -> SealedRequest | None:
        """Return what is sealed with an event; None for nothing that opens."""
        try:
            return self.keyring.open(sealed, event_id) if sealed else None
        except SealError:
            return None

    def _request(self, connection: sa.Connection, event_id: str) -> SealedRequest | None:
        received = self._testimony.received(connection, event_id)
        return received.request if received else None

    def _is_named(self, row: Asked, address: str) -> bool:
        if row.subject is not None:  # nearly always; it takes no look into the database
            return self._is(address, row.subject)
        with reading(self._engine) as connection:
            return self._names(connection, row.event_id, None, address)

    def _names(self, connection: sa.Connection, event_id: str, subject: str | None, address: str) -> bool:
        """Say whether a row's pseudonym is one of the sealed address, or is None because that was never usable."""
        if subject is not None:
            return self._is(address, subject)
        received = self._testimony.received(connection, event_id)
        return received is None or received.subject is None

    def _is(self, address: str, subject: str) -> bool:
        try:
            return is_known_as(self.keyring, address, subject)
        except AddressError:
            return False

    def _actions(self, connection: sa.Connection, event_id: str) -> Mapping[str, str | None]:
        d = self._tables.delivery.c
        rows = connection.execute(sa.select(d.destination, d.action).where(d.event_id == event_id))
        return {row.destination: row.action for row in rows}
