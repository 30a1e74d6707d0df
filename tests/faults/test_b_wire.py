"""Group B, the answer on the wire: whole walks through a relay that spoils what both providers answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from adapters.http.transport import Transport
from adapters.sandbox import Fault
from tests.adapters.calls import GOOD, call, failure_of
from tests.adapters.conftest import RawServer
from tests.faults import broken_answers
from tests.faults.net import BOTH, Rig, Spoil

ERASES = {"newsletter": "POST /lists/{list}/members/{id}/actions/delete-permanent", "crm": "DELETE /contacts/{id}"}
FINDS = {"newsletter": "GET /lists/{list}/members/{id}", "crm": "GET /contacts"}


def outcome_is_unknown(rig: Rig, spoil: Spoil, code: str) -> None:
    """unknown: spoiled answers are counted tries; after a spoiled answer to a change the state is read first."""
    rig.ask()
    rig.spoils(spoil)
    rig.drain()
    rig.is_retrying(code)

    rig.spoils(spoil, writes_only=True, times=1)
    rig.clock.advance(hours=7)
    rig.drain()

    for name in BOTH:
        # the deletion had been obeyed: reading showed it, so it was sent only once, and counts as done
        calls = [step["call"] for step in rig.steps("delivery:applied", name)]
        assert calls.count(ERASES[name]) == 1, name
        assert FINDS[name] in calls[calls.index(ERASES[name]) :]
        assert rig.delivery(name).attempts == 2
    rig.is_done()


def test_fault_014_a_reset_before_any_byte_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.reset_at_once, "cut_off")


def test_fault_014_a_change_that_was_not_obeyed_is_repeated_only_after_a_read(rig: Rig) -> None:
    for box, method in ((rig.mailchimp, "POST"), (rig.crm, "DELETE")):
        box.fault(Fault(kind="reset", method=method, times=1))
    rig.ask()

    rig.drain()

    for name in BOTH:
        calls = [step["call"] for step in rig.steps("delivery:applied", name)]
        first = calls.index(ERASES[name])
        second = calls.index(ERASES[name], first + 1)
        assert FINDS[name] in calls[first:second]
        assert rig.delivery(name).attempts == 1
    rig.is_done()


def test_fault_015_a_reset_in_mid_headers_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.reset_in_headers, "cut_off")


def test_fault_016_an_end_of_stream_after_the_request_was_taken_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.end_of_stream, "cut_off")


def test_fault_017_a_reset_in_mid_body_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.reset_in_body, "cut_off")


def test_fault_018_a_body_shorter_than_its_length_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.short_body, "cut_off")


def test_fault_019_json_cut_where_no_length_was_given_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.cut_without_length, "unreadable")


def test_fault_020_a_cut_chunked_body_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.cut_chunk, "cut_off")


def test_fault_021_a_slow_drip_leaves_the_outcome_unknown(rig: Rig) -> None:
    rig.app.options["total_timeout"] = 0.3
    began = time.monotonic()
    outcome_is_unknown(rig, broken_answers.drip_body, "timed_out")

    assert time.monotonic() - began < 8  # 4 calls per lane were dripped, each without end


def test_fault_022_dripped_headers_leaves_the_outcome_unknown(rig: Rig) -> None:
    rig.app.options["total_timeout"] = 0.3
    began = time.monotonic()
    outcome_is_unknown(rig, broken_answers.drip_headers, "timed_out")

    assert time.monotonic() - began < 8  # 4 calls per lane were dripped, each without end


def test_fault_023_an_endless_body_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.endless, "too_big")


def test_fault_024_a_gzip_bomb_leaves_the_outcome_unknown(rig: Rig) -> None:
    broken_answers.bomb()  # made before the clock of the deadline runs
    outcome_is_unknown(rig, broken_answers.gzip_bomb, "unreadable")

    asked = [request for relay in rig.relays.values() for request in relay.requests]
    assert all(b"\r\nAccept-Encoding: identity\r\n" in request for request in asked)


def test_fault_025_garbage_called_gzip_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.garbage_gzip, "unreadable")


def test_fault_026_gzip_cut_with_a_matching_length_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.gzip_cut, "unreadable")


def test_fault_027_more_than_a_hundred_headers_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.many_headers, "unreadable")


def test_fault_028_two_different_lengths_leaves_the_outcome_unknown(rig: Rig) -> None:
    outcome_is_unknown(rig, broken_answers.two_lengths, "unreadable")


def test_fault_029_the_final_status_counts_after_announcements(rig: Rig) -> None:
    rig.spoils(broken_answers.announced)
    rig.ask()

    rig.drain()

    assert not rig.audit("delivery:retrying")
    rig.is_done()


def test_fault_030_connections_that_close_when_used_again_cost_no_attempt(rig: Rig) -> None:
    rig.spoils(broken_answers.closing_when_used_again())
    rig.ask()

    rig.drain()

    assert not rig.audit("delivery:retrying")
    assert [rig.delivery(name).attempts for name in BOTH] == [1, 1]
    for name in BOTH:  # a change is never repeated silently
        assert [step["call"] for step in rig.steps("delivery:applied", name)].count(ERASES[name]) == 1
    rig.is_done()


@pytest.mark.parametrize(("method", "sent"), [("GET", 3), ("DELETE", 2)])
def test_fault_030_a_read_is_silently_repeated_once_and_a_change_never(
    method: str, sent: int, serve: Callable[..., RawServer], connect: Callable[..., Transport]
) -> None:
    def script(conn: socket.socket, server: RawServer) -> None:
        first = not server.requests
        server.request(conn)
        if first:
            conn.sendall(GOOD)
            server.request(conn)

    server = serve(script)
    transport = connect(server.url)
    call(transport)

    assert failure_of(transport, method).code == "cut_off"
    assert len(server.requests) == sent


def test_fault_031_a_204_with_a_body_does_not_poison_the_next_call(rig: Rig) -> None:
    rig.spoils(broken_answers.with_a_body_where_none_belongs)
    rig.ask()

    rig.drain()

    assert not rig.audit("delivery:retrying")
    assert {step["status"] for step in rig.steps("delivery:confirmed", "newsletter")} == {404}
    rig.is_done()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        pytest.param(lambda body: b"\xef\xbb\xbf" + body, "unreadable", id="byte_order_mark"),
        pytest.param(lambda body: body.decode().encode("utf-16"), "unreadable", id="another_charset"),
        pytest.param(lambda body: b'{"x": "\xe9", ' + body[1:], "unreadable", id="latin_1"),
        pytest.param(lambda body: b'{"x": NaN, ' + body[1:], "unreadable", id="nan"),
        pytest.param(lambda body: b'{"x": 1, "x": 1, ' + body[1:], "unreadable", id="doubled_key"),
        pytest.param(lambda body: b'{"x": ' + b"[" * 300_000 + b"]" * 300_000 + b"}", "unreadable", id="nesting"),
        pytest.param(lambda body: b"[" * 10_000_000, "too_big", id="ten_megabytes_of_nesting"),
    ],
)
def test_fault_032_doubtful_json_is_refused_without_a_crash(
    rig: Rig, change: Callable[[bytes], bytes], code: str
) -> None:
    rig.spoils(broken_answers.changed(change))
    rig.ask()

    rig.drain()

    rig.is_retrying(code)
    rig.ends_well()
