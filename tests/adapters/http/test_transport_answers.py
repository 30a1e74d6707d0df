"""How answers are read and what their statuses mean, whoever sent them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from adapters.errors import AdapterError, Misconfigured, Permanent, Transient
from adapters.http.answer import LONGEST_WAIT, clean_request_id, common_failure, parse_retry_after, read_answer

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def date(**delta: int) -> str:
    return format_datetime(NOW + timedelta(**delta), usegmt=True)


@pytest.mark.parametrize("given", [None, "-5", "1.5", "soon", "", "120, 60", "0", "٣", date(hours=-1), "Tue, 99"])
def test_fault_051_a_useless_retry_after_is_no_wait(given: str | None) -> None:
    assert parse_retry_after(given, date()) is None


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("30", 30.0),
        (" 30 ", 30.0),
        ("999999999999", LONGEST_WAIT),
        (date(minutes=2), 120.0),
        ("Fri, 31 Dec 2999 23:59:59 GMT", LONGEST_WAIT),
    ],
)
def test_fault_050_a_wait_is_read_and_capped(given: str, seconds: float) -> None:
    assert parse_retry_after(given, date()) == seconds


def test_a_date_without_the_servers_clock_counts_from_ours() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)

    assert parse_retry_after(until) == pytest.approx(100, abs=3)


@pytest.mark.parametrize(
    "told",
    [
        "a<b>\x1b[31m/../c",
        "jane.roe@mailbox.test",
        "d41d8cd98f00b204e9800998ecf8427e",
        "req-D41D8CD98F00B204E9800998ECF8427E",
        "0" * 40,
        "x" * 65,
        "<>",
        "",
        None,
    ],
)
def test_a_request_id_of_another_form_is_dropped_whole(told: str | None) -> None:
    assert clean_request_id(told) is None


@pytest.mark.parametrize("told", ["9e802195-4321-4e1b-ac35-260122d593bb", "8f1e2d3c4b5a6978-FRA", "1234-x"])
def test_a_request_id_of_harmless_form_is_kept(told: str) -> None:
    assert clean_request_id(f" {told} ") == told


@pytest.mark.parametrize("with_body", [False, True])
@pytest.mark.parametrize(
    ("status", "kind", "code", "cools"),
    [
        (302, Misconfigured, "redirected", None),
        (400, Permanent, "rejected", None),
        (401, Misconfigured, "unauthorized", None),
        (409, Transient, "conflict", False),
        (410, Permanent, "unknown_state", None),
        (413, Permanent, "rejected", None),
        (414, Permanent, "rejected", None),
        (429, Transient, "rate_limited", True),
        (431, Permanent, "rejected", None),
        (500, Transient, "unavailable", False),
        (502, Transient, "unavailable", False),
        (503, Transient, "unavailable", True),
        (504, Transient, "unavailable", False),
        (522, Transient, "unavailable", False),
    ],
)
def test_a_status_has_one_meaning(
    status: int, with_body: bool, kind: type[AdapterError], code: str, cools: bool | None
) -> None:
    headers = {"Content-Type": "application/json", "Retry-After": "9"}
    error = common_failure(read_answer(status, headers, b'{"message": "x"}' if with_body else b"", 1))

    assert isinstance(error, kind) and error.code == code
    if isinstance(error, Transient):
        assert (error.cools_lane, error.retry_after) == (cools, 9.0)


@pytest.mark.parametrize(
    ("status", "content_type", "payload", "code"),
    [
        pytest.param(200, "text/html", b"<html>Log in</html>", "login_page", id="fault_035"),
        pytest.param(200, "", b"  <!DOCTYPE html>", "login_page", id="fault_035_untyped"),
        pytest.param(200, "application/json", b"", "unreadable", id="fault_037"),
        pytest.param(202, "application/json", b"{}", "not_yet", id="fault_038"),
        pytest.param(403, "text/html", b"<html>blocked</html>", "rate_limited", id="fault_041"),
        pytest.param(200, "text/html", b"We are currently having some issues.", "unavailable", id="maintenance"),
    ],
)
def test_a_seeming_success_is_named(status: int, content_type: str, payload: bytes, code: str) -> None:
    assert common_failure(read_answer(status, {"Content-Type": content_type}, payload, 1)).code == code
