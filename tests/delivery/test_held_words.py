"""A delivery that is held for a place that a person must see may have failed elsewhere too: no word says otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from adapters.sandbox import ActiveCampaignSandbox, Fault, MailchimpSandbox
from syncer.app import App
from syncer.service.drain import drain
from tests.conftest import AUDIENCES, Clock
from tests.support.processes import inside as run
from tests.support.walk import PERSON, event, put, states

pytestmark = pytest.mark.slow  # hours of looks, one after the other


def waits(app: App, clock: Clock) -> None:
    for _ in range(16):
        drain(app)
        clock.advance(hours=1)


def told(app: App, tmp: str) -> str:
    """Return all that the operator and the person are told, in one line and in lower case."""
    who = event(app).id
    path = app.settings.path
    texts = [run(path, "show", who).stdout, run(path, "status").stdout, run(path, "report", "--format", "csv").stdout]
    page = run(path, "dossier", who, "--out", tmp)
    assert page.returncode in (0, 1), page.stderr
    with open(tmp, encoding="utf-8") as file:
        texts.append(file.read())
    return " ".join(" ".join(texts).split()).lower()


def test_a_closed_archive_does_not_say_that_the_live_contact_is_gone(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox, tmp_path: object
) -> None:
    activecampaign.add(PERSON)
    activecampaign.admin = False
    activecampaign.fault(Fault(status=500, body="", method="DELETE", path="/contacts/", times=None))
    put(app, "erasure", PERSON, "k1")

    waits(app, clock)

    assert states(app)["crm"] == ("held", None, "archived_not_purged")
    assert activecampaign.contact(PERSON) is not None
    said = told(app, f"{tmp_path}/page.html")
    assert "no live contact is left" not in said and "entry was deleted" not in said


def test_a_delete_that_is_refused_does_not_say_that_mail_is_stopped_where_it_is_not(
    app: App, clock: Clock, activecampaign: ActiveCampaignSandbox, tmp_path: object
) -> None:
    activecampaign.add(PERSON)
    activecampaign.fault(Fault(status=422, body="{}", method="DELETE", path="/contacts/", times=None))
    activecampaign.fault(Fault(status=500, body="", method="POST", path="/contactLists", times=None))
    put(app, "erasure", PERSON, "k1")

    drain(app)

    assert states(app)["crm"][2] == "delete_blocked"
    said = told(app, f"{tmp_path}/page.html")
    assert "mailings were stopped" not in said and "no more mail is sent to you" not in said


def test_text_messages_in_one_audience_do_not_say_that_mail_is_stopped_in_another(
    app: App, clock: Clock, mailchimp: MailchimpSandbox, tmp_path: object
) -> None:
    mailchimp.add(PERSON, AUDIENCES[0], status="unsubscribed", sms="subscribed")
    mailchimp.add(PERSON, AUDIENCES[1])
    mailchimp.fault(Fault(status=500, body="", method="PATCH", path=f"/{AUDIENCES[1]}/", times=None))
    mailchimp.fault(Fault(status=400, body="", method="PATCH", path=f"/{AUDIENCES[0]}/", times=None))
    put(app, "objection", PERSON, "k1")

    waits(app, clock)

    assert states(app)["newsletter"] == ("held", None, "sms_reachable")
    member = mailchimp.member(PERSON, AUDIENCES[1])
    assert member is not None and member["status"] == "subscribed"
    said = told(app, f"{tmp_path}/page.html")
    assert "no more mail is sent to you" not in said
    assert "mail is stopped, but the provider" not in said


def test_a_missing_exclusion_does_not_say_that_the_person_is_unsubscribed(
    make_app: Callable[..., App], clock: Clock, activecampaign: ActiveCampaignSandbox, tmp_path: object
) -> None:
    app = make_app(objection="suppress")
    activecampaign.add(PERSON)
    activecampaign.fault(Fault(status=500, body="", method="POST", path="/contactLists", times=None))
    put(app, "objection", PERSON, "k1")

    waits(app, clock)

    assert states(app)["crm"] == ("held", None, "exclusion_needed")
    said = told(app, f"{tmp_path}/page.html")
    assert "you are unsubscribed" not in said and "unsubscribed, but an exclusion" not in said
