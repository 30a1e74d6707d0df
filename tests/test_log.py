"""Logs: allow-listed fields, masked values, no exception text, nothing from other libraries that could hold data."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.errors import Permanent
from syncer.errors import AddressError
from syncer.log import configure, get_logger
from syncer.privacy.masking import LONGEST, LONGEST_READ, clean

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


@pytest.mark.parametrize(
    "text",
    [
        "mail to <canary@x.test>, please",
        "/3.0/search?query=canary%40x.test&n=1",
        '{"email":"canary@x.test"}',
        '"canary name"@x.test',
        "canary＠x.test",
        "canary@bücher.test",
        "a " * 200_000 + "canary@x.test",
    ],
    ids=range(7),
)
def test_an_address_is_masked_however_it_is_written(text: str, out: io.StringIO) -> None:
    get_logger("x").info(text, reason=text, error=[text])

    assert "canary" not in out.getvalue()


@pytest.mark.parametrize(
    "text", [CANARY_MD5, CANARY_MD5.upper(), f"/members/{CANARY_MD5}/tags", f"x-{CANARY_MD5}-us21"]
)
def test_a_hash_or_an_api_key_is_masked_whatever_stands_beside_it(text: str) -> None:
    assert CANARY_MD5 not in clean(text).lower()


@pytest.mark.parametrize("text", ["01931f1c-9f5e-7c3a-8f4e-0123456789ab", "a" * 64, "GET /lists/{list}", "0" * 31])
def test_ids_digests_and_templates_stay(text: str) -> None:
    assert clean(text) == text


@given(st.text())
def test_a_cleaned_text_is_short_printable_ascii(text: str) -> None:
    cleaned = clean(text)

    assert len(cleaned) <= LONGEST
    assert cleaned.isascii()
    assert cleaned == "" or cleaned.isprintable()
    assert "@" not in cleaned


def test_a_huge_text_is_cleaned_at_once() -> None:
    began = time.perf_counter()
    cleaned = [clean(unit * 2_500_000) for unit in ("a", "a@", "f", '"', '"a')]

    assert time.perf_counter() - began < 1
    assert all(len(text) <= LONGEST for text in cleaned)


def test_an_address_cut_in_the_middle_is_not_shown_in_part() -> None:
    text = "x" * 5000 + "@y.test " + " " * (LONGEST_READ - 5018) + "canary.person@x.test"

    assert "canary" not in clean(text)
    assert clean("canary" + "x" * 10_000 + "@x.test") == ""


def test_our_own_errors_show_their_code_and_no_others(out: io.StringIO) -> None:
    for error in (
        AddressError("no_at"),
        Permanent("newer_consent", "canary"),
        SystemExit("canary"),
        KeyError("canary"),
    ):
        try:
            raise error
        except BaseException as caught:
            get_logger("x").error("a.b", exc_info=caught, error=caught)

    assert [line["error"] for line in lines(out)] == [
        "AddressError (no_at)",
        "Permanent (newer_consent)",
        "SystemExit",
        "KeyError",
    ]
    assert all(line["exception"].startswith(line["error"] + " at ") for line in lines(out))
    assert "canary" not in out.getvalue()


def test_a_level_between_two_levels_is_no_crash(out: io.StringIO) -> None:
    logging.getLogger("other").log(25, "between")

    assert (lines(out)[0]["level"], lines(out)[0]["reason"]) == ("info", "between")


def test_a_level_hides_what_lies_below(out: io.StringIO) -> None:
    configure("warning", out)
    get_logger("x").info("a.b")
    get_logger("x").warning("c.d")
    logging.getLogger("other").info("no")

    assert [line["event"] for line in lines(out)] == ["c.d"]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.usefixtures("out")
def test_a_terminal_gets_readable_lines_and_colours_only_if_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain, file = Terminal(), Terminal(), io.StringIO()
    configure("info", coloured)
    get_logger("x").info("a.b", count=1, email=CANARY)
    configure("info", file, json=False)
    get_logger("x").info("a.b", count=1, email=CANARY)
    monkeypatch.setenv("NO_COLOR", "1")
    configure("info", plain)
    get_logger("x").info("a.b", count=1, email=CANARY)

    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[" not in plain.getvalue() + file.getvalue()
    assert "count=1" in plain.getvalue()
    assert "canary" not in coloured.getvalue() + plain.getvalue() + file.getvalue()


@pytest.mark.usefixtures("out")
def test_json_is_the_default_without_a_terminal_and_can_be_had_on_one() -> None:
    for stream, json_ in ((io.StringIO(), None), (Terminal(), True)):
        configure("info", stream, json=json_)
        get_logger("x").info("a.b")

        assert json.loads(stream.getvalue())["event"] == "a.b"


def test_urllib3_is_silent_below_a_warning(out: io.StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").info("Resetting dropped connection")

    assert out.getvalue() == ""


def test_a_logger_that_is_in_use_follows_another_level() -> None:
    stream = io.StringIO()
    configure("info", stream, json=True)
    logger = get_logger("syncer.test").bind(lane="crm")
    logger.info("a.first")
    configure("error", stream, json=True)
    logger.info("a.second")
    logger.error("a.third")
    configure("debug", stream, json=True)
    logger.debug("a.fourth")
    configure("warning")

    assert [(line["event"], line["lane"]) for line in lines(stream)] == [
        ("a.first", "crm"),
        ("a.third", "crm"),
        ("a.fourth", "crm"),
    ]


def test_a_process_that_logs_does_not_load_rich_and_may_do_so_later() -> None:
    """structlog takes it along: 60 ms at each start, and 8 MiB in the daemon and the console for good."""
    code = (
        "import sys; from syncer.log import configure, get_logger; configure('info'); get_logger('x').info('a.b');"
        " loaded = 'rich' in sys.modules; import rich.console; sys.exit(loaded)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)

    assert (done.returncode, '"event": "a.b"' in done.stderr) == (0, True)
