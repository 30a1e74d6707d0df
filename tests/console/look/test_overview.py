"""The overview: what needs somebody, whether anybody works, and what is new since one looked."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from syncer.app import App
from syncer.clock import stamp
from syncer.console.reading.standing.recent import COUNTS, Recent
from syncer.database.connections import reading, writing
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support.html import Parsed
from tests.support.looking.requests import START, add_request


def text_of(answer: object) -> str:
    """What a page says, with blanks as one."""
    return re.sub(r"\s+", " ", Parsed(answer.text).text)  # type: ignore[attr-defined]


def test_it_says_in_one_sentence_how_all_requests_stand(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    said = text_of(signed_in(Role.READER).get("/"))

    assert (
        "11 requests were received: 5 carried out everywhere, 1 closed with an exception,"
        " 3 waiting for a person's decision, 2 under way. 2 are late and still open." in said
    )


def test_what_needs_somebody_stands_by_cause_with_a_link_to_all_and_the_command_folded_away(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    answer = signed_in(Role.READER).get("/")
    page = Parsed(answer.text)
    hrefs = {each["href"] for each in page.all("a")}

    assert "A copy may remain at ActiveCampaign for up to 360 days." in page.text
    assert {"/requests/?cause=archived_not_purged&recipient=crm", "/requests/?due=late", "/requests/?cause=malformed",
            "/recipients/newsletter/"} <= hrefs  # fmt: skip
    outside = re.sub(r"<details>.*?</details>", "", answer.text, flags=re.DOTALL)
    assert "syncer resync --event" in answer.text and "<code>" not in outside


def test_nothing_to_do_says_when_that_was_seen(empty: App, looking: Callable[..., FlaskClient], clock: Clock) -> None:
    empty.verify()

    said = text_of(looking().get("/"))

    assert re.search(r"Nothing is late, held or paused\. Checked \d+ \w+ \d{4}, \d\d:\d\d CES?T\.", said)
    assert "No request has come in yet." in said


@pytest.mark.slow
def test_a_daemon_that_is_gone_is_missed_since_it_was_last_seen(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    reader = looking()
    assert "No daemon is running: nothing is carried out" in text_of(reader.get("/"))

    daemon = empty.tables.daemon
    with writing(empty.engine) as connection:
        gone = {"owner": "host:1:x", "started_at": START, "seen_until": START}
        connection.execute(daemon.insert().values(gone))
    fresh = looking()

    assert "No daemon since 1 Nov 2026, 09:00 CET: nothing is carried out" in text_of(fresh.get("/"))


def test_a_daemon_that_runs_is_not_missed(empty: App, looking: Callable[..., FlaskClient]) -> None:
    empty.presence.arrive()

    assert "No daemon" not in text_of(looking().get("/"))


@pytest.mark.slow
def test_what_is_due_is_counted_from_today_on(empty: App, looking: Callable[..., FlaskClient], clock: Clock) -> None:
    today = clock.now.astimezone(empty.rule.zone).date()
    for number, days in enumerate((-1, 0, 7, 8, 14, 15)):
        add_request(empty, number, clock.now - timedelta(days=3), due_on=today + timedelta(days=days))
    add_request(empty, 9, clock.now, due_on=today, state="fulfilled")
    reader = looking()

    page = reader.get("/").text

    numbers = dict(re.findall(r'<a href="(/requests/\?due=\w+)">[^<]*</a></dt><dd[^>]*>(\d+)', page))
    assert numbers == {"/requests/?due=7": "2", "/requests/?due=14": "4", "/requests/?due=late": "1"}
    for link, number in numbers.items():
        assert reader.get(link).text.count("<tr>") == 1 + int(number)


def test_proposals_that_wait_are_counted_and_those_that_lapsed_are_not(
    empty: App, looking: Callable[..., FlaskClient], clock: Clock
) -> None:
    proposal = empty.tables.proposal
    with writing(empty.engine) as connection:
        for until, outcome in ((1, None), (2, None), (1, "approved"), (-1, None)):
            values = {"kind": "exempt", "facts": "{}", "digest": "x", "reason": "r", "proposer": "{}"}
            times = {"proposed_at": clock.now, "until": clock.now + timedelta(days=until)}
            connection.execute(proposal.insert().values(**values, **times, outcome=outcome))

    assert "2 decisions wait for a second person" in text_of(looking().get("/"))


# -- since one looked ---------------------------------------------------------------------------------------


def test_what_is_new_is_told_once_somebody_said_that_they_looked(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    (app, clock), officer = filled, signed_in(Role.COMPLIANCE, name="olga")
    assert "You have not said yet that you looked." in text_of(officer.get("/"))

    month_ago = clock.now - timedelta(days=31)
    assert officer.post("/seen", data={"until": month_ago.isoformat()}).status_code == 303
    came, closed = (
        len(app.ledger.entries((what,), stamp(month_ago))) for what in ("event:received", "event:fulfilled")
    )
    assert (came, closed) == (6, 1)
    said = text_of(officer.get("/"))
    assert re.search(r"Since 24 Oct 2026, \d\d:\d\d CEST: 6 requests came 1 request was closed", said)

    assert officer.post("/seen", data={"until": clock.now.isoformat()}).status_code == 303
    assert "Nothing came, was closed, held or found again since 24 Nov 2026, 10:30 CET." in text_of(officer.get("/"))
    assert "6 requests came" in text_of(officer.get("/?since=before"))
    other = signed_in(Role.COMPLIANCE, name="otto")
    assert "You have not said yet that you looked." in text_of(other.get("/"))


def test_looking_moves_no_mark_and_a_mark_never_goes_back_nor_ahead(
    empty: App, looking: Callable[..., FlaskClient], clock: Clock
) -> None:
    u = empty.tables.user

    def mark() -> object:
        with reading(empty.engine) as connection:
            return connection.execute(sa.select(u.c.looked_at).where(u.c.name == "anna")).scalar()

    reader = looking()
    reader.get("/")
    assert mark() is None
    reader.post("/seen", data={"until": (clock.now + timedelta(days=9)).isoformat()})
    assert mark() == clock.now
    reader.post("/seen", data={"until": (clock.now - timedelta(days=9)).isoformat()})
    assert mark() == clock.now


@pytest.mark.slow
@pytest.mark.parametrize(
    "until", ["", "yesterday", "2026-11-24T10:00:00", "9999-99-99", "2026-11-24\x00", "0001-01-01T00:00+23:59"]
)
def test_a_mark_without_a_moment_is_refused(looking: Callable[..., FlaskClient], until: str) -> None:
    assert looking().post("/seen", data={"until": until}).status_code == 400


def test_somebody_without_an_account_has_no_mark(empty: App, looking: Callable[..., FlaskClient]) -> None:
    reader = looking()
    with writing(empty.engine) as connection:
        connection.execute(empty.tables.session.update().values(user_name="wp:1:7", roles="compliance"))

    assert "nobody keeps when you last looked" in text_of(reader.get("/"))
    assert reader.post("/seen", data={"until": "2026-11-24T10:00:00+00:00"}).status_code == 303


# -- what is kept for a moment ------------------------------------------------------------------------------


def test_what_was_read_counts_for_seconds_and_not_after_a_change() -> None:
    now, made = [0.0], []
    recent = Recent(lambda: now[0])

    def make() -> int:
        made.append(1)
        return len(made)

    assert [recent.get("a", make), recent.get("a", make), recent.get("b", make)] == [1, 1, 2]
    now[0] = COUNTS
    assert recent.get("a", make) == 3
    recent.forget()
    assert recent.get("a", make) == 4


def test_what_was_being_read_while_somebody_changed_something_is_not_kept() -> None:
    recent = Recent(lambda: 0.0)

    def before() -> str:
        recent.forget()  # somebody else's change ends while this is read
        return "before"

    assert recent.get("a", before) == "before"
    assert recent.get("a", lambda: "after") == "after"


def test_what_one_did_is_seen_at_once(empty: App, looking: Callable[..., FlaskClient]) -> None:
    reader = looking()
    reader.get("/")
    empty.interventions.pause("crm", "bills are open")

    reader.post("/seen", data={"until": "2026-11-24T10:00:00+00:00"})

    assert "ActiveCampaign is paused: bills are open" in text_of(reader.get("/"))


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/", "/recipients/", "/recipients/crm/"])
def test_a_page_is_read_again_only_where_that_was_asked_for(looking: Callable[..., FlaskClient], path: str) -> None:
    reader = looking()

    assert "Refresh" not in reader.get(path).headers
    assert reader.get(f"{path}?follow=10").headers["Refresh"] == "10"
    assert reader.get(f"{path}?follow=1").status_code == 400
    assert "data-follow" in reader.get(path).text


def test_the_plots_say_their_numbers_without_colour(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    page = Parsed(signed_in(Role.READER).get("/").text)

    titles = [each["aria-labelledby"] for each in page.all("svg")]
    assert titles == ["c-received", "c-confirmed", "c-open", "c-deletions"]
    assert "Days until half of the requests of a week were confirmed" in page.text and "14 Sep" in page.text
