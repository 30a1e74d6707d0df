"""What WordPress is told of a request: its events and destinations summed up, and nothing called done too early."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from syncer.intake.wordpress.status import summary

AT = datetime(2026, 11, 1, 12, tzinfo=UTC)
CONFIRMED, EXEMPT, WITHDRAWN = ("confirmed", None), ("exempt", "legal_claims"), ("exempt", "withdrawn")


def row(event: str, state: str, destination: str, delivery: tuple[str, str | None], *, withdrawn: bool) -> Any:
    return SimpleNamespace(
        id=event, state=state, due_on=date(2026, 12, 1), destination=destination, adapter="mailchimp",
        delivery=delivery[0], code=delivery[1], confirmed_at=AT if delivery == CONFIRMED else None,
        withdrawn=withdrawn,
    )  # fmt: skip


def told(*events: tuple[str, dict[str, tuple[str, str | None]]]) -> tuple[str, dict[str, str]]:
    """Return what is told of a request with these events: each its state and destination -> (state, code)."""
    rows = [
        row(str(number), state, name, delivery, withdrawn=WITHDRAWN in deliveries.values())
        for number, (state, deliveries) in enumerate(events)
        for name, delivery in deliveries.items()
    ]
    said = summary("1:7", rows, {})
    return said.state, {line["name"]: line["state"] for line in json.loads(said.destinations)}


def test_a_withdrawn_request_is_not_told_as_done() -> None:
    assert told(("fulfilled", {"a": CONFIRMED, "b": WITHDRAWN})) == ("withdrawn", {"a": "confirmed", "b": "withdrawn"})


def test_one_that_is_still_read_back_is_told_as_open() -> None:
    assert told(("open", {"a": ("applied", None), "b": WITHDRAWN}))[0] == "open"


@pytest.mark.parametrize("other", ["fulfilled", "open", "held"])
def test_a_request_that_was_made_again_is_told_by_that(other: str) -> None:
    again = (other, {"a": CONFIRMED, "b": CONFIRMED})
    withdrawn = ("fulfilled", {"a": CONFIRMED, "b": WITHDRAWN})

    assert told(withdrawn, again) == told(again, withdrawn) == (other, {"a": "confirmed", "b": "confirmed"})


def test_an_exemption_is_told_as_before() -> None:
    assert told(("fulfilled", {"a": CONFIRMED, "b": EXEMPT})) == ("fulfilled", {"a": "confirmed", "b": "exempt"})
