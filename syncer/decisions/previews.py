"""What would happen to some requests, or to the people of a list, asked once: reads only, in whatever mode."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from adapters.contract import Action, Adapter, Preview, Subject
from adapters.errors import AdapterError, Permanent
from syncer.audit.transaction import Transactions
from syncer.database.connections import snapshot
from syncer.database.failures import retry_on_conflict
from syncer.decisions.chosen import ChosenDeliveries, Criteria
from syncer.delivery.leases import Leases
from syncer.domain.model import State, asked_at
from syncer.domain.rights import Right
from syncer.errors import AddressError, SealError, SyncerError
from syncer.events.mapping import preview_facts
from syncer.events.seals import Seals
from syncer.log import get_logger
from syncer.privacy.addresses import normalise
from syncer.privacy.keyring import subject
from syncer.settings.destinations import Destination

#: told how many were asked about, and of how many
Told = Callable[[int, int], None]
#: why a destination was not called
AT_REST = "lane_is_at_rest"
#: states in which a person closed a delivery
_BY_A_PERSON = frozenset({State.EXEMPT, State.ATTESTED})


@dataclass(frozen=True, slots=True)
class Previewed:
    """What would happen to one person at one destination; see `adapters.contract.Preview` for `found` and `would`.

    `event` is the request, or None for somebody of a list, whose `line` it is then; `subject` the pseudonym. `code` is
    the one for which the delivery would be held. `unanswered` is the code for which nothing is known, and then nothing
    else is said.
    """

    event: str | None
    line: int | None
    subject: str | None
    destination: str
    action: Action | None
    found: tuple[str, ...] = ()
    would: tuple[str, ...] = ()
    code: str | None = None
    unanswered: str | None = None


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be previewed; `person` is called for the person, and raises Permanent for one who cannot be asked."""

    shown: Previewed
    person: Callable[[], Subject]
    received_at: Any


