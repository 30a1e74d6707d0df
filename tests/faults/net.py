"""A relay between an adapter and its sandbox that spoils answers, and the installation that walks through it."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

from adapters.activecampaign.adapter import ActiveCampaign
from adapters.contract import Adapter
from adapters.http.pacer import Pacer
from adapters.http.transport import Transport
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.decisions.resync_plan import Selection
from syncer.delivery.lane import Lane
from syncer.service.drain import drain
from tests.adapters.conftest import Certificates, RawServer
from tests.conftest import AUDIENCES, Clock
from tests.support.providers import gone, silent
from tests.support.walk import put, rows

PERSON = "ada@lovelace.test"
BOTH = ("newsletter", "crm")
#: the one call by which an erasure begins at each
ERASING: dict[str, dict[str, str]] = {
    "newsletter": {"method": "POST", "path": "/actions/delete-permanent$"},
    "crm": {"method": "DELETE", "path": r"/contacts/\d+$"},
}

#: what happens to an answer on its way to the client; the connection lives on only if it says True
Spoil = Callable[[socket.socket, bytes, RawServer], bool | None]


class Relay(RawServer):
    """Passes every call on to a sandbox, whole and obeyed, and gives the answer back as it came or spoiled."""

    def __init__(self, target: str) -> None:
        super().__init__(self._pass_on)
        self.points_to(target)
        self.spoil: Spoil | None = None
        self.writes_only = False
        self.times: int | None = None

    def points_to(self, target: str) -> None:
        """Pass calls on to the sandbox at this address."""
        self._target = ("127.0.0.1", int(target.rpartition(":")[2]))

    def spoils(self, spoil: Spoil | None, *, writes_only: bool = False, times: int | None = None) -> None:
        """Spoil all answers from now on, or those to changes only, so many times."""
        self.spoil, self.writes_only, self.times = spoil, writes_only, times

    def _pass_on(self, conn: socket.socket, _: RawServer) -> None:
        while request := self.request(conn):
            answer = self._ask(request)
            spoil = self._struck(request)
            if spoil is None:
                conn.sendall(answer)
            elif not spoil(conn, answer, self):
                return

    def _struck(self, request: bytes) -> Spoil | None:
        if self.spoil is None or self.times == 0 or (self.writes_only and request.startswith(b"GET ")):
            return None
        if self.times is not None:
            self.times -= 1
        return self.spoil

    def _ask(self, request: bytes) -> bytes:
        with socket.create_connection(self._target, timeout=5) as provider:
            provider.sendall(request)
            got = b""
            while not _is_whole(got):
                part = provider.recv(65536)
                if not part:
                    raise ConnectionError("the sandbox hung up")
                got += part
        return got


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    return bool(end) and len(body) >= length


class QuickApp(App):
    """The whole installation with short timeouts, whose adapters talk to any address."""

    urls: dict[str, str]
    keys: dict[str, str]
    options: dict[str, Any]
    audiences: tuple[str, ...] | None = None

    def adapter(self, name: str) -> Adapter:
        """Build the adapter as its `configured` does, with this test's timeouts and certificates."""
        base, key = self.urls[name], self.keys[name]
        if name == "newsletter":
            way = Transport(
                f"{base}/3.0", headers={"Authorization": f"Bearer {key}"}, connections=4, learn_gap=True, **self.options
            )
            return Mailchimp(way, audiences=self.audiences, ecommerce=True, connections=4)
        way = Transport(f"{base}/api/3", headers={"Api-Token": key}, connections=6, pacer=Pacer(1000.0), **self.options)
        return ActiveCampaign(way, ecommerce=True)

    def lanes(self) -> list[Lane]:
        """Build the lanes with hardly a wait between the calls of one attempt."""
        self.leases.ensure(list(self.settings.destinations))
        return [
            Lane(
                name, self.adapter(name), self.transactions, self.store, self.leases, self.seals, self.stop,
                burst_wait=0.01,
            )
            for name in self.settings.destinations
        ]  # fmt: skip


