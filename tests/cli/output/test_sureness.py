"""What commands say of what nobody could read back: how sure it is, counted apart, and never that it is done."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from syncer.app import App
from syncer.cli.output import printing
from syncer.cli.output.terminal import EscapingConsole
from syncer.service import metrics
from syncer.service.alerts.digest import Digests
from syncer.service.drain import drain
from tests.support.looking import closed
from tests.support.processes import inside, inside_json
from tests.support.walk import put

APART = "1 read back, 2 passed on, 1 settled by a person, 1 cannot be found there, 1 does not apply"
#: what may be said of what was read back alone
CLAIMS = re.compile(r"(?i)\b(confirmed|done|erased|carried out|read back)\b")


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An installation whose deliveries were closed in every way; its commands run under the real clock."""
    with closed.installation(tmp_path_factory.mktemp("closed")) as (app, _):
        yield app


@pytest.fixture
def path(ways: App) -> Path:
    return ways.settings.path


def test_show_says_of_each_destination_how_sure_that_is(ways: App, path: Path) -> None:
    said = inside(path, "show", closed.event_of(ways, closed.TOLD)).stdout
    stands = {line.partition(" ")[0]: line.split(": ", 2)[2] for line in said.splitlines() if "(answering): " in line}

    assert f"state     closed, not everywhere read back: {APART}" in said
    assert stands == {
        "newsletter": "confirmed - found, acted on, read back; 1 attempt",
        "ads": "passed on, cannot be checked; 1 attempt",
        "analytics": "passed on, cannot be checked; through by 20 Jan 2027; 1 attempt",
        "counter": "does not apply; 1 attempt",
        "letters": "settled by a person; 1 attempt",
        "visits": "cannot be found there; its data ends by itself by 24 Jan 2028; 1 attempt",
    }
    assert "why   it answered that it holds nothing" in said
    for line in said.splitlines():
        assert not CLAIMS.search(line) or "newsletter" in line or line.startswith(("state", "20")), line


def test_events_count_them_apart_and_status_too(path: Path) -> None:
    listed, status = inside(path, "events").stdout, inside(path, "status").stdout

    assert f"closed, not everywhere read back: {APART}" in re.sub(r"\s+", " ", listed)
    assert "(no_data)" not in listed, "a recipient's answer is a person's word"
    assert "requests: 0 under way, 1 held, 3 closed" in status
    assert "analytics: closed without being read back: 3 passed on" in status
    assert "letters: closed without being read back: 1 settled by a person" in status
    assert "visits: closed without being read back: 3 could not be asked about" in status
    assert "newsletter: closed without" not in status


def test_what_is_green_was_read_back_everywhere(ways: App, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = EscapingConsole(
        width=250,
        force_terminal=True,
        color_system="standard",
        markup=False,
        highlight=False,
        record=True,
        file=StringIO(),
    )
    monkeypatch.setattr(printing, "console", lambda: terminal)

    printing.events(ways.reader.events())

    shown = terminal.export_text(styles=True)
    assert re.findall(r"\x1b\[(\d+)m(carried out everywhere|closed)", shown) == [
        ("32", "carried out everywhere"), ("36", "closed"), ("36", "closed"),
    ]  # fmt: skip


def test_json_has_the_states_the_ending_and_the_days(ways: App, path: Path) -> None:
    shown = inside_json(path, "show", closed.event_of(ways, closed.TOLD))
    of = {each["destination"]: each for each in shown["deliveries"]}

    assert shown["ending"] == "answered"
    assert (of["analytics"]["state"], of["analytics"]["settles_on"]) == ("accepted", "2027-01-20")
    assert (of["visits"]["state"], of["visits"]["lapses_on"]) == ("not_applicable", "2028-01-24")
    assert (of["letters"]["state"], of["letters"]["code"]) == ("attested", "no_data")
    assert inside_json(path, "status")["destinations"]["letters"]["attested"] == 1


def test_metrics_count_each_state_at_each_destination(ways: App) -> None:
    said = metrics.text(ways)

    assert 'syncer_deliveries{destination="ads",state="accepted"} 3.0' in said
    assert 'syncer_deliveries{destination="ads",state="confirmed"} 1.0' in said
    assert 'syncer_deliveries{destination="letters",state="attested"} 1.0' in said
    assert 'syncer_deliveries{destination="visits",state="not_applicable"} 3.0' in said


def test_the_digest_counts_what_was_not_read_back_beside_what_was_closed(ways: App) -> None:
    _, body = Digests(ways).text(closed.AT)

    assert "closed: 3, of which" in body
    assert "letters: 1 closed without being read back there" in body
    assert "newsletter: " not in body.partition("Deletions begun")[0]


def test_a_drain_tells_what_was_passed_on_from_what_was_confirmed(tmp_path: Path) -> None:
    with closed.installation(tmp_path) as (app, _):
        put(app, "erasure", "another@person.test", "another")

        result = drain(app)

    assert (result.confirmed, result.passed_on, result.not_applicable, result.held) == (1, 2, 2, 2)


def test_the_command_says_so_in_its_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closed.installation(tmp_path) as (app, _):
        put(app, "erasure", "another@person.test", "another", received_at=app.clock())
        path = app.settings.path
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("TEST_ANSWERING_KEY", "a key")

    said = inside(path, "drain").stdout

    assert "taken 1; deliveries confirmed 1, passed on 2, not applicable 2; now held 2, retrying 0, still due 0" in said
