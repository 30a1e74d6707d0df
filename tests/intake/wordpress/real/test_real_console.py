"""From the column of WordPress over to syncer's console, in a real browser and by hand."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import ADMIN, PATIENCE, Site
from tests.support.browser import Tab, chromium
from tests.support.paths import ARTIFACTS
from tests.support.processes import started, until
from tests.support.servers import free_port

pytestmark = pytest.mark.wordpress

SECRET = "0123456789abcdef" * 4
CONSOLE = """
[console]
url = "http://localhost:{port}/"
listen = "127.0.0.1:{port}"
key_file = "syncer.key"

[console.wordpress]
issuer = "{issuer}"
secret_file = "{secret}"
role = "admin"
"""
CONSTANTS = "<?php define( 'SYNCER_CONSOLE_URL', '{url}' ); define( 'SYNCER_CONSOLE_SECRET_FILE', '{secret}' );\n"


@dataclass(frozen=True)
class Neighbour:
    """A console beside WordPress, a request that it knows, and the link to it in the column."""

    url: str
    request: int
    link: str


@pytest.fixture(scope="module")
def neighbour(site: Site, installation: Installation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Neighbour]:
    folder, port = tmp_path_factory.mktemp("console"), free_port()
    secret, constants = folder / "ticket", site.content / "mu-plugins" / "a-console.php"
    secret.write_text(SECRET, encoding="utf-8")
    secret.chmod(0o600)
    before, url = installation.settings.read_text(encoding="utf-8"), f"http://localhost:{port}/"
    settings = installation.settings.with_name("with-console.toml")
    settings.write_text(before + CONSOLE.format(port=port, issuer=site.url, secret=secret), encoding="utf-8")
    request = site.create("over@console.test", mail=False)
    site.erase(request)
    installation.drain()
    assert "syncer_console" not in site.screen(), "a link without the constants"
    constants.write_text(CONSTANTS.format(url=url, secret=secret), encoding="utf-8")
    try:
        with started(settings, "console", log=folder / "log", debug=False):
            until(lambda: _answers(f"{url}healthz"), PATIENCE)
            (link,) = re.findall(
                rf'href="([^"]+action=syncer_console&#038;request={request}&#038;[^"]+)"', site.screen()
            )
            yield Neighbour(url, request, html.unescape(link))
    finally:
        constants.unlink()


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


def _hidden(page: str, name: str) -> str:
    (found,) = re.findall(rf'name="{name}" value="([^"]+)"', page)
    return html.unescape(found)


def test_from_the_column_to_the_request_in_a_browser(
    site: Site, installation: Installation, neighbour: Neighbour
) -> None:
    with chromium() as tab:
        tab.look(width=1280, height=900)
        _log_in(tab, site)
        tab.open(f"{site.url}/wp-admin/erase-personal-data.php")
        tab.follow(f"document.querySelector('a[href*=\"action=syncer_console&request={neighbour.request}&\"]').click()")
        assert "The button works for one minute" in tab.value("document.body.innerText")
        assert "ticket" not in tab.value("location.href")

        tab.follow("document.querySelector('form button').click()")
        assert tab.value("location.href") == f"{neighbour.url}sign-in/wordpress"
        assert "Continue as WordPress user 1 of 127.0.0.1" in tab.value("document.querySelector('h1').innerText")

        tab.follow("document.querySelector('main form button').click()")
        place, page = tab.value("location.pathname"), tab.value("document.body.innerText")
        ARTIFACTS.mkdir(exist_ok=True)
        tab.picture(ARTIFACTS / "from-wordpress.png")

    (event,) = installation.events(f"1:{neighbour.request}")
    assert place == f"/requests/{event['id']}/"
    assert "Mailchimp" in page
    assert "over@console.test" not in page
    log = map(json.loads, installation.ok("audit", "export").splitlines())
    signed_in = [each for each in log if each.get("what") == "console:signed_in"]
    assert "wp:1:1" in json.dumps(signed_in[-1])


def test_a_ticket_of_the_plugin_works_once(site: Site, neighbour: Neighbour) -> None:
    ticket = _hidden(site.browser.get(neighbour.link, timeout=PATIENCE).text, "ticket")
    place = f"{neighbour.url}sign-in/wordpress"

    first, second = (requests.post(place, data={"ticket": ticket}, timeout=PATIENCE) for _ in range(2))

    assert (first.status_code, second.status_code) == (200, 403)


def test_the_page_with_the_button_asks_for_the_nonce_and_the_right(site: Site, neighbour: Neighbour) -> None:
    without = re.sub(r"&?_wpnonce=\w+", "", neighbour.link)
    forged = re.sub(r"_wpnonce=\w+", "_wpnonce=0123456789", neighbour.link)
    for link in (without, forged):
        answer = site.browser.get(link, timeout=PATIENCE)
        assert answer.status_code == 403
        assert "ticket" not in answer.text
    stranger = requests.get(neighbour.link, timeout=PATIENCE)
    assert 'name="ticket"' not in stranger.text


def test_an_editor_gets_no_ticket_even_with_a_nonce_of_their_own(site: Site, neighbour: Neighbour) -> None:
    code = (
        "$id = wp_create_user( 'editor', 'an editor of the tests', 'editor@site.test' );"
        "( new WP_User( $id ) )->set_role( 'editor' ); wp_set_current_user( $id );"
        "$_GET['request'] = '1'; $_REQUEST['_wpnonce'] = wp_create_nonce( 'syncer_console' );"
        "add_filter( 'wp_die_handler', fn() => function ( $text ) { echo $text; exit; } );"
        "syncer_open_console();"
    )
    said = site.php(code)

    assert said == "You may not do this."


@pytest.mark.parametrize("content", ["", "short", None])
def test_without_a_good_secret_the_plugin_offers_nothing(
    site: Site, neighbour: Neighbour, tmp_path: Path, content: str | None
) -> None:
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_text(content, encoding="utf-8")
    before = f"define( 'SYNCER_CONSOLE_URL', 'http://localhost/' ); define( 'SYNCER_CONSOLE_SECRET_FILE', '{secret}' );"
    constants = site.content / "mu-plugins" / "a-console.php"
    kept = constants.read_text(encoding="utf-8")
    constants.write_text(f"<?php {before}", encoding="utf-8")
    try:
        assert site.php("var_export( syncer_console_secret() );") == "''"
    finally:
        constants.write_text(kept, encoding="utf-8")


def _log_in(tab: Tab, site: Site) -> None:
    tab.open(f"{site.url}/wp-login.php")
    name, password = map(json.dumps, ADMIN)
    tab.follow(
        f"document.getElementById('user_login').value = {name};"
        f"document.getElementById('user_pass').value = {password};"
        "document.getElementById('wp-submit').click()"
    )
