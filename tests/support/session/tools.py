"""What tests need of the machine beside Python: without it they skip, and the end of the session says what is missing.

A word in SYNCER_REQUIRE (`mariadb,postgresql,chromium`) makes a failure of that. `make test-tools` installs everything.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import NoReturn

import pytest

#: what the reason of a skip ends with where a tool is missing
NOT_INSTALLED = "is not installed"


def skip(tool: str, why: str) -> NoReturn:
    """Skip the test, or fail it where SYNCER_REQUIRE names the tool."""
    if tool in os.environ.get("SYNCER_REQUIRE", "").split(","):
        pytest.fail(f"SYNCER_REQUIRE asks for {tool}: {why}")
    pytest.skip(why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once each why tests were skipped, and by which one command they would not be."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", ()))
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {number:>5}: {reason}")
    if any(NOT_INSTALLED in reason for reason in reasons):
        terminalreporter.write_line("`make test-tools` installs what is not installed")


def _reason(report: pytest.TestReport) -> str:
    where_and_why = report.longrepr
    assert isinstance(where_and_why, tuple | list), "a skip says where and why"
    return str(where_and_why[2]).removeprefix("Skipped: ")
