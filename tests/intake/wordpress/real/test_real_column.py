"""The column of a real WordPress, of recipients that only take orders and show nothing."""

from __future__ import annotations

from datetime import date

import pytest

from syncer.app import load_settings, open_app
from syncer.service.drain import prepare
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import Site
from tests.support.operate.passing_on import PassingOn, pass_on

pytestmark = pytest.mark.wordpress


def test_what_was_passed_on_is_shown_as_that_and_counted_apart(site: Site, installation: Installation) -> None:
    request = site.create("passed@on.test", mail=False)
    site.act("complete", request)
    with open_app(load_settings(installation.settings)) as app:
        prepare(app)
        pass_on(app, "crm", PassingOn(date(2027, 1, 20)))
    installation.drain()

    shown = site.screen().partition(f'value="{request}"')[2].partition("</tr>")[0]

    line = "ActiveCampaign: passed on, cannot be checked; through by January 20, 2027<br>"
    assert f'<span aria-hidden="true">→</span> {line}' in shown
    assert '<span aria-hidden="true">✓</span> Mailchimp: confirmed, read back ' in shown
    assert "Closed, not everywhere read back: 1 read back, 1 passed on." in shown
    assert "Answer due by" not in shown
    assert installation.confirmed(f"1:{request}") == [["accepted", "confirmed"]]
