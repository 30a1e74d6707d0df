"""Each page as each role in a real browser: nobody is hindered, nothing breaks the policy, and it can be printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from flask.testing import FlaskClient

from syncer.domain.permissions import Role
from tests.support.browser import Tab
from tests.support.console.crawl import Crawler, is_followed
from tests.support.console.looking import barriers, printed
from tests.support.console.served import NAMES, ServedConsole

#: pages of one view that are looked at: a list and its filters, an empty one, a damaged request
EACH = 2
#: roles, those that see least first: what another one saw the same of is not looked at again
ROLES = tuple(Role)


def screens(here: ServedConsole, client: FlaskClient) -> list[str]:
    """Return the addresses of the screens that somebody sees, some of each view."""
    counted: dict[str, int] = {}
    chosen = []
    for seen in Crawler(here.site, client).crawl():
        counted[seen.view] = counted.get(seen.view, 0) + 1
        if seen.status == 200 and seen.is_html and counted[seen.view] <= EACH and not is_followed(seen.url):
            chosen.append(seen.url)
    return chosen


def alike(html: str) -> str:
    """Return a page without what differs between two who see the same of it."""
    return re.sub("|".join(NAMES.values()), "who", html)


def test_nobody_is_hindered_on_any_page_and_none_breaks_the_policy(
    tab: Tab, here: ServedConsole, client: Callable[..., FlaskClient]
) -> None:
    looked_at: set[str] = set()
    wrong: dict[str, list[str]] = {}
    for role in ROLES:
        asking = client(role)
        tab.give_cookie(here.origin, here.desk.cookie, here.cookie(role))
        for url in screens(here, asking):
            if (page := alike(asking.get(url).text)) in looked_at:
                continue
            looked_at.add(page)
            tab.problems.clear()
            tab.look(width=1280)
            tab.open(f"{here.origin}{url}")
            found = [*tab.problems, *barriers(tab)]
            if found:
                wrong[f"{role} {url}"] = found

    assert wrong == {}
    assert len(looked_at) > 1


def test_who_is_not_signed_in_is_not_hindered_either(tab: Tab, here: ServedConsole) -> None:
    for url in ("/sign-in", "/"):
        tab.open(f"{here.origin}{url}")
        assert (url, tab.problems + barriers(tab)) == (url, [])


def test_the_pages_of_errors_hinder_nobody(tab: Tab, here: ServedConsole) -> None:
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.READER))

    tab.open(f"{here.origin}/nowhere")

    assert barriers(tab) == []
    # the browser itself says that it was 404; a policy that is broken would be said by "security"
    assert [said for said in tab.problems if not said.startswith("network:")] == []


def test_every_page_can_be_printed_without_its_frame(
    tab: Tab, here: ServedConsole, client: Callable[..., FlaskClient], tmp_path: Path
) -> None:
    asking = client(Role.ADMIN)
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.ADMIN))
    for url in screens(here, asking):
        tab.open(f"{here.origin}{url}")
        size, seen = printed(tab, tmp_path)
        assert (url, seen) == (url, {"navigation": False, "forms": False, "main": True})
        assert size > 1000, url


def test_on_a_narrow_screen_the_menu_is_one_word_that_unfolds_without_a_script(tab: Tab, here: ServedConsole) -> None:
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.ADMIN))
    links = "[...document.querySelectorAll('.menu nav a')]"
    seen = f"{links}.filter(e => e.checkVisibility({{contentVisibilityAuto: true}})).length"
    word = "document.querySelector('.menu summary').getClientRects().length"
    tab.script(on=False)
    tab.look(width=390)
    tab.open(f"{here.origin}/audit/")
    everything = tab.value(f"{links}.length")
    assert (tab.value(seen), tab.value(word)) == (0, 1)
    assert tab.value("document.querySelector('.bar').getBoundingClientRect().height") < 70

    tab.click(".menu summary")
    assert tab.value(seen) == everything
    tab.led(lambda: tab.click(".menu nav a[href$='/help']"))
    assert tab.value("location.pathname") == "/help"

    tab.look(width=1280)
    assert (tab.value(seen), tab.value(word)) == (everything, 0)
    tab.script(on=True)


def test_the_open_menu_hinders_nobody(tab: Tab, here: ServedConsole) -> None:
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.ADMIN))
    tab.look(width=320)
    tab.open(f"{here.origin}/audit/")
    tab.value("document.querySelector('.menu').open = true; 0")

    assert barriers(tab) == []


def test_on_paper_no_text_is_larger_than_the_heading_above_it(tab: Tab, here: ServedConsole) -> None:
    (event, *_) = here.app.reader.events(state="fulfilled")
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.READER))
    tab.open(f"{here.origin}/requests/{event.id}/")
    tab.look(width=794, medium="print")
    size = "parseFloat(getComputedStyle(document.querySelector({!r})).fontSize)"

    assert tab.value(size.format(".recipient .facts dd")) <= tab.value(size.format(".recipient h3"))

    tab.look(width=1280)


def test_on_paper_the_register_gives_room_to_the_reason_and_none_to_what_is_chosen(
    tab: Tab, here: ServedConsole
) -> None:
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.OPS))
    tab.open(f"{here.origin}/requests/")
    tab.look(width=690, medium="print")
    widths = "[...document.querySelectorAll('tbody tr:first-child > *')].map(e => e.getBoundingClientRect().width)"
    boxes, *_, stands, _closed, _source = tab.value(widths)

    assert boxes == 0
    assert stands >= 130

    tab.look(width=1280)


def test_on_paper_what_leads_to_a_form_alone_is_left_out(tab: Tab, here: ServedConsole) -> None:
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.OPS))
    tab.open(f"{here.origin}/me")
    title = "[...document.querySelectorAll('h2')].find(e => e.innerText === 'Language').getClientRects().length"
    assert tab.value(title) == 1
    tab.look(width=794, medium="print")

    assert tab.value(title) == 0

    tab.look(width=1280)


def test_no_number_above_a_column_touches_its_neighbour(tab: Tab, here: ServedConsole) -> None:
    tab.give_cookie(here.origin, here.desk.cookie, here.cookie(Role.READER))
    for width in (390, 1280):
        tab.look(width=width)
        tab.open(f"{here.origin}/")
        # each is told to say the longest that is written there
        found = tab.value(
            "[...document.querySelectorAll('svg.plot')].map(plot => [...plot.querySelectorAll('.amount')]"
            ".map(e => { e.textContent = '<0.1'; const b = e.getBoundingClientRect(); return [b.left, b.right] }))"
        )
        touching = [(one, two) for plot in found for one, two in zip(plot, plot[1:], strict=False) if one[1] >= two[0]]
        assert any(len(plot) > 5 for plot in found)
        assert touching == []
    tab.look(width=1280)