class Previews:
    """Asks once. `reading` builds the adapter of a destination so that nothing but reads can leave it."""

    def __init__(
        self,
        transactions: Transactions,
        leases: Leases,
        seals: Seals,
        destinations: Mapping[str, Destination],
        reading: Callable[[str], Adapter],
    ) -> None:
        self._transactions = transactions
        self._leases = leases
        self._seals = seals
        self._destinations = destinations
        self._reading = reading
        self._chosen = ChosenDeliveries(transactions.tables, transactions.engine.dialect.name)

    def of_events(self, ids: Sequence[str], *, held: bool, told: Told = lambda *_: None) -> list[Previewed]:
        """Preview the deliveries of these requests, or of all requests those that are held; each is audited.

        What a person closed is passed over: nothing of it starts over. `told` hears how it goes.
        """
        with snapshot(self._transactions.engine) as connection:
            criteria = Criteria(events=set(ids) if ids else None, held=held)
            rows, given_up = self._chosen.read(connection, criteria)
        asked = [self._of_row(row) for row in rows if row.event_id not in given_up and row.state not in _BY_A_PERSON]
        return [self._audited(each, preview) for each, preview in self._previewed(asked, told)]

    def of_people(
        self, lines: Sequence[tuple[int, str]], right: Right, told: Told = lambda *_: None
    ) -> list[Previewed]:
        """Preview people who did not ask for anything yet, by (line number, address), at every destination.

        Each look-up is audited, by pseudonym. `told` hears how it goes.
        """
        asked = [each for number, address in lines for each in self._of_address(number, address, right)]
        found = [_shown(each, preview) for each, preview in self._previewed(asked, told)]
        self._note({each.subject for each in found if each.subject})
        return sorted(found, key=lambda each: (each.line, each.destination))

    # -- who is asked about ---------------------------------------------------------------------------------

    def _of_row(self, row: Any) -> _Asked:
        def person() -> Subject:
            if row.email_sealed is None:
                raise Permanent("address_shredded")
            try:
                found = subject(self._seals.keyring, self._seals.open(row))
            except (SealError, AddressError):
                raise Permanent("unsealable") from None
            return replace(found, unseen=row.unseen or 0, now=self._transactions.clock())

        action = Action(row.action) if row.action in set(Action) else None
        shown = Previewed(row.event_id, None, row.subject, row.destination, action)
        return _Asked(shown, person, asked_at(row.received_at, row.created_at))

    def _of_address(self, number: int, address: str, right: Right) -> Iterator[_Asked]:
        now = self._transactions.clock()
        try:
            ref: str | None = self._seals.keyring.ref(normalise(address))
        except AddressError:
            ref = None

        def person() -> Subject:
            try:
                return replace(subject(self._seals.keyring, address), now=now)
            except AddressError:
                raise Permanent("malformed") from None

        for name, item in self._destinations.items():
            action = item.objection if right is Right.OBJECTION else item.erasure
            yield _Asked(Previewed(None, number, ref, name, action), person, now)

    # -- asking ---------------------------------------------------------------------------------------------

    def _previewed(self, asked: Sequence[_Asked], told: Told) -> Iterator[tuple[_Asked, Preview | str]]:
        """Yield each with its preview, or with the code for which there is none; destination by destination."""
        told(0, len(asked))
        for number, found in enumerate(self._by_destination(asked), 1):
            told(number, len(asked))
            yield found

    def _by_destination(self, asked: Sequence[_Asked]) -> Iterator[tuple[_Asked, Preview | str]]:
        by_name: dict[str, list[_Asked]] = {}
        for each in asked:
            by_name.setdefault(each.shown.destination, []).append(each)
        for name, wanted in by_name.items():
            if name not in self._destinations:
                yield from ((each, "destination_removed") for each in wanted)
            elif self._leases.is_at_rest(name, self._transactions.clock()):
                yield from ((each, AT_REST) for each in wanted)
            else:
                with closing(self._reading(name)) as adapter:
                    yield from self._asked_at(adapter, wanted)

    def _asked_at(self, adapter: Adapter, wanted: Sequence[_Asked]) -> Iterator[tuple[_Asked, Preview | str]]:
        with ThreadPoolExecutor(adapter.limits.senders, thread_name_prefix="preview") as pool:
            yield from zip(wanted, pool.map(lambda each: self._one(adapter, each), wanted), strict=True)

    def _one(self, adapter: Adapter, asked: _Asked) -> Preview | str:
        try:
            person, action = asked.person(), asked.shown.action
            if action is None:
                raise Permanent("malformed")
            return adapter.preview(action, person, asked.received_at)
        except Permanent as error:
            return Preview((), (), error.code, error.steps)
        except AdapterError as error:
            return error.code
        except SyncerError:
            return "unsealable"
        except Exception as error:  # noqa: BLE001 — a bug met at one person must not end the preview of all
            get_logger("syncer.preview").exception("adapter.crashed", error=type(error).__name__)
            return "crashed"

    # -- what is kept of it ---------------------------------------------------------------------------------

    @retry_on_conflict
    def _audited(self, asked: _Asked, preview: Preview | str) -> Previewed:
        shown = asked.shown
        if isinstance(preview, Preview) and preview.steps:
            with self._transactions.write() as tx:
                tx.audit.add(
                    "delivery:previewed",
                    event=shown.event,
                    subject=shown.subject,
                    destination=shown.destination,
                    facts=preview_facts(preview, shown.action),
                )
        return _shown(asked, preview)

    @retry_on_conflict
    def _note(self, refs: set[str]) -> None:
        with self._transactions.write() as tx:
            for ref in sorted(refs):
                tx.audit.add("operator:looked_up", subject=ref, facts={"events": 0})


def _shown(asked: _Asked, preview: Preview | str) -> Previewed:
    if isinstance(preview, str):
        return replace(asked.shown, unanswered=preview)
    return replace(asked.shown, found=preview.found, would=preview.would, code=preview.code)
