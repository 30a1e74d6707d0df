"""How sure anybody is of what a recipient was asked: on every page that shows it, and never more than was read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from syncer.app import App
from syncer.console.reading.standing.figures import figures
from syncer.console.site import make_site
from syncer.domain.endings import Ending
from syncer.domain.model import CLOSED, State
from syncer.domain.permissions import Role
from syncer.settings.console.table import ConsoleSettings
from tests.console.conftest import ORIGIN, place
from tests.support.html import Parsed
from tests.support.looking import closed

#: how the deliveries of a request are counted apart, where nobody was asked any further by decision
APART = "1 read back, 2 passed on, 1 settled by a person, 1 cannot be found there, 1 does not apply"
EXCEPTED = "1 read back, 2 passed on, 1 cannot be found there, 1 does not apply, 1 exempt"
#: what may be said of what was read back alone
CLAIMS = re.compile(r"(?i)\b(confirmed|done|erased|carried out|read back ?first)\b")
#: recipient -> its state, its sign, how it stands, and what else is said of it
STANDS = {
    "newsletter": ("confirmed", "confirmed", ("How it was read back",)),
    "ads": ("accepted", "passed on, cannot be checked", ("Passed on", "How it was passed on", "request req-7")),
    "analytics": ("accepted", "passed on, cannot be checked; through by 20 Jan 2027", ("as the recipient says",)),
    "counter": ("not_applicable", "does not apply", ("this right has no meaning there",)),
    "letters": ("attested", "settled by a person",
                ("it answered that it holds nothing", closed.REASON, closed.SHA256, "It answered on20 Nov 2026")),
    "visits": ("not_applicable", "cannot be found there; its data ends by itself by 24 Jan 2028",
               ("Art. 11(2)", "Could not be asked to", "what it may hold, by 24 Jan 2028")),
}  # fmt: skip


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An installation whose deliveries were closed in every way, with a console."""
    with closed.installation(tmp_path_factory.mktemp("closed")) as (app, _):
        app.settings = replace(app.settings, console=ConsoleSettings(url=f"{ORIGIN}/"))
        yield app


@pytest.fixture(scope="module")
def site(ways: App) -> Flask:
    return make_site(ways)


@pytest.fixture
def reader(site: Flask, ways: App) -> FlaskClient:
    return place(site, ways, Role.READER)


def text_of(html: str) -> str:
    """What a page or a part of it says, with blanks as one."""
    return re.sub(r"\s+", " ", Parsed(html).text)


def sections(page: str) -> dict[str, str]:
    """Recipient -> its part of the page of a request."""
    parts = re.findall(r'<section class="recipient".*?</section>', page, re.DOTALL)
    return {re.search(r"<code>(\w+), answering", part)[1]: part for part in parts}  # type: ignore[index]


def test_the_installation_has_every_way_to_be_closed_and_the_log_agrees(ways: App) -> None:
    told = [delivery.state for event in ways.reader.events() for delivery in event.deliveries]

    assert set(told) == CLOSED | {State.HELD}
    assert ways.verify().ok


@pytest.mark.parametrize("recipient", STANDS)
def test_a_request_says_of_each_recipient_how_sure_that_is(ways: App, reader: FlaskClient, recipient: str) -> None:
    part = sections(reader.get(f"/requests/{closed.event_of(ways, closed.TOLD)}/").text)[recipient]
    sign, standing, more = STANDS[recipient]

    assert f'<b class="{sign}">{standing}</b>' in part
    for each in more:
        assert each in text_of(part)
    claims = CLAIMS.findall(text_of(part))
    assert bool(claims) is (recipient == "newsletter"), claims


def test_a_request_says_first_how_many_were_read_back_and_how_many_were_not(ways: App, reader: FlaskClient) -> None:
    told = reader.get(f"/requests/{closed.event_of(ways, closed.TOLD)}/").text
    excepted = text_of(reader.get(f"/requests/{closed.event_of(ways, closed.EXCEPTED)}/").text)

    assert f"Nothing of it is open at any recipient, and not each of them was read back: {APART}." in text_of(told)
    assert f'<b class="answered">closed, not everywhere read back: {APART}</b>' in told
    assert f"closed with an exception: {EXCEPTED}" in excepted


