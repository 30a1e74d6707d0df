"""The administrator's screen in a real browser."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import run
from tests.wordpress.installation import Installation
from tests.wordpress.site import ADMIN, Site

pytestmark = pytest.mark.wordpress
ARTIFACTS = Path(__file__).parents[1] / "artifacts"
REMEDY = "Chromium is not installed; on Debian: apt-get install --no-install-recommends chromium chromium-driver"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[object]:
    driver = shutil.which("chromedriver")
    if driver is None or shutil.which("chromium") is None:
        if "chromium" in os.environ.get("SYNCER_REQUIRE", "").split(","):
            pytest.fail(REMEDY)
        pytest.skip(REMEDY)
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-dev-shm-usage",
                 "disable-background-networking", "disable-component-update", "disable-sync",
                 "window-size=1400,1500", f"user-data-dir={tmp_path / 'profile'}"):  # fmt: skip
        options.add_argument(f"--{flag}")
    found = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield found
    found.quit()


def test_the_screen_shows_how_far_each_list_is(site: Site, installation: Installation, browser: object) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.remote.webdriver import WebDriver
    from selenium.webdriver.support.ui import WebDriverWait

    assert isinstance(browser, WebDriver)
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
        browser.get(f"{site.url}/wp-login.php")
        browser.find_element(By.ID, "user_login").send_keys(ADMIN[0])
        browser.find_element(By.ID, "user_pass").send_keys(ADMIN[1])
        browser.find_element(By.ID, "wp-submit").click()
        browser.get(f"{site.url}/wp-admin/erase-personal-data.php")

        # one click on the screen's own button
        row = f"//tr[.//input[@value='{fresh}']]"
        browser.find_element(By.XPATH, f"{row}//td[contains(@class, 'next_steps')]//button").click()
        wait = WebDriverWait(browser, 30)
        wait.until(lambda page: "will be told to erase" in page.find_element(By.TAG_NAME, "body").text)
        assert site.queued(fresh)[0][1] == "eraser"

        browser.refresh()
        cells = {request: _cell(browser, request) for request in (done, waiting, fresh)}
        ARTIFACTS.mkdir(exist_ok=True)
        browser.save_screenshot(str(ARTIFACTS / "erase-personal-data.png"))
    finally:
        run(installation.settings, "resume", "crm", "--reason", "shown")

    assert cells[done].startswith("Mailchimp: confirmed ")
    assert "\nActiveCampaign: confirmed " in cells[done]
    assert "Mailchimp: confirmed " in cells[waiting]
    assert "\nActiveCampaign: waiting\nAnswer due by " in cells[waiting]
    assert cells[fresh] == "No report from syncer yet"


def _cell(browser: object, request: int) -> str:
    path = f"//tr[.//input[@value='{request}']]//td[contains(@class, 'column-syncer')]"
    return str(browser.find_element("xpath", path).text)  # type: ignore[attr-defined]
