"""The journeys that people come for, in a real browser: by mouse, without script, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.decisions.guarded import StoppedChoice
from syncer.domain.permissions import Role
from syncer.service.drain import drain
from tests.support.browser import Tab
from tests.support.console.journey import Journey, Way
from tests.support.console.served import FLOOD, SOURCE, ServedConsole, console
from tests.support.eventful import PLAIN

pytestmark = pytest.mark.parametrize("way", Way)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[ServedConsole]:
    """A console of its own for each journey: they change what is there."""
    with console(tmp_path / "installation", four_eyes=("exempt",)) as served:
        yield served


@pytest.fixture
def tab(browser: Tab) -> Tab:
    """The browser of the module."""
    browser.look(width=1280)
    browser.problems.clear()
    return browser


@pytest.fixture
def somebody(tab: Tab, here: ServedConsole, way: Way) -> Journey:
    """Somebody in front of the browser."""
    return Journey(tab, here, way)


def held(here: ServedConsole, code: str) -> str:
    """Return a request that is held for a cause, as its case is called."""
    return next(
        event.id
        for event in here.app.reader.events(state="held")
        for each in event.deliveries
        if (each.state, each.code) == ("held", code)
    )


def test_an_officer_sees_what_needs_her_looks_a_person_up_and_takes_the_dossier_out(
    somebody: Journey, tmp_path: Path
) -> None:
    somebody.arrive(Role.COMPLIANCE)
    somebody.sees("What needs me?")
    somebody.go("Look somebody up")
    somebody.sees("Was this person dealt with?")
    somebody.fill("Email address", PLAIN)
    somebody.push("Look up")
    somebody.sees("One person", "There is 1 request of this person.", "Who looked this person up")
    assert "@" not in somebody.tab.value("location.href")
    somebody.go(f"case {case_of(somebody.here, PLAIN)}")
    somebody.sees("How it was read back", "Everything that happened")
    folder = tmp_path / "downloads"
    folder.mkdir()

    file = somebody.take_out("Make the dossier", folder)

    assert "Art. 17" in file.read_text("utf-8")
    assert somebody.here.app.ledger.entries(("operator:looked_up",))
    assert somebody.tab.problems == []


def test_ops_start_what_is_held_over_by_a_plan_and_follow_it(somebody: Journey) -> None:
    here = somebody.here
    event = held(here, "archived_not_purged")
    somebody.arrive(Role.OPS, at=f"/requests/{event}/")
    somebody.go("Plan to start it over")
    somebody.sees("deletion begins, and cannot be undone.", "deletes for good")
    somebody.fill("Reason", "the key is that of an administrator now")
    somebody.fill("How many deletions begin", "1")
    somebody.push("Carry the plan out")
    somebody.is_at(f"/requests/{event}/")
    somebody.sees("It starts over")
    somebody.follow("Follow: read this page again every 10 seconds", "Stop following")
    drain(here.app)

    somebody.tab.open(f"{here.origin}/requests/{event}/")

    somebody.sees("the key is that of an administrator now")
    assert here.app.ledger.entries(("operator:resynced",))[-1].actor["user"] == "otto"
    assert somebody.tab.problems == []


def test_an_exemption_takes_two_people(somebody: Journey) -> None:
    here = somebody.here
    event = held(here, "archived_not_purged")
    somebody.arrive(Role.OPS, at=f"/requests/{event}/")
    somebody.go("Exempt a recipient")
    somebody.choose("Ground", "kept for legal claims")
    somebody.fill("Reason", "a case is before the court")
    somebody.push("Propose the exemption")
    somebody.sees("waits for a second person", "a case is before the court")
    assert held(here, "archived_not_purged") == event

    somebody.arrive(Role.COMPLIANCE, at="/decisions/")
    somebody.sees("a case is before the court", "otto")
    somebody.go("Look at proposal 1, then decide")
    somebody.fill("Your reason", "I read the file of the case")
    somebody.push("Approve and carry out")

    (found,) = (each for each in here.app.reader.events() if each.id == event)
    assert {each.destination: str(each.state) for each in found.deliveries}["crm"] == "exempt"
    assert somebody.tab.problems == []


def test_what_the_guard_stopped_is_released_by_its_source(somebody: Journey) -> None:
    here = somebody.here
    somebody.arrive(Role.OPS)
    somebody.go("See who asked, then release or refuse")
    somebody.sees("Stopped deletions", SOURCE)
    somebody.go(SOURCE)
    somebody.fill("Reason", "the old shop was closed, its owner says so")
    deletions = here.app.guard_decisions.plan(_of_source()).deletions
    somebody.fill("How many deletions begin", str(deletions))
    somebody.push("Release them")

    somebody.sees("These deletions are let pass")
    assert deletions >= FLOOD
    assert here.app.guard_decisions.plan(_of_source()).requests == ()
    assert somebody.tab.problems == []


def _of_source() -> StoppedChoice:
    return StoppedChoice(source=SOURCE)


def case_of(here: ServedConsole, address: str) -> str:
    """Return the number of the request of an address."""
    refs = here.app.keyring.refs(address)
    return str(here.app.reader.events(subject=refs)[0].case)
