"""`python -m tests.support.documents.picture FILE`: the top of a report of invented requests, for the README.

The requests are made up here, at a moment that stands still: the picture shows the same each time.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from adapters.contract import Action, Outcome
from syncer.domain.model import EventState, State
from syncer.domain.rights import Right
from syncer.reports.evidence import ReportedDelivery, ReportedEvent
from syncer.reports.html.page import report_html
from syncer.reports.propagation import PropagationLog
from tests.support.browser import chromium
from tests.support.documents.states import NOW, delivery, event, log

WIDTH, HEIGHT = 1280, 930


def sample() -> PropagationLog:
    """Return a report of a small shop: most is done, one was answered late, one has an exception, two are held."""
    done = [_request(4700 + number, number, _both(State.CONFIRMED)) for number in range(9)]
    done[3] = replace(done[3], late=True, fulfilled_at=NOW - timedelta(days=2))
    excepted = _request(4711, 9, (_at("newsletter", State.CONFIRMED), _at("crm", State.EXEMPT, "legal_claims")))
    held = [
        _request(4712 + number, 10 + number, (_at("newsletter", State.CONFIRMED), _at("crm", State.HELD, code)))
        for number, code in enumerate(("archived_not_purged", "archived_not_purged"))
    ]
    made = log([*done, excepted, *held, _request(4720, 38, _both(State.PENDING))])
    names = ("newsletter", "crm")
    return replace(
        made,
        destinations={name: made.destinations[name] for name in names},
        recipients={name: made.recipients[name] for name in names},
    )


def main(file: Path) -> None:
    """Write the picture. Needs Chromium."""
    with tempfile.TemporaryDirectory() as folder, chromium() as tab:
        page = Path(folder) / "report.html"
        page.write_text("".join(report_html(sample())), encoding="utf-8")
        tab.look(width=WIDTH, height=HEIGHT)
        tab.open(page)
        tab.picture(file, top=HEIGHT, width=WIDTH)


def _both(state: State) -> tuple[ReportedDelivery, ...]:
    return (_at("newsletter", state), _at("crm", state))


def _at(name: str, state: State, code: str | None = None) -> ReportedDelivery:
    outcome = Outcome.DONE if state is State.CONFIRMED else None
    return delivery(name, state, code, Action.DELETE, outcome, tried=state is not State.PENDING)


def _request(case: int, day: int, deliveries: tuple[ReportedDelivery, ...]) -> ReportedEvent:
    received = NOW - timedelta(days=38 - day)
    made = event(case, deliveries, Right.ERASURE)
    closed = received + timedelta(minutes=3) if made.state is EventState.FULFILLED else None
    return replace(made, received_at=received, due_on=(received + timedelta(days=30)).date(), fulfilled_at=closed)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
