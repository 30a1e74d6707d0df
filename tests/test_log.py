"""Logs: allow-listed fields, masked values, no exception text, nothing from other libraries that could hold data."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from syncer.log import configure, get_logger

CANARY = "canary.person@secret.test"
CANARY_MD5 = "0cc175b9c0f1b6a831c399e269772661"


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure("debug", stream=stream, json=True)
    yield stream
    configure("warning")


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_record_is_one_json_line_with_its_fields(out: io.StringIO) -> None:
    get_logger("syncer.test").info("lane.taken", lane="crm", fence=3)

    (line,) = lines(out)
    assert (line["event"], line["lane"], line["fence"], line["level"]) == ("lane.taken", "crm", 3, "info")


def test_a_field_nobody_allowed_is_dropped_and_named(out: io.StringIO) -> None:
    get_logger("syncer.test").info("x.y", email=CANARY, payload="{}")

    (line,) = lines(out)
    assert line["dropped"] == "email,payload"
    assert CANARY not in out.getvalue()


def test_an_address_or_its_hash_in_an_allowed_field_is_masked(out: io.StringIO) -> None:
    get_logger("syncer.test").info("x.y", reason=f"at {CANARY} and /members/{CANARY_MD5}")

    assert lines(out)[0]["reason"] == "at [address] and /members/[hash]"


def test_an_exception_is_its_type_and_frames_only(out: io.StringIO) -> None:
    try:
        raise ValueError(CANARY)
    except ValueError:
        get_logger("syncer.test").exception("x.failed")

    assert "ValueError at tests.test_log:" in lines(out)[0]["exception"]
    assert "canary" not in out.getvalue()


def test_terminal_sequences_and_line_breaks_are_escaped(out: io.StringIO) -> None:
    get_logger("syncer.test").info("x.y", reason="\x1b[31mred\u202e\nnext")

    assert lines(out)[0]["reason"] == "\\x1b[31mred\\u202e\\nnext"


def test_other_libraries_speak_through_the_same_pipe_without_their_arguments(out: io.StringIO) -> None:
    logging.getLogger("somebody").warning("failed for %s", CANARY)

    assert lines(out)[0]["event"] == "library.message"
    assert "canary" not in out.getvalue()


def test_urllib3_never_tells_the_path_it_asked_for(out: io.StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").debug('"GET /contacts?email=%s"', CANARY)

    assert out.getvalue() == ""
