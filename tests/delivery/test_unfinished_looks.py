"""A look that broke off goes on from where it was: nobody is passed over, and nobody without the key moves it on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App, load_settings, open_app
from syncer.database.connections import reading
from syncer.delivery.looks import so_far, unfinished, watch
from syncer.delivery.looks.watch import Look
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look_at
from tests.support.servers import ENGINES
from tests.support.walk import OTHER, PERSON, put

PAGE = 100  # of ActiveCampaign
LATER = timedelta(days=40)


class Killed(BaseException):
    """Ends a look as a kill does: nothing that handles errors sees it."""


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "BATCH", PAGE)
    monkeypatch.setattr(so_far, "KEPT_EVERY", PAGE)


@pytest.fixture
def app(make_app: Callable[..., App], clock: Clock, activecampaign: ActiveCampaignSandbox) -> App:
    """Two people were erased; they are back on the first and the last of four pages of contacts."""
    app = make_app(recheck_days="[]")
    put(app, "erasure", PERSON, "k1")
    put(app, "erasure", OTHER, "k2")
    drain(app)
    clock.now += LATER
    activecampaign.add(PERSON)
    for number in range(3 * PAGE):
        activecampaign.add(f"person{number}@many.test")
    activecampaign.add(OTHER)
    activecampaign.clear_requests()
    return app


def killed_after(batches: int) -> Callable[[], bool]:
    """Return what a look asks between batches; once so many more are through, the process is killed."""
    left = iter([True] * batches)

    def alive() -> bool:
        if next(left, False):
            return True
        raise Killed

    return alive


def behind(activecampaign: ActiveCampaignSandbox, page: int) -> int:
    """The id of the last contact of a page, behind which the next one is asked for."""
    contact = activecampaign.contact(f"person{page * PAGE - 2}@many.test")
    assert contact is not None
    return int(contact["id"])


def breaks_off(app: App, activecampaign: ActiveCampaignSandbox) -> Look:
    """Look while the third page cannot be read; the sandbox answers again afterwards."""
    third = {"id_greater": behind(activecampaign, 2) - 1}
    activecampaign.fault(Fault(status=503, body="", path="/contacts$", times=None, above=third))
    found = look_at(app, "crm")
    activecampaign.clear_faults()
    activecampaign.clear_requests()
    return found


def asked_behind(activecampaign: ActiveCampaignSandbox) -> list[int]:
    """The ids behind which pages were asked for, without those that asked for the total."""
    pages = [one.query for one in activecampaign.requests if "id_greater" in one.query]
    return [int(query["id_greater"]) for query in pages if query["id_greater"] != "0"] or [0]


def kept(app: App) -> Any:
    w = app.tables.watch.c
    with reading(app.engine) as connection:
        text = connection.execute(sa.select(w.unfinished).where(w.destination == "crm")).scalar()
    return text and json.loads(text)


def write(app: App, **values: Any) -> None:
    """Write into the table of looks as somebody who has the database and not the key."""
    with app.engine.begin() as connection:
        connection.execute(app.tables.watch.update().values(values))


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_a_look_that_breaks_off_goes_on_from_there(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    first = breaks_off(app, activecampaign)
    assert (first.code, len(first.incidents), first.complete) == ("unavailable", 1, False)

    second = look_at(app, "crm")

    assert second.complete and second.whole
    assert len(second.incidents) == 1 and second.incidents != first.incidents
    assert min(asked_behind(activecampaign)) == behind(activecampaign, 2)
    assert second.seen == 3 * PAGE + 2, "those before the break count too"
    assert second.since == first.since
    assert kept(app) is None


def test_after_a_kill_another_process_goes_on_and_finds_who_is_left(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    with closing(app.adapter("crm")) as adapter, pytest.raises(Killed):
        app.watch.look("crm", adapter, killed_after(2))
    activecampaign.clear_requests()

    with open_app(load_settings(app.settings.path), clock=clock) as another:
        found = look_at(another, "crm")

    assert found.complete and len(found.incidents) == 1
    assert min(asked_behind(activecampaign)) == behind(activecampaign, 3)
    assert found.seen == 3 * PAGE + 2


def test_a_look_that_went_on_counts_from_when_it_began(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    began = clock.now
    breaks_off(app, activecampaign)
    clock.now += timedelta(hours=5)
    look_at(app, "crm")

    w = app.tables.watch.c
    with reading(app.engine) as connection:
        row = connection.execute(sa.select(w.looked_at, w.listed_at).where(w.destination == "crm")).one()
    assert (row.looked_at, row.listed_at) == (began, began)


def test_an_unfinished_first_look_is_due_however_young_the_requests_are(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    breaks_off(app, activecampaign)

    assert app.watch.due("crm", unfinished.LONGEST_REST)


def test_under_other_settings_a_look_begins_anew(app: App, clock: Clock, activecampaign: ActiveCampaignSandbox) -> None:
    breaks_off(app, activecampaign)
    path = app.settings.path
    path.write_text(path.read_text(encoding="utf-8").replace('"Europe/Berlin"', '"UTC"'), encoding="utf-8")

    with open_app(load_settings(path), clock=clock) as another:
        found = look_at(another, "crm")

    assert found.complete and found.seen == 3 * PAGE + 2
    assert min(asked_behind(activecampaign)) == behind(activecampaign, 1), "the first page was read again"


def test_a_look_that_broke_off_long_ago_begins_anew(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    breaks_off(app, activecampaign)
    clock.now += unfinished.OLDEST + timedelta(seconds=1)

    assert look_at(app, "crm").complete
    assert min(asked_behind(activecampaign)) == behind(activecampaign, 1)


def forged(place: dict[str, Any]) -> Iterator[str]:
    """What somebody may write who wants to hide a person, or to break a command."""
    for change in (
        {"after": "999999999 302"},
        {"seen": 0},
        {"whole": False},
        {"settings": ""},
        {"mac": "00"},
        {"x": 1},
    ):
        yield json.dumps(place | change)
    yield json.dumps({name: value for name, value in place.items() if name != "mac"})
    yield from ("", "null", "3", "[]", "{", '"text"', "[" * 100_000, json.dumps({"mac": 3}), json.dumps({"mac": "zz"}))


def test_nobody_without_the_key_moves_a_look_on_or_breaks_one(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    breaks_off(app, activecampaign)
    place = kept(app)

    for text in forged(place):
        write(app, unfinished=text)
        assert app.watch._places.last("crm") is None, text[:80]
    write(app, unfinished=json.dumps(place))
    assert app.watch._places.last("crm") is not None
    assert app.watch._places.last("newsletter") is None, "it stands for one destination"


def test_a_place_that_is_put_back_after_its_look_ended_counts_no_more(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox
) -> None:
    breaks_off(app, activecampaign)
    place = json.dumps(kept(app))
    look_at(app, "crm")
    clock.now += timedelta(hours=1)
    write(app, unfinished=place)
    activecampaign.clear_requests()

    assert look_at(app, "crm").seen == 3 * PAGE + 2
    assert min(asked_behind(activecampaign)) == behind(activecampaign, 1)


def test_a_listing_that_does_not_add_up_is_read_again_from_its_start(
    app: App, activecampaign: ActiveCampaignSandbox
) -> None:
    breaks_off(app, activecampaign)
    body = json.dumps({"contacts": [], "meta": {"total": "9999"}})
    activecampaign.fault(Fault(status=200, body=body, content_type="application/json", path="/contacts$", times=None))
    assert look_at(app, "crm").code == "incomplete"
    activecampaign.clear_faults()
    activecampaign.clear_requests()

    assert look_at(app, "crm").complete
    assert min(asked_behind(activecampaign)) == behind(activecampaign, 1)


def test_no_place_is_kept_behind_somebody_who_could_not_be_read_back(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BATCH", 1)
    monkeypatch.setattr(so_far, "KEPT_EVERY", 1)
    for person, audience in ((PERSON, AUDIENCES[0]), (OTHER, AUDIENCES[1])):
        mailchimp.add(person, audience, last_changed=clock.now.isoformat())
    odd = hashlib.md5(PERSON.encode(), usedforsecurity=False).hexdigest()
    mailchimp.fault(Fault(status=200, body="{}", content_type="application/json", path=odd, times=None))
    with closing(app.adapter("newsletter")) as adapter, pytest.raises(Killed):
        app.watch.look("newsletter", adapter, killed_after(1))
    mailchimp.clear_faults()

    found = look_at(app, "newsletter")

    assert found.complete and len(found.incidents) == 1, "and the other one was found before the kill"


def test_only_audiences_that_were_read_whole_are_passed_over(
    app: App, clock: Clock, mailchimp: MailchimpSandbox
) -> None:
    for audience in AUDIENCES:
        mailchimp.add(f"somebody@{audience}.test", audience, last_changed=clock.now.isoformat())
    mailchimp.add(PERSON, AUDIENCES[1], last_changed=clock.now.isoformat())
    fault = Fault(status=503, body="", path=f"{AUDIENCES[1]}/members$", times=None)
    mailchimp.fault(fault)
    first = look_at(app, "newsletter")
    assert (first.code, first.incidents) == ("unavailable", ())
    mailchimp.clear_faults()
    mailchimp.clear_requests()

    second = look_at(app, "newsletter")

    listed = {one.path.split("/")[-2] for one in mailchimp.requests if one.path.endswith("/members")}
    assert AUDIENCES[1] in listed and AUDIENCES[0] not in listed
    assert second.complete and len(second.incidents) == 1


def test_moments_of_a_place_are_whole(app: App, activecampaign: ActiveCampaignSandbox) -> None:
    first = breaks_off(app, activecampaign)

    place = kept(app)
    assert datetime.fromisoformat(place["since"]) == first.since
    assert "many.test" not in json.dumps(place)
