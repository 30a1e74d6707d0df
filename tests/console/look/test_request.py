"""One request: what happened, how that is known, and what may be done about it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from syncer.app import App
from syncer.domain.permissions import Role
from syncer.reports.views import EventView
from tests.conftest import Clock
from tests.support import eventful
from tests.support.html import Parsed
from tests.support.looking.requests import add_request, damage


def of(app: App, address: str) -> EventView:
    """The only request of an address."""
    (event,) = app.reader.events(subject=app.keyring.ref(address))
    return event


def text_of(client: FlaskClient, event_id: str) -> str:
    """What the page of a request says, with blanks as one."""
    answer = client.get(f"/requests/{event_id}/")
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", Parsed(answer.text).text)


def test_it_says_how_it_is_known_that_everybody_carried_it_out(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    said = text_of(signed_in(Role.READER), of(filled[0], eventful.PLAIN).id)

    assert "Every recipient carried it out, or was found to hold nothing; each of them was read back." in said
    assert "How it was read back" in said and re.search(r"→ 404, absent, request \S+, \d+ ms", said)
    assert "nothing is open at any recipient any more" in said
    assert "What stays thereThe dossier tells the person:" in said


def test_nothing_is_called_done_that_was_not_read_back(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, _ = filled
    reader = signed_in(Role.READER)
    for event in app.reader.events():
        if event.ending is None:
            said = text_of(reader, event.id)
            assert "not yet: what was not read back is not called done" in said
            assert "Every recipient carried it out" not in said


def test_what_would_have_happened_is_told_as_that(empty: App, looking: Callable[..., FlaskClient]) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "pending", "shadowed")])

    said = text_of(looking(), event_id)

    assert "on trial in shadow mode: nothing is carried out" in said
    assert "where nothing is carried out" in said


def test_a_late_one_says_so_and_how_its_day_was_counted(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    said = text_of(signed_in(Role.READER), of(filled[0], "late@target.test").id)

    assert "It is late." in said
    assert "the earlier of" in said and "same date next month" in said


def test_a_decision_stands_with_its_reason_and_what_had_been_done_before(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    (event,) = [each for each in filled[0].reader.events() if each.ending == "with_exception"]

    said = text_of(signed_in(Role.READER), event.id)

    assert "It was closed with an exception" in said
    assert "kept for legal claims, Art. 17(3)(e)" in said
    assert "Before the decision" in said


def test_a_case_number_leads_to_the_request_and_what_fits_several_to_a_list(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, _ = filled
    reader, event = signed_in(Role.READER), of(app, eventful.PLAIN)

    by_case = reader.get(f"/requests/{event.case}/")
    several = reader.get(f"/requests/{event.id[:6]}/")

    assert (by_case.status_code, by_case.headers["Location"]) == (302, f"/requests/{event.id}/")
    assert (several.status_code, several.headers["Location"]) == (302, f"/requests/?named={event.id[:6]}")
    assert reader.get(several.headers["Location"]).text.count("<tr>") > 2


def test_a_reader_sees_no_button_that_does_something(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    event = filled[0].reader.events(state="held")[0]

    page = Parsed(signed_in(Role.READER).get(f"/requests/{event.id}/").text)

    assert [each for each in page.all("form") if each.get("action") != "/sign-out"] == []


def test_an_entry_that_is_no_json_hides_no_other(empty: App, looking: Callable[..., FlaskClient]) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "confirmed", None)], state="fulfilled")
    with empty.transactions.write() as tx:
        for what in ("event:received", "delivery:confirmed", "event:fulfilled"):
            tx.audit.add(what, event=event_id, destination="crm")
    reader = looking()
    for body in ("{", "[]", "7", '{"facts": 7, "actor": "x"}', '{"facts": {"steps": 7}}', '{"facts": {"reason": []}}'):
        damage(empty, "UPDATE syncer_audit SET body = ? WHERE what = 'delivery:confirmed'", body)
        said = text_of(reader, event_id)
        assert "request received" in said and "nothing is open at any recipient any more" in said


@pytest.mark.slow
@pytest.mark.parametrize("at", ["soon", "", "2026-11-24", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"])
def test_an_entry_whose_time_is_none_hides_no_other(empty: App, looking: Callable[..., FlaskClient], at: str) -> None:
    event_id = add_request(empty, 1)
    with empty.transactions.write() as tx:
        tx.audit.add("event:received", event=event_id)
    damage(empty, "UPDATE syncer_audit SET at = ? WHERE event_id = ?", at, event_id)
    reader = looking()

    assert "request received" in text_of(reader, event_id)
    assert reader.get("/").status_code == reader.get("/requests/").status_code == 200


def test_who_came_back_stands_with_what_became_of_it(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, _ = filled
    page = Parsed(signed_in(Role.READER).get("/returned/").text)

    assert f"/requests/{of(app, eventful.BACK).id}/" in {each["href"] for each in page.all("a")}
    assert "Mailchimp" in page.text and "confirmed" in page.text
    assert len(page.all("tr")) == 2


def test_returns_are_paged_by_their_entries(empty: App, looking: Callable[..., FlaskClient]) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "confirmed", None)])
    with empty.transactions.write() as tx:
        for _ in range(51):
            tx.audit.add("delivery:reappeared", event=event_id, destination="crm")
        tx.audit.add("delivery:reappeared", event=None, destination=None)
    reader = looking()

    first = Parsed(reader.get("/returned/").text)
    (older,) = [str(each["href"]) for each in first.all("a") if "older=" in str(each["href"])]

    assert len(first.all("tr")) == 51
    assert len(Parsed(reader.get(older).text).all("tr")) == 3
    for wrong in ("x", "-1", "1e3", "9" * 30, "٣"):
        assert reader.get(f"/returned/?older={wrong}").status_code == 400


@pytest.mark.parametrize(("most", "cut"), [(2, True), (3, False)])
def test_a_timeline_that_is_cut_short_says_so(
    empty: App, looking: Callable[..., FlaskClient], monkeypatch: pytest.MonkeyPatch, most: int, cut: bool
) -> None:
    from syncer.console.reading.requests import log

    monkeypatch.setattr(log, "LONGEST_TIMELINE", most)
    event_id = add_request(empty, 1)
    with empty.transactions.write() as tx:
        for _number in range(3):
            tx.audit.add("operator:dismissed", event=event_id)

    said = text_of(looking(), event_id)

    assert ("Only the first 2 entries stand here." in said) is cut
