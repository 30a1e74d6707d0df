"""A look at a destination that answers something odd ends as a look with a code: the job goes on the next time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from adapters.contract import Seen
from adapters.mailchimp.adapter import Mailchimp
from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.looks import look
from tests.support.walk import OTHER, PERSON, put, states

#: values where a number, a status or a time should stand
ODD: list[object] = [
    *(
        True,
        -1,
        1.5,
        10**400,
        "²",
        "٣",
        "9" * 5000,
        "0x1",
        "",
        None,
        [],
        {},
        ["1"],
        {"a": 1},
        "9999-12-31T23:59:59-23:00",
    ),
]


@pytest.fixture
def app(make_app: Callable[..., App], clock: Clock) -> App:
    app = make_app(recheck_days="[]")
    put(app, "erasure", PERSON, "k1")
    put(app, "objection", OTHER, "k2")
    drain(app)
    clock.now += timedelta(days=40)
    return app


@pytest.mark.slow
@pytest.mark.parametrize("all_of_it", [True, False], ids=["all", "but ids and totals"])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_finding_22_an_odd_value_in_a_listing_ends_as_the_looks_code(
    app: App, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, odd: object, all_of_it: bool
) -> None:
    id_, total = (odd, odd) if all_of_it else ("1", 1)
    members = [{"id": id_, "email_address": PERSON, "status": odd, "sms_subscription_status": odd}]
    rows = [{"id": id_, "contact": id_, "list": odd, "status": odd, "sdate": odd}]
    contacts = [{"id": id_, "email": PERSON, "cdate": odd}]
    for sandbox, path, body in (
        (mailchimp, "/members$", {"members": members, "total_items": total}),
        (activecampaign, "/contacts$", {"contacts": contacts, "contactLists": rows, "meta": {"total": total}}),
    ):
        text = json.dumps(body)
        sandbox.fault(Fault(status=200, body=text, content_type="application/json", path=path, times=None))

    found = look(app)

    assert {seen.code for seen in found.values()} <= {"unreadable", "incomplete", "unknown_state", "forbidden", None}
    assert not all_of_it or all(seen.code for seen in found.values())


@pytest.mark.slow
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:20])
def test_finding_22_an_odd_value_about_one_person_ends_as_the_looks_code(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, activecampaign: ActiveCampaignSandbox, odd: object
) -> None:
    now = clock.now.isoformat()
    mailchimp.add(PERSON, AUDIENCES[0], last_changed=now)
    activecampaign.add(PERSON, udate=now)
    member = {"email_address": PERSON, "list_id": AUDIENCES[0], "status": "subscribed", "timestamp_opt": odd}
    answers = (
        (mailchimp, f"{AUDIENCES[0]}/members/.", member | {"timestamp_signup": odd, "sms_subscription_status": odd}),
        (
            activecampaign,
            "/contactLists$",
            {"contactLists": [{"id": "1", "contact": "1", "status": odd, "sdate": odd}]},
        ),
        (activecampaign, "/contactArchives", {"contactArchives": [{"id": odd, "email": PERSON, "deleted_at": odd}]}),
    )
    for sandbox, path, body in answers:
        text = json.dumps(body)
        sandbox.fault(Fault(status=200, body=text, content_type="application/json", path=path, times=None))

    found = look(app)
    drain(app)

    codes = {seen.code for seen in found.values()} | {code for _, _, code in states(app).values()}
    assert "crashed" not in codes


class Broken(Mailchimp):
    """An adapter with a bug in its listing."""

    def changed(self, since: datetime | None, after: str | None = None) -> Iterator[Seen]:
        """Fail as only a bug does."""
        yield from ()
        raise OverflowError("a bug")


def test_finding_22_a_bug_met_in_a_listing_ends_as_the_looks_code(app: App, mailchimp: MailchimpSandbox) -> None:
    adapter = Broken.configured({"base_url": mailchimp.url}, mailchimp.api_key)

    assert app.watch.look("newsletter", adapter).code == "crashed"
    adapter.close()