class Rig:
    """An installation, the two sandboxes, a relay before each, and what the fault list says of them."""

    def __init__(self, app: App, mailchimp: MailchimpSandbox, crm: ActiveCampaignSandbox, clock: Clock) -> None:
        self.mailchimp, self.crm, self.clock = mailchimp, crm, clock
        self.boxes: dict[str, MailchimpSandbox | ActiveCampaignSandbox] = {"newsletter": mailchimp, "crm": crm}
        self.relays = {name: Relay(box.url) for name, box in self.boxes.items()}
        self.app = QuickApp(app.settings, app.engine, app.keyring, "cli", clock)
        self.app.urls = {name: relay.url for name, relay in self.relays.items()}
        self.app.keys = {name: box.api_key for name, box in self.boxes.items()}
        self.app.options = {"connect_timeout": 0.5, "total_timeout": 3.0}
        mailchimp.add(PERSON, AUDIENCES[0])
        crm.add(PERSON)

    def close(self) -> None:
        """End the relays and the connections to the database."""
        for relay in self.relays.values():
            relay.close()
        self.app.close()

    # -- what tests do --------------------------------------------------------------------------------------

    def ask(self, right: str = "erasure", person: str = PERSON, key: str = "k1", **more: Any) -> None:
        """Put one request into the queue."""
        put(self.app, right, person, key, **more)

    def drain(self) -> None:
        """Work until nothing is due."""
        drain(self.app)

    def spoils(self, spoil: Spoil | None, *, writes_only: bool = False, times: int | None = None) -> None:
        """Spoil the answers of both providers."""
        for relay in self.relays.values():
            relay.spoils(spoil, writes_only=writes_only, times=times)

    def breaks(self, *names: str, times: int | None = None, **fault: Any) -> None:
        """Let the providers answer every call so."""
        for name in names or BOTH:
            self.boxes[name].fault(Fault(times=times, **fault))

    def breaks_erasing(self, *names: str, times: int | None = None, **fault: Any) -> None:
        """Let the providers answer so to the one call that erases; everything else works."""
        for name in names or BOTH:
            self.boxes[name].fault(Fault(times=times, **ERASING[name], **fault))

    def secures(self, certificates: Certificates, **options: Any) -> None:
        """Speak TLS from now on, with a certificate of these dates and name."""
        for name, relay in self.relays.items():
            relay.context = certificates.context(**options)
            self.app.urls[name] = relay.url
        self.app.options["ca_bundle"] = certificates.bundle

    def heals(self) -> None:
        """Take every fault away, wait longer than any backoff, and work."""
        self.spoils(None)
        for name, box in self.boxes.items():
            box.clear_faults()
            self.app.urls[name] = self.relays[name].url
        self.clock.advance(hours=7)
        self.drain()

    # -- what tests look at ---------------------------------------------------------------------------------

    def delivery(self, name: str) -> Any:
        """Return the only delivery of a destination."""
        (row,) = [row for row in rows(self.app, self.app.tables.delivery) if row.destination == name]
        return row

    def lane(self, name: str) -> Any:
        """Return the lane's row."""
        return self.app.leases.get(name)

    def audit(self, what: str, name: str | None = None) -> list[Any]:
        """Return the audit entries of one kind."""
        return [row for row in self.log() if row["what"] == what and name in (None, row["destination"])]

    def log(self) -> list[Any]:
        """Return the whole audit."""
        return list(self.app.ledger.rows())

    def facts(self, what: str, name: str) -> dict[str, Any]:
        """Return what the last audit entry of this kind says."""
        facts: dict[str, Any] = json.loads(self.audit(what, name)[-1]["body"])["facts"]
        return facts

    def steps(self, what: str, name: str) -> list[dict[str, Any]]:
        """Return the calls that the last audit entry of this kind shows as evidence."""
        steps: list[dict[str, Any]] = self.facts(what, name)["steps"]
        return steps

    def writes(self, name: str, path: str = "") -> list[str]:
        """Name the changes that reached the provider."""
        return [
            f"{request.method} {request.path}"
            for request in self.boxes[name].requests
            if request.method != "GET" and path in request.path
        ]

    def books(self) -> tuple[Any, Any]:
        """Return everything that both providers hold."""
        return sorted(self.mailchimp.members()), self.crm.contacts()

    def erasures(self, name: str) -> int:
        """Count the calls that erase, obeyed or not."""
        return len(self.writes(name, "/actions/delete-permanent" if name == "newsletter" else "/contacts/"))

    # -- the short words of the fault list ------------------------------------------------------------------

    def is_retrying(self, code: str, *names: str, attempts: int = 1) -> None:
        """retry, unknown: counted, waiting, never confirmed; the lane is free for others."""
        for name in names or BOTH:
            row, lane = self.delivery(name), self.lane(name)
            assert (row.state, row.code, row.attempts) == ("retrying", code, attempts), name
            assert row.next_attempt_at > self.clock()
            assert (lane.paused, lane.cool_until) == (False, None)
            assert self.audit("delivery:retrying", name)
            self._is_open(name)

    def is_paused(self, code: str, *names: str) -> None:
        """pause: state unchanged, attempt given back, one alarm."""
        for name in names or BOTH:
            row, lane = self.delivery(name), self.lane(name)
            assert (lane.paused, lane.paused_by) == (True, "syncer"), name
            assert lane.reason.split(":")[0] == code
            assert (row.state, row.code, row.attempts) == ("pending", code, 0)
            assert len(self.audit("lane:paused", name)) == 1
            self._is_open(name)

    def stays_paused(self, code: str, *names: str) -> None:
        """pause, where the probe sees the cause too: one probe in 15 minutes, no other call, no second alarm."""
        self.is_paused(code, *names)
        asked = {name: self._calls(name) for name in names or BOTH}
        self.clock.advance(minutes=14)
        self.drain()
        assert asked == {name: self._calls(name) for name in asked}
        self.clock.advance(minutes=2)
        self.drain()
        self.is_paused(code, *names)
        for name in asked:
            assert self.lane(name).probe_at > self.clock()  # so it was probed, and is again in 15 minutes

    def is_cooling(self, code: str, *names: str, least: float, most: float) -> None:
        """cool: the whole lane waits, the attempt is not lost, no call is made meanwhile."""
        for name in names or BOTH:
            row, lane = self.delivery(name), self.lane(name)
            assert (row.state, row.code, row.attempts) == ("pending", code, 0), name
            assert least <= (lane.cool_until - self.clock()).total_seconds() <= most
            assert not lane.paused
            self._is_open(name)
        asked = {name: self._calls(name) for name in names or BOTH}
        self.clock.advance(seconds=least * 0.9)
        self.drain()
        assert asked == {name: self._calls(name) for name in asked}

    def is_held(self, code: str, *names: str) -> None:
        """held: visible, with this code; nobody takes it up by itself."""
        for name in names or BOTH:
            row = self.delivery(name)
            assert (row.state, row.code, row.next_attempt_at) == ("held", code, None), name
            assert not self.lane(name).paused
            self._is_open(name, "held")

    def reopens(self) -> None:
        """Do what an operator does about held deliveries once the cause is gone."""
        self.app.resync.apply(self.app.resync.plan(Selection(held=True)), "the cause is gone")

    def is_done(self, outcome: str = "done", right: str = "erasure", person: str = PERSON) -> None:
        """Require that everything ended with evidence and that both providers have forgotten or silenced the person."""
        deliveries = rows(self.app, self.app.tables.delivery)
        assert {(row.state, row.outcome) for row in deliveries} == {("confirmed", outcome)}
        assert len(deliveries) == 2 * len(rows(self.app, self.app.tables.event))
        assert {row.state for row in rows(self.app, self.app.tables.event)} == {"fulfilled"}
        assert all((gone if right == "erasure" else silent)(self.mailchimp, self.crm, person).values())
        assert self.app.ledger.verify().ok
        assert PERSON not in str(self.log())

    def ends_well(self, right: str = "erasure") -> None:
        """Take the fault away and require that everything is confirmed."""
        self.heals()
        self.is_done(right=right)

    def _is_open(self, name: str, state: str = "open") -> None:
        assert not self.audit("delivery:confirmed", name)
        assert self.audit("delivery:attempted", name)
        assert all(row.state in (state, "held") for row in rows(self.app, self.app.tables.event))
        assert self.app.ledger.verify().ok

    def _calls(self, name: str) -> tuple[int, int]:
        return (self.relays[name].connections, len(self.boxes[name].requests))
