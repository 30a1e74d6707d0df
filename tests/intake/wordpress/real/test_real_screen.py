"""The administrator's screen in a real browser."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import ADMIN, Site
from tests.support.browser import Tab, chromium
from tests.support.paths import ARTIFACTS
from tests.support.processes import run, until

pytestmark = pytest.mark.wordpress


@pytest.fixture
def tab() -> Iterator[Tab]:
    with chromium() as found:
        found.look(width=1400, height=1500)
        yield found


def test_the_screen_shows_how_far_each_list_is(site: Site, installation: Installation, tab: Tab) -> None:
    done = site.create("done@screen.test", mail=False)
    site.erase(done)
    installation.drain()
    run(installation.settings, "pause", "crm", "--reason", "to show one that waits")
    waiting = site.create("waiting@screen.test", mail=False)
    site.act("complete", waiting)
    installation.drain()
    fresh = site.create("fresh@screen.test", mail=False)
    site.create("pending@screen.test")
    try:
        log_in(tab, site)
        tab.open(f"{site.url}/wp-admin/erase-personal-data.php")

        # one click on the screen's own button
        tab.value(f"{_row(fresh)}.querySelector('td.next_steps button, td.column-next_steps button').click()")
        until(lambda: "will be told to erase" in tab.value("document.body.innerText"), 30)
        assert site.queued(fresh)[0][1] == "eraser"

        tab.open(f"{site.url}/wp-admin/erase-personal-data.php")
        cells = {
            request: str(tab.value(f"{_row(request)}.querySelector('td.column-syncer').innerText.trim()"))
            for request in (done, waiting, fresh)
        }
        ARTIFACTS.mkdir(exist_ok=True)
        tab.picture(ARTIFACTS / "erase-personal-data.png")
    finally:
        run(installation.settings, "resume", "crm", "--reason", "shown")

    assert cells[done].startswith("✓ Mailchimp: confirmed, read back ")
    assert "\n✓ ActiveCampaign: confirmed, read back " in cells[done]
    assert "✓ Mailchimp: confirmed, read back " in cells[waiting]
    assert "\nActiveCampaign: waiting\nAnswer due by " in cells[waiting]
    assert cells[fresh] == "No report from syncer yet"


def log_in(tab: Tab, site: Site) -> None:
    tab.open(f"{site.url}/wp-login.php")
    name, password = map(json.dumps, ADMIN)
    tab.follow(
        f"document.getElementById('user_login').value = {name};"
        f"document.getElementById('user_pass').value = {password};"
        "document.getElementById('wp-submit').click()"
    )


def _row(request: int) -> str:
    return f"document.querySelector('input[value=\"{request}\"]').closest('tr')"