def test_the_page_of_a_person_says_so_and_calls_nothing_carried_out_that_was_passed_on(
    ways: App, reader: FlaskClient
) -> None:
    page = reader.get(f"/people/{ways.keyring.ref(closed.TOLD)}/").text

    assert f"Nothing of this person is open, and not everything was read back: {APART}." in text_of(page)
    carried_out = re.findall(r'data-l="Carried out">(.*?)</td>', page)
    said = [re.sub("<.*?>", "", each) for each in carried_out]
    assert [each.partition(" ")[0] for each in said] == ["24", "passed", "passed", "–", "–", "–"]
    seen = text_of(reader.get(f"/people/{ways.keyring.ref(closed.SEEN)}/").text)
    assert "All that this person asked for was carried out everywhere: each recipient was read back." in seen


def test_the_register_and_the_overview_count_them_apart(ways: App, reader: FlaskClient) -> None:
    register, overview = reader.get("/requests/").text, text_of(reader.get("/").text)

    assert f'<b class="answered">closed, not everywhere read back: {APART}</b>' in register
    assert '<b class="fulfilled">carried out everywhere</b>' in register
    assert "1 carried out everywhere, 1 closed, not everywhere read back, 1 closed with an exception" in overview


@pytest.mark.parametrize("cause", ["no_identifier", "right_not_offered", "no_data"])
def test_the_register_finds_why_a_recipient_was_not_asked_and_what_one_answered(
    ways: App, reader: FlaskClient, cause: str
) -> None:
    page = reader.get(f"/requests/?cause={cause}").text

    found = {closed.event_of(ways, address) for address in (closed.TOLD, closed.EXCEPTED, closed.WAITING)}
    wanted = {closed.event_of(ways, closed.TOLD)} if cause == "no_data" else found
    assert set(re.findall(r"/requests/([0-9a-f-]{36})/", page)) == wanted


def test_a_recipient_counts_what_was_not_read_back_by_its_kind(reader: FlaskClient) -> None:
    all_of_them = text_of(reader.get("/recipients/").text)

    assert "Closed otherwise" in all_of_them
    for name, kind in (
        ("ads", "Passed on, cannot be checked"),
        ("visits", "Cannot be found there, or does not apply"),
        ("letters", "Settled by a person"),
    ):
        page = reader.get(f"/recipients/{name}/").text
        assert f"<dt>{kind}</dt><dd>{1 if name == 'letters' else 3}</dd>" in page
        assert "<dt>Confirmed</dt><dd>1</dd>" in page


def test_help_has_a_sentence_for_each_and_for_what_stands_beside_it(reader: FlaskClient) -> None:
    page = reader.get("/help").text

    for state in CLOSED:
        assert f'<b class="{state}">' in page
    assert '<b class="answered">closed, not everywhere read back</b>' in page
    for code in ("no_identifier", "right_not_offered", "done", "no_data", "refused"):
        assert f'id="cause-{code}"' in page


def test_the_days_of_a_plot_are_of_what_every_recipient_confirmed(ways: App) -> None:
    endings = [event.ending for event in ways.reader.events()]

    weeks = [week for week in figures(ways).weeks if week.received]

    assert [(week.received, week.looked_at) for week in weeks] == [(4, endings.count(Ending.EVERYWHERE))]


def test_no_page_breaks_over_them(ways: App, reader: FlaskClient) -> None:
    events = ways.reader.events()
    paths = ["/", "/requests/", "/recipients/", "/returned/", "/audit/", "/help", "/requests/?state=fulfilled"]
    paths += [f"/requests/{event.id}/" for event in events] + [f"/people/{event.subject}/" for event in events]
    for path in [*paths, *(f"/recipients/{name}/" for name in closed.ANSWERS)]:
        answer = reader.get(path)
        page = Parsed(answer.text)
        ids = [more["id"] for _, more in page.tags if "id" in more]

        assert (answer.status_code, page.open, len(ids) - len(set(ids))) == (200, [], 0), path
        assert not re.search(r"read back</b>", answer.text) or path == "/help", path
