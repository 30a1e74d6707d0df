"""What WordPress says to the person, and when."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.sandbox import ActiveCampaignSandbox, MailchimpSandbox
from syncer.app import load_settings, open_app
from syncer.service.drain import prepare
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import Site
from tests.support.operate.passing_on import PassingOn, pass_on
from tests.support.servers import Server

pytestmark = pytest.mark.wordpress
FULFILLED = "Erasure Request Fulfilled"


@pytest.fixture(scope="module")
def patient_site(wordpress_server: Server) -> Iterator[Site]:
    found = Site(wordpress_server, mail_when_done=True)
    yield found
    found.close()


def test_by_default_wordpress_says_fulfilled_before_any_list_was_told(site: Site, installation: Installation) -> None:
    request = site.create("early@mail.test", mail=False)

    site.erase(request)

    assert FULFILLED in site.last_mail()
    assert installation.events(f"1:{request}") == []


def test_with_the_constant_the_mail_waits_until_the_lists_are_done_and_goes_out_once(
    patient_site: Site, providers: tuple[MailchimpSandbox, ActiveCampaignSandbox]
) -> None:
    syncer = Installation(patient_site, *providers)
    request = patient_site.create("patient@mail.test", mail=False)
    patient_site.erase(request)
    cron = "do_action( 'syncer_mail_when_done' );"

    patient_site.php(cron)
    before = _fulfilled(patient_site)
    syncer.drain()
    patient_site.php(cron)
    patient_site.php(cron)

    assert patient_site.status(request) == "request-completed"
    assert before == 0
    assert _fulfilled(patient_site) == 1
    assert patient_site.php("echo wp_next_scheduled( 'syncer_mail_when_done' ) > 0;") == "1"
    syncer.close()


def test_of_what_nobody_can_read_back_no_mail_says_that_it_is_done_and_the_screen_says_who_is_to_answer(
    patient_site: Site, providers: tuple[MailchimpSandbox, ActiveCampaignSandbox]
) -> None:
    syncer = Installation(patient_site, *providers)
    request = patient_site.create("unread@mail.test", mail=False)
    patient_site.erase(request)
    before = _fulfilled(patient_site)
    with open_app(load_settings(syncer.settings)) as app:
        prepare(app)
        pass_on(app, "crm", PassingOn())
    syncer.drain()

    patient_site.php("do_action( 'syncer_mail_when_done' );")

    assert _fulfilled(patient_site) == before
    shown = patient_site.screen().partition(f'value="{request}"')[2].partition("</tr>")[0]
    assert "Closed, not everywhere read back: 1 read back, 1 passed on." in shown
    assert "WordPress sends no mail that it was fulfilled: answer the person yourself." in shown
    syncer.close()


def _fulfilled(site: Site) -> int:
    return sum(FULFILLED in mail.read_text(errors="replace", encoding="utf-8") for mail in site.mails.iterdir())
