"""Group A, connect, DNS and TLS: whole walks to hosts that cannot, or must not, be spoken to."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from syncer.domain.codes import remedy
from tests.adapters.conftest import Certificates
from tests.faults.net import BOTH, Rig
from tests.support.walk import rows

HOST = "us1.provider.test"

LookUp = Callable[[int], list[Any]]


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> dict[str, LookUp]:
    """Answer for these host names in the place of the operating system's resolver."""
    table: dict[str, LookUp] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        return table[host](port) if host in table else real(host, port, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return table


@contextlib.contextmanager
def black_hole(host: str) -> Iterator[int]:
    """Give a port whose queue is full, so that the system drops every further SYN."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as listening, contextlib.ExitStack() as stack:
        listening.bind((host, 0))
        listening.listen(0)
        port = listening.getsockname()[1]
        for _ in range(3):
            filler = stack.enter_context(socket.socket(family))
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((host, port))
        yield port


def points(rig: Rig, *urls: str) -> None:
    """Let both destinations call this address, with its port where they had one."""
    for name, url in zip(BOTH, urls * 2, strict=False):
        rig.app.urls[name] = url


def test_fault_001_an_unknown_host_is_retried_and_after_several_in_a_row_pauses(rig: Rig) -> None:
    points(rig, "https://does-not-exist.invalid")
    rig.ask()
    rig.drain()
    rig.is_retrying("unreachable")

    for number in range(5):
        rig.ask(person=f"person{number}@lovelace.test", key=f"more{number}")
    rig.drain()

    for name in BOTH:
        lane = rig.lane(name)
        assert (lane.paused, lane.paused_by, lane.reason.split(":")[0]) == (True, "syncer", "unreachable")
        assert len(rig.audit("lane:paused", name)) == 1
        ours = [row for row in rows(rig.app, rig.app.tables.delivery) if row.destination == name]
        assert sorted({(row.state, row.attempts) for row in ours}) == [("pending", 0), ("retrying", 1)]
    rig.heals()
    assert {row.state for row in rows(rig.app, rig.app.tables.delivery)} == {"confirmed"}
    assert rig.app.ledger.verify().ok


def test_fault_002_a_failing_resolver_is_retried(rig: Rig, resolver: dict[str, LookUp]) -> None:
    def servfail(_: int) -> list[Any]:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    resolver[HOST] = servfail
    points(rig, f"https://{HOST}")
    rig.ask()

    rig.drain()

    rig.is_retrying("unreachable")
    rig.ends_well()


def test_fault_002_a_resolver_slower_than_the_connect_timeout_is_not_waited_for(
    rig: Rig, resolver: dict[str, LookUp]
) -> None:
    over = threading.Event()
    resolver[HOST] = lambda _: [over.wait(20)][:0]
    rig.app.options["connect_timeout"] = 0.2
    points(rig, f"https://{HOST}")
    rig.ask()
    began = time.monotonic()

    rig.drain()

    assert time.monotonic() - began < 5
    rig.is_retrying("unreachable")
    over.set()
    rig.ends_well()


@pytest.mark.parametrize("inside", ["127.0.0.1", "100.64.0.1", "fd00::1"])
def test_fault_003_a_name_that_leads_inside_is_refused_and_pauses(
    rig: Rig, resolver: dict[str, LookUp], inside: str
) -> None:
    family = socket.AF_INET6 if ":" in inside else socket.AF_INET
    resolver[HOST] = lambda port: [(family, socket.SOCK_STREAM, 6, "", (inside, port))]
    points(rig, *(f"http://{HOST}:{rig.relays[name].port}" for name in BOTH))
    rig.ask()

    rig.drain()

    rig.stays_paused("wrong_address")
    assert [relay.connections for relay in rig.relays.values()] == [0, 0]
    rig.ends_well()


def test_fault_004_a_black_hole_for_ipv6_is_passed_over(rig: Rig, resolver: dict[str, LookUp]) -> None:
    rig.app.options["connect_timeout"] = 0.2
    points(rig, *(f"http://localhost:{rig.relays[name].port}" for name in BOTH))
    rig.ask()
    with black_hole("::1") as nowhere:
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", nowhere, 0, 0))
        resolver["localhost"] = lambda port: [six, (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

        rig.drain()

    assert [rig.delivery(name).attempts for name in BOTH] == [1, 1]
    rig.is_done()


def test_fault_004_where_no_address_answers_it_is_retried(rig: Rig, resolver: dict[str, LookUp]) -> None:
    rig.app.options["connect_timeout"] = 0.1
    points(rig, "http://localhost:9")
    rig.ask()
    with black_hole("::1") as six, black_hole("127.0.0.1") as four:
        resolver["localhost"] = lambda _: [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::1", six, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", four)),
        ]

        rig.drain()

    rig.is_retrying("timed_out")
    rig.ends_well()


def test_fault_005_a_refused_connection_is_retried(rig: Rig) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    points(rig, f"http://127.0.0.1:{port}")
    rig.ask()

    rig.drain()

    rig.is_retrying("unreachable")
    rig.ends_well()


def test_fault_006_a_dropped_syn_ends_at_the_connect_timeout_and_is_retried(rig: Rig) -> None:
    rig.app.options["connect_timeout"] = 0.2
    rig.ask()
    with black_hole("127.0.0.1") as port:
        points(rig, f"http://127.0.0.1:{port}")

        rig.drain()

    rig.is_retrying("timed_out")
    rig.ends_well()


def pauses_until_trusted(rig: Rig, certificates: Certificates, code: str) -> None:
    """pause; no byte of a request goes out meanwhile; with a good certificate everything is confirmed."""
    rig.ask()
    rig.drain()

    rig.stays_paused(code)
    assert [relay.requests for relay in rig.relays.values()] == [[], []]
    rig.secures(certificates)
    rig.ends_well()


def test_fault_007_an_expired_certificate_pauses_and_is_never_passed_over(rig: Rig, certificates: Certificates) -> None:
    rig.secures(certificates, last_day=-1)
    pauses_until_trusted(rig, certificates, "tls")


def test_fault_008_a_certificate_for_another_host_pauses(rig: Rig, certificates: Certificates) -> None:
    rig.secures(certificates, name="other.test")
    pauses_until_trusted(rig, certificates, "tls")


def test_fault_009_an_unknown_authority_pauses(rig: Rig, certificates: Certificates) -> None:
    rig.secures(certificates)
    del rig.app.options["ca_bundle"]
    pauses_until_trusted(rig, certificates, "tls")


def test_fault_010_a_stalling_handshake_is_cut_at_the_deadline_and_retried(
    rig: Rig, certificates: Certificates
) -> None:
    rig.app.options["total_timeout"] = 0.3
    points(rig, *(rig.relays[name].url.replace("http", "https") for name in BOTH))
    rig.ask()
    began = time.monotonic()

    rig.drain()

    assert time.monotonic() - began < 20  # the handshake would stall for ever; a busy machine takes some of them
    rig.is_retrying("timed_out")
    rig.app.options["total_timeout"] = 3.0
    rig.secures(certificates)
    rig.ends_well()


def test_fault_011_a_server_without_tls_1_2_pauses(rig: Rig, certificates: Certificates) -> None:
    rig.secures(certificates)
    for relay in rig.relays.values():
        assert relay.context is not None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            relay.context.minimum_version = ssl.TLSVersion.TLSv1
            relay.context.maximum_version = ssl.TLSVersion.TLSv1_1
        relay.context.set_ciphers("ALL:@SECLEVEL=0")  # or OpenSSL 3 would not even offer it
    pauses_until_trusted(rig, certificates, "tls")


def test_fault_012_proxies_and_netrc_have_no_effect(rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text(
        "machine 127.0.0.1 login thief password thief\ndefault login thief password thief\n", encoding="utf-8"
    )
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("NO_PROXY", "elsewhere.test")
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    rig.ask()

    rig.drain()

    rig.is_done()
    ours = {"newsletter": b"Authorization: Bearer ", "crm": b"Api-Token: "}
    for name, header in ours.items():
        asked = rig.relays[name].requests
        assert asked
        assert all(header + rig.app.keys[name].encode() in request for request in asked)
        assert not any(b"Basic" in request for request in asked)


def test_fault_013_a_certificate_that_is_not_yet_valid_pauses_and_names_the_clock(
    rig: Rig, certificates: Certificates
) -> None:
    rig.secures(certificates, first_day=1)
    rig.ask()
    rig.drain()

    assert all("clock" in rig.lane(name).reason and "provider" not in rig.lane(name).reason for name in BOTH)
    assert remedy("clock") == "set the clock"
    rig.stays_paused("clock")
    rig.secures(certificates)
    rig.ends_well()
