"""Finding 8: the sweep reads an address as WordPress' own function and the plugin do, and erases nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from syncer.app import App, load_settings, open_app
from syncer.intake.wordpress.titles import decoded
from syncer.setup.install import initialise
from tests.intake.wordpress.posts import Posts, posts

__all__ = ["posts"]

#: title, and what WordPress' `wp_specialchars_decode( $title, ENT_QUOTES )` makes of it
TITLES = {
    "jane&reg@x.test": "jane&reg@x.test",
    "a&amp@x.test": "a&amp@x.test",
    "a&amp;b@x.test": "a&b@x.test",
    "a&amp;amp;b@x.test": "a&amp;b@x.test",
    "a&amp;#038;b@x.test": "a&#038;b@x.test",
    "a&#038;b@x.test": "a&b@x.test",
    "a&#00038;b@x.test": "a&b@x.test",
    "a&#38b@x.test": "a&#38b@x.test",
    "a&#x26;b&#X0026;c@x.test": "a&b&c@x.test",
    "o&#039;b&#x27;c&apos;d@x.test": "o'b'c&apos;d@x.test",
    "&lt;a&gt;&quot;b&#60;&#x3c;@x.test": '<a>"b<&#x3c;@x.test',
    "a&AMP;&LT;b@x.test": "a&AMP;&LT;b@x.test",
    "a&copy;&notit;&#64;b@x.test": "a&copy;&notit;&#64;b@x.test",
    "a&commat;x.test": "a&commat;x.test",
}


@pytest.mark.parametrize("title", TITLES)
def test_finding_08_only_what_wordpress_decodes_is_decoded_and_once(title: str) -> None:
    assert decoded(title) == TITLES[title]


@pytest.fixture
def app(posts: Posts, tmp_path: Path) -> Iterator[App]:
    settings = load_settings(posts.settings(tmp_path))
    initialise(settings)
    with open_app(settings) as opened:
        yield opened


def test_finding_08_the_sweep_queues_the_person_in_the_title_and_nobody_else(posts: Posts, app: App) -> None:
    for number, title in enumerate(("jane&reg@x.test", "a&amp@x.test", "c&amp;d@x.test"), 7):
        posts.add(number, title, "request-completed", "2026-11-01 10:00:00", 1793527200)
    assert app.wordpress is not None

    assert app.wordpress.sweep().missed == 3

    assert [row.email for row in app.queue.waiting(10)] == ["jane&reg@x.test", "a&amp@x.test", "c&d@x.test"]


def test_finding_08_an_account_whose_address_holds_an_entity_is_the_person_of_its_request(
    posts: Posts, app: App
) -> None:
    posts.user(6, "c&amp;d@x.test")
    posts.add(7, "c&amp;d@x.test", "request-completed", "2026-11-01 10:00:00", 1793527200, author=6)
    posts.user(5, "jane&reg@x.test")
    posts.add(8, "jane®@x.test", "request-completed", "2026-11-01 10:00:00", 1793527200, author=5)
    assert app.wordpress is not None

    swept = app.wordpress.sweep()

    assert (swept.missed, swept.refused) == (1, 1)
