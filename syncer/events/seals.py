"""Addresses sealed with their requests, and opened only where a row still says what the person asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa

from syncer.audit.chain import ZERO, KeyOf, leaf, mac
from syncer.database.connections import reading
from syncer.database.tables import Tables
from syncer.errors import AddressError, SealError
from syncer.privacy.keyring import Keyring, is_known_as
from syncer.privacy.sealed import SealedRequest


class Asked(Protocol):
    """What a row says is to be done: about which event, where, what, by which right and received when (UTC)."""

    @property
    def event_id(self) -> str: ...
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


@dataclass(frozen=True, slots=True)
class _Received:
    """A request as the log received it, without the address, and its person's pseudonym; None if that was unusable."""

    request: SealedRequest
    subject: str | None


class Seals:
    """Seals and opens the addresses of one installation.

    Whoever writes the database without the key can change a row, but not what was sealed, nor an entry of the log:
    these say what was asked for, and a row that says otherwise is not acted on.
    """

    def __init__(self, engine: sa.Engine, tables: Tables, keyring: Keyring, key_of: KeyOf) -> None:
        self.keyring = keyring
        self._key_of = key_of
        self._engine = engine
        self._tables = tables

    def open(self, row: Asked) -> str:
        """Return the address of a row that is about to be acted on. Raises SealError.

        Also where right, action or time of receipt differ from those that were sealed.
        """
        if row.email_sealed is None:
            raise SealError("no address is kept")
        request = self._opened(row.email_sealed, row.event_id)
        if not request.asks(row.destination, row.action, row.right, row.received_at):
            raise SealError("the row does not say what was sealed")
        return request.address

    def agrees(self, row: Asked) -> bool:
        """Say whether a row says what was asked for, as far as seal or log still know; no address is needed."""
        with reading(self._engine) as connection:
            request = self.request(connection, row.event_id, row.email_sealed)
        return request is None or request.asks(row.destination, row.action, row.right, row.received_at)

    def request(self, connection: sa.Connection, event_id: str, sealed: str | None) -> SealedRequest | None:
        """Return what was asked for: as sealed, or else as received by the log; None where both are gone.

        The address is empty.
        """
        try:
            request = self.keyring.open(sealed, event_id) if sealed else None
        except SealError:
            request = None
        if request is not None:
            return replace(request, address="")
        received = self._received(connection, event_id)
        return received.request if received else None

    def again(self, connection: sa.Connection, event_id: str, address: str) -> str:
        """Return the seal of an address that comes again, with the request of its event.

        Where neither seal nor log know the request any more, the rows say it.
        """
        e = self._tables.event.c
        event = connection.execute(sa.select(e.right, e.received_at, e.email_sealed).where(e.id == event_id)).one()
        request = self.request(connection, event_id, event.email_sealed)
        if request is None:
            request = SealedRequest("", event.right, event.received_at, self._actions(connection, event_id))
        return self.keyring.seal(replace(request, address=address), event_id)

    def renewed(self, connection: sa.Connection, event_id: str, sealed: str) -> str:
        """Return what was sealed in an older way, or with an older key, sealed as it is now. Raises SealError.

        The log must know the person and the request: a retired key may be in other hands.
        """
        address = self.keyring.address(sealed, event_id)
        received = self._received(connection, event_id)
        if received is None or not self._is(address, received.subject):
            raise SealError("the log does not know the request, or this is not who asked")
        return self.keyring.seal(replace(received.request, address=address), event_id)

    def _opened(self, sealed: str, event_id: str) -> SealedRequest:
        if not self.keyring.is_old(sealed):
            return self.keyring.open(sealed, event_id)
        address = self.keyring.open_old(sealed, event_id)
        with reading(self._engine) as connection:
            received = self._received(connection, event_id)
        if received is None:
            raise SealError("the log does not know the request")
        return replace(received.request, address=address)

    def _is(self, address: str, subject: str | None) -> bool:
        try:
            return subject is None or is_known_as(self.keyring, address, subject)
        except AddressError:
            return False

    def _actions(self, connection: sa.Connection, event_id: str) -> Mapping[str, str | None]:
        d = self._tables.delivery.c
        rows = connection.execute(sa.select(d.destination, d.action).where(d.event_id == event_id))
        return {row.destination: row.action for row in rows}

    def _received(self, connection: sa.Connection, event_id: str) -> _Received | None:
        """Return the request that the log received; None where no entry with a good mac has its text."""
        t = self._tables.audit.c
        before = self._tables.audit.alias("before").c
        query = (
            sa.select(t.seq, t.body, t.leaf, t.mac, before.mac.label("previous"))
            .select_from(self._tables.audit.outerjoin(before.mac.table, before.seq == t.seq - 1))
            .where(t.event_id == event_id, t.what == "event:received", t.body.is_not(None))
            .order_by(t.seq)
        )
        for row in connection.execute(query):
            content = self._authentic(row)
            if content is not None and (content["event"], content["what"]) == (event_id, "event:received"):
                return _Received(_request(content["facts"]), content["subject"])
        return None

    def _authentic(self, row: Any) -> dict[str, Any] | None:
        """Return an entry's text if the key made its mac: nobody without the key can write one."""
        leaf_hash, previous = leaf(row.body.encode()), ZERO if row.previous is None else bytes(row.previous)
        if bytes(row.mac) != mac(self._key_of(row.seq), previous, row.seq, leaf_hash):
            return None
        content: dict[str, Any] = json.loads(row.body)
        return content


def _request(facts: Mapping[str, Any]) -> SealedRequest:
    actions = dict(str(item).rsplit(":", 1) for item in facts["destinations"])
    return SealedRequest(
        "",
        facts["right"],
        datetime.fromisoformat(facts["received_at"]),
        {destination: None if action == "-" else action for destination, action in actions.items()},
    )
