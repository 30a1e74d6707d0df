"""One person whose calls alone are answered oddly stops nobody else, and is not tried for ever."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from adapters.sandbox.faults import EDGE_PAGE, LOGIN_PAGE
from adapters.sandbox.messages import Reply, Request
from syncer.app import App
from syncer.database.connections import reading
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look_at
from tests.support.walk import OTHER, PERSON, put

_HTML = "text/html; charset=utf-8"
#: a lane cools for six hours at most
LONGEST_COOL = timedelta(hours=6)

#: what only this person's calls are answered with
POISONS = {
    "login_page": Reply(200, LOGIN_PAGE.encode(), _HTML),
    "redirect": Reply(302, b"", None, {"Location": "https://elsewhere.test/"}),
    "unauthorized": Reply(401, b"{}", "application/json"),
    "unpaid": Reply(402, b"{}", "application/json"),
    "firewall": Reply(403, EDGE_PAGE.encode(), _HTML),
    "forbidden_bare": Reply(403, b"", None),
    "outage": Reply(503, b"", None),
    "outage_for_hours": Reply(503, b"", None, {"Retry-After": "21600"}),
    "throttled": Reply(429, b"", None),
    "not_found_page": Reply(404, b"<html>not found</html>", _HTML),
    "maintenance": Reply(200, b"<html>We are currently having some issues</html>", _HTML),
}


def key_of(person: str) -> str:
    return hashlib.md5(person.encode(), usedforsecurity=False).hexdigest()


class PoisonedMailchimp(MailchimpSandbox):
    """Answers calls about some people with something else."""

    poison: Reply | None = None
    poisoned: frozenset[str] = frozenset({key_of(PERSON)})

    def handle(self, request: Request) -> Reply:
        """Answer oddly where a path ends in the key of one of them."""
        if self.poison is not None and request.path.rpartition("/members/")[2].partition("/")[0] in self.poisoned:
            return self.poison
        return super().handle(request)


class PoisonedCrm(ActiveCampaignSandbox):
    """Answers one kind of call about the first contact with something else."""

    poison: Reply | None = None
    struck = "GET"

    def handle(self, request: Request) -> Reply:
        """Answer oddly where the person is searched for, or their contact is called."""
        about = request.query.get("email") == PERSON or request.path.startswith("/api/3/contacts/1")
        if self.poison is not None and self.struck == request.method and about:
            return self.poison
        return super().handle(request)


def waits(app: App, clock: Clock, hours: timedelta) -> None:
    """Let time pass, with work whenever something is due."""
    for _ in range(int(hours / timedelta(hours=1))):
        drain(app)
        clock.advance(hours=1)


@pytest.fixture
def mailchimp() -> Iterator[MailchimpSandbox]:
    with PoisonedMailchimp(audiences=AUDIENCES) as server:
        yield server


@pytest.fixture
def activecampaign() -> Iterator[ActiveCampaignSandbox]:
    with PoisonedCrm(rate=None) as server:
        yield server


def outcomes(app: App, name: str) -> dict[str, tuple[str, str | None]]:
    """Return the key of each event -> state and code of its delivery there."""
    d, e = app.tables.delivery, app.tables.event
    query = sa.select(e.c.event_key, d.c.state, d.c.code).join(e, d.c.event_id == e.c.id)
    with reading(app.engine) as connection:
        return {
            row.event_key: (row.state, row.code) for row in connection.execute(query.where(d.c.destination == name))
        }


@pytest.fixture
def app(make_app: Callable[..., App]) -> App:
    return make_app(recheck_days="[]")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["newsletter", "crm", "crm_delete"])
@pytest.mark.parametrize("poison", POISONS)
def test_one_person_met_by_an_odd_answer_stops_nobody_for_long_and_is_held_after_a_day(
    app: App,
    clock: Clock,
    mailchimp: PoisonedMailchimp,
    activecampaign: PoisonedCrm,
    poison: str,
    where: str,
) -> None:
    name = where.partition("_")[0]
    struck: PoisonedMailchimp | PoisonedCrm = mailchimp if name == "newsletter" else activecampaign
    struck.poison = POISONS[poison]
    activecampaign.struck = "DELETE" if where == "crm_delete" else "GET"
    activecampaign.add(PERSON)
    mailchimp.add(PERSON, AUDIENCES[0])
    put(app, "objection", PERSON, "poison")  # claimed before all others
    put(app, "erasure", PERSON, "poison2")
    waits(app, clock, 2 * LONGEST_COOL + timedelta(hours=2))  # each request once, where the provider asks for six hours
    for number in range(12):
        put(app, "erasure", f"other{number}@list.test", f"k{number}")

        waits(app, clock, timedelta(hours=2))

        assert outcomes(app, name)[f"k{number}"] == ("confirmed", None)
    waits(app, clock, timedelta(hours=12))
    assert outcomes(app, name)["poison2"][0] == "held"
    assert not app.leases.read()[name].paused
    assert app.ledger.verify().ok


@pytest.mark.slow
def test_more_poisoned_people_than_there_are_senders_do_not_stop_the_others(
    app: App, clock: Clock, mailchimp: PoisonedMailchimp
) -> None:
    people = [f"poison{number}@list.test" for number in range(60)]
    mailchimp.poison, mailchimp.poisoned = POISONS["login_page"], frozenset(map(key_of, people))
    for number, person in enumerate(people):
        mailchimp.add(person, AUDIENCES[0])
        put(app, "objection", person, f"p{number}")
    put(app, "erasure", PERSON, "k")

    waits(app, clock, timedelta(hours=4))

    assert outcomes(app, "newsletter")["k"] == ("confirmed", None)


def test_a_key_that_is_refused_to_everybody_still_pauses_the_lane_each_time(
    app: App, clock: Clock, mailchimp: PoisonedMailchimp
) -> None:
    put(app, "erasure", PERSON, "k")
    for _ in range(3):
        mailchimp.api_key = "another-us1"
        drain(app)
        assert app.leases.read()["newsletter"].paused
        assert outcomes(app, "newsletter")["k"] == ("pending", "unauthorized")
        clock.advance(hours=1)
    mailchimp.api_key = "sandboxkey-us1"

    drain(app)

    assert outcomes(app, "newsletter")["k"] == ("confirmed", None)


def test_one_person_met_by_a_login_page_does_not_end_the_look_for_people_who_are_back(
    app: App, clock: Clock, mailchimp: PoisonedMailchimp
) -> None:
    for number, person in enumerate((PERSON, OTHER)):
        put(app, "erasure", person, f"k{number}")
    drain(app)
    clock.advance(days=40)
    for person in (PERSON, OTHER):
        mailchimp.add(person, AUDIENCES[0], last_changed=clock.now.isoformat())
    mailchimp.poison = POISONS["login_page"]

    look = look_at(app, "newsletter")

    assert len(look.incidents) == 1 and look.code == "unreadable"
