"""What a page says first is true, is said once, and is what the reader came for."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask.testing import FlaskClient

from syncer.app import App
from syncer.domain.permissions import Role
from tests.conftest import Clock
from tests.support import eventful
from tests.support.html import Parsed
from tests.support.looking.requests import add_request, damage


def text_of(client: FlaskClient, path: str) -> str:
    """What a page says, with blanks as one."""
    answer = client.get(path)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", Parsed(answer.text).text)


def test_what_the_guard_stopped_is_not_called_under_way(empty: App, looking: Callable[..., FlaskClient]) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "pending", "guarded")])
    reader = looking()

    for path in ("/requests/", f"/requests/{event_id}/"):
        page = reader.get(path).text
        assert '<b class="held">stopped until a person has looked</b>' in page, path
        assert ">under way</b>" not in page, path


def test_a_recipient_that_was_never_asked_is_not_said_to_have_been(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "pending", "guarded")])
    damage(empty, f"UPDATE {empty.tables.delivery.name} SET attempts = 0")

    page = looking().get(f"/requests/{event_id}/").text

    assert "<dt>To be asked to</dt>" in page
    assert "<dt>Asked to</dt>" not in page


def test_the_overview_tells_of_stopped_deletions_once(empty: App, looking: Callable[..., FlaskClient]) -> None:
    add_request(empty, 1, deliveries=[("crm", "pending", "guarded"), ("newsletter", "pending", "guarded")])

    page = looking().get("/").text

    assert page.count("See who asked, then release or refuse") == 1
    assert page.index("late and open") < page.index("None of it has begun.")


def test_a_persons_page_says_whether_all_of_it_was_carried_out(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app, reader = filled[0], signed_in(Role.READER)

    def said(address: str) -> str:
        return text_of(reader, f"/people/{app.keyring.ref(address)}/")

    assert "All that this person asked for was carried out everywhere: each recipient was read back." in said(
        eventful.PLAIN
    )
    assert "carried out everywhere: each" not in said("nobody@never.test")
    for event in app.reader.events():
        if event.ending is None and event.subject:
            found = text_of(reader, f"/people/{event.subject}/")
            assert "of this person is not closed yet." in found or "of this person are not closed yet." in found
            assert "All that this person asked for was carried out everywhere" not in found


def test_the_audit_keeps_a_recipient_and_its_request_apart(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    said = text_of(signed_in(Role.READER), "/audit/")

    assert re.search(r"(Mailchimp|\(crm\)|ActiveCampaign), the request", said)
    assert not re.search(r"\w(the request)", said)


def test_what_cannot_be_understood_leads_back(empty: App, looking: Callable[..., FlaskClient]) -> None:
    answer = looking().get("/requests/?state=nonsense")

    assert answer.status_code == 400
    assert '<li><a href="/requests/">' in answer.text


def test_help_says_what_each_word_means_as_it_is_shown(empty: App, looking: Callable[..., FlaskClient]) -> None:
    said = text_of(looking(), "/help")

    for word in ("carried out, being read back", "needs a person's decision", "stopped until a person has looked"):
        assert word in said
    for word in ("Pseudonym", "Signed note", "Dossier", "Daemon"):
        assert word in said


def test_a_request_that_waits_for_a_paused_recipient_says_so_and_leads_to_why(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "pending", None)])
    empty.leases.ensure(["crm"])
    empty.interventions.pause("crm", "the provider moves the account")

    page = looking().get(f"/requests/{event_id}/").text

    assert "Nothing is sent to this recipient at present; the time to answer runs on." in page
    assert 'href="/recipients/crm/">Why it is paused</a>' in page
    assert "<dt>Next</dt>" not in page


def test_a_paused_recipient_says_no_hour_at_which_it_would_be_asked(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    add_request(empty, 1, deliveries=[("crm", "pending", None)])
    empty.leases.ensure(["crm"])
    empty.interventions.pause("crm", "the provider moves the account")

    assert "<dt>Next attempt</dt><dd>when it goes on</dd>" in looking().get("/recipients/crm/").text


def test_a_request_that_cannot_be_read_says_what_is_wrong_with_it(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    held = next(event for event in filled[0].reader.events(state="held") if event.code == "malformed")

    assert re.search(
        r"What is wrong ?email: the address cannot be used", text_of(signed_in(Role.READER), f"/requests/{held.id}/")
    )


def test_the_register_says_at_which_recipients_a_request_is_open(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    add_request(empty, 1, deliveries=[("crm", "pending", None), ("newsletter", "confirmed", None)])

    assert "<small>open at ActiveCampaign</small>" in looking().get("/requests/").text


def test_what_is_only_read_back_once_more_is_not_called_under_way(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "applied", None)])
    damage(empty, f"UPDATE {empty.tables.delivery.name} SET confirmed_at = '2026-01-02 03:04:05.000000'")

    said = text_of(looking(), f"/requests/{event_id}/")

    assert "Nothing more is to be carried out." in said
    assert "It is under way." not in said


def test_a_persons_page_tells_when_it_was_carried_out_apart_from_the_last_look(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    app = filled[0]
    ref = app.keyring.ref(eventful.PLAIN)
    (event,) = app.reader.events(subject=ref)

    page = signed_in(Role.READER).get(f"/people/{ref}/").text

    assert event.deliveries[0].applied_at is not None
    assert page.count('data-l="Carried out"') == page.count('data-l="Last read back"') == len(event.deliveries)


def test_what_is_late_by_the_target_of_the_house_says_so_beside_a_day_that_is_still_to_come(
    filled: tuple[App, Clock], signed_in: Callable[..., FlaskClient]
) -> None:
    (event,) = filled[0].reader.events(subject=filled[0].keyring.ref("late@target.test"))
    assert event.overdue and event.target_at is not None

    said = text_of(signed_in(Role.READER), "/requests/?due=late")

    assert re.search(r"late ?Target of this house: \d+ \w+ 2026", said)


def test_a_request_is_shown_whatever_the_row_of_its_recipient_holds(
    empty: App, looking: Callable[..., FlaskClient]
) -> None:
    event_id = add_request(empty, 1, deliveries=[("crm", "pending", None)])
    empty.leases.ensure(["crm"])
    damage(empty, f"UPDATE {empty.tables.lane.name} SET taken_at = 'never'")

    assert "What each recipient did" in text_of(looking(), f"/requests/{event_id}/")
