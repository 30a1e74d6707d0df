"""Every page that can be reached, as every role: what it answers, what it holds, and that looking changes nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from syncer.console.guardrails import HEADERS
from syncer.domain.permissions import Role
from tests.support import eventful
from tests.support.console.crawl import Crawler, Seen, contents
from tests.support.console.rules import faults
from tests.support.console.served import ServedConsole

pytestmark = pytest.mark.slow

#: who asked, in the installation in which everything happened
CANARIES = (
    *(eventful.PLAIN, eventful.BACK, "grace@hopper", "nobody@absent", "tired@three", "held5@", "held6@", "held7@"),
    *("late@target", "new@today", "hopper.test", "lovelace", "@archive.test"),
)
#: what a form or a colleague wrote, as it must stand nowhere
HOSTILE = (eventful.HOSTILE_SOURCE, "<script>alert(1)", "\u202e", "\x1b[31m")
MAY_DIFFER = ("session.seen_at", "session.hash")


@pytest.fixture(scope="module")
def crawled(here: ServedConsole) -> dict[Role, list[Seen]]:
    """What each role sees."""
    found = {}
    for role in Role:
        client = here.site.test_client()
        client.environ_base |= {"HTTP_SEC_FETCH_SITE": "same-origin", "SERVER_PORT": here.origin.rpartition(":")[2]}
        client.set_cookie(here.desk.cookie, here.cookie(role), domain="localhost", secure=False)
        found[role] = Crawler(here.site, client).crawl()
    return found


@pytest.mark.parametrize("role", Role)
def test_every_link_that_somebody_is_shown_leads_to_a_page_that_they_may_open(
    role: Role, crawled: dict[Role, list[Seen]]
) -> None:
    linked = [seen for seen in crawled[role] if seen.source != "the map"]

    assert [(seen.url, seen.source, seen.status) for seen in linked if seen.status not in (200, 303)] == []
    assert [(seen.url, seen.source) for seen in linked if not seen.view] == []
    assert len(linked) > 1


@pytest.mark.parametrize("role", Role)
def test_no_page_fails(role: Role, crawled: dict[Role, list[Seen]]) -> None:
    assert [(seen.url, seen.status) for seen in crawled[role] if seen.status >= 500] == []


@pytest.mark.parametrize("role", Role)
def test_every_answer_carries_the_headers_that_browsers_obey(role: Role, crawled: dict[Role, list[Seen]]) -> None:
    for seen in crawled[role]:
        assert {name: seen.headers.get(name) for name in HEADERS} == HEADERS, seen.url
        kept = seen.headers["Cache-Control"]
        assert ("immutable" in kept) if seen.view == "static_files.file" else (kept == "no-store"), seen.url


@pytest.mark.parametrize("role", Role)
def test_no_page_holds_an_address_or_a_key(role: Role, crawled: dict[Role, list[Seen]], here: ServedConsole) -> None:
    secrets = [*CANARIES, *here.keys]
    for seen in crawled[role]:
        told = f"{seen.url} {seen.headers} {seen.text}"
        assert [secret for secret in secrets if secret in told] == [], seen.url


@pytest.mark.parametrize("role", Role)
def test_what_strangers_wrote_is_shown_and_does_nothing(role: Role, crawled: dict[Role, list[Seen]]) -> None:
    for seen in crawled[role]:
        assert [text for text in HOSTILE if text in seen.text] == [], seen.url


@pytest.mark.parametrize("role", Role)
def test_every_page_keeps_the_rules_of_a_page(role: Role, crawled: dict[Role, list[Seen]]) -> None:
    wrong = {seen.url: found for seen in crawled[role] if seen.is_html and (found := faults(seen.text))}

    assert wrong == {}


@pytest.mark.parametrize("role", Role)
def test_no_two_pages_have_one_title(role: Role, crawled: dict[Role, list[Seen]]) -> None:
    titles = defaultdict(set)
    for seen in crawled[role]:
        if seen.is_html and seen.status == 200:
            titles[seen.title].add(seen.url.partition("?")[0])

    assert {title: urls for title, urls in titles.items() if len(urls) > 1} == {}


def test_looking_at_every_page_changes_nothing(here: ServedConsole, client: Callable[..., FlaskClient]) -> None:
    asking = client(*Role)
    before = contents(here.app, without=MAY_DIFFER)

    seen = Crawler(here.site, asking).crawl(linked_only=True)

    assert len(seen) > 1
    after = contents(here.app, without=MAY_DIFFER)
    assert {name for name in before if before[name] != after[name]} == set()
