"""Another plugin's eraser dies, or the list of erasers is broken: the mailing lists are told all the same."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest

from syncer.app import load_settings, open_app
from syncer.clock import now
from tests.intake.wordpress.installation import Installation
from tests.intake.wordpress.site import CONFIRMED, PAGES, Site

pytestmark = pytest.mark.wordpress

DEATHS = {
    "throws": "throw new TypeError( 'broken' );",
    "exits": "exit;",
    "runs out of time": "set_time_limit( 1 ); while ( true ) {}",
    "answers with an error": "return new WP_Error( 'shop', 'no' );",
    "answers with nothing": "return null;",
    "is never done": "return array( 'items_removed' => true, 'items_retained' => false, 'messages' => array(),"
    " 'done' => false );",
}
#: loaded after ours and run behind it: no must-use plugin can come later
LAST = "PHP_INT_MAX"
ENTRY = "array( 'shop' => array( 'eraser_friendly_name' => 'Shop', 'callback' => function () { %s } ) )"
ORDERS = {
    "before ours": (f"return {ENTRY} + $erasers;", LAST),
    "behind ours": (f"return $erasers + {ENTRY};", "10"),
}
NUMBERS = itertools.count()
LISTS = {
    "is nothing": "return null;",
    "is no list": "return 'erasers';",
    "is an error": "return new WP_Error( 'shop', 'no' );",
}


@contextlib.contextmanager
def another_plugin(site: Site, body: str, priority: str) -> Iterator[None]:
    """Have another must-use plugin filter the erasers, until the end of the block."""
    # a name of its own: for two seconds PHP may keep what it compiled of a file that changed
    file = site.content / "mu-plugins" / f"zz-shop-{next(NUMBERS)}.php"
    file.write_text(
        "<?php add_filter( 'wp_privacy_personal_data_erasers', function ( $erasers ) { " + body + f" }}, {priority} );",
        encoding="utf-8",
    )
    try:
        yield
    finally:
        file.unlink()


def row(site: Site, request: int) -> str:
    """Return the HTML of a request's row on the screen."""
    return site.screen().partition(f'value="{request}"')[2].partition("</tr>")[0]


def alarms(installation: Installation, **later: float) -> dict[str, str]:
    """Sweep and ask for the alarms under a clock that is ahead; returns them by what they are about."""
    app = open_app(load_settings(installation.settings), clock=lambda: now() + timedelta(**later))
    try:
        assert app.wordpress is not None
        app.wordpress.sweep()
        return {alarm.about: alarm.code for alarm in app.wordpress.state().alarms}
    finally:
        app.close()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("death", DEATHS)
def test_the_lists_are_told_whichever_way_another_eraser_dies(
    site: Site, installation: Installation, death: str, order: str
) -> None:
    request = site.create(f"{'-'.join([*death.split(), *order.split()])}@shop.test", mail=False)
    body, priority = ORDERS[order]
    with another_plugin(site, body % DEATHS[death], priority):
        answers = site.erase(request)

        assert not answers[-1]["success"] or len(answers) >= PAGES
        assert site.status(request) == "request-confirmed"
        assert [row[1] for row in site.queued(request)] == ["eraser"]


def test_a_click_that_another_plugin_stopped_is_carried_out_once_shown_and_ends_with_the_next_click(
    site: Site, installation: Installation
) -> None:
    installation.knows("stopped@shop.test")
    request = site.create("stopped@shop.test", mail=False)
    body, priority = ORDERS["before ours"]
    with another_plugin(site, body % DEATHS["throws"], priority):
        site.erase(request)
        shown = row(site, request)
        installation.drain()
        soon, later = alarms(installation), alarms(installation, minutes=20)
        told = row(site, request)

    assert "WordPress has not finished it.</em><br><em>No report from syncer yet</em>" in shown
    assert 'WordPress has not finished it.</em><br><span aria-hidden="true">✓</span> Mailchimp: confirmed' in told
    assert installation.gone("stopped@shop.test")
    assert f"1:{request}" not in soon
    assert later[f"1:{request}"] == "erasure_unfinished"

    assert site.erase(request)[-1]["success"]

    assert site.status(request) == "request-completed"
    assert f"1:{request}" not in alarms(installation, minutes=30)
    installation.drain()
    assert installation.confirmed(f"1:{request}") == [CONFIRMED]
    assert "WordPress has not finished" not in row(site, request)


def test_the_eraser_comes_first_for_callers_other_than_the_screen(site: Site, installation: Installation) -> None:
    with another_plugin(site, ORDERS["before ours"][0] % "exit;", "99"):
        first = "echo key( apply_filters( 'wp_privacy_personal_data_erasers', array() ) );"

        assert site.php(first) == "syncer"


@pytest.mark.parametrize("broken", LISTS)
def test_a_list_of_erasers_that_another_plugin_broke_leaves_the_screen_usable_and_the_request_open(
    site: Site, installation: Installation, broken: str
) -> None:
    request = site.create(f"{'-'.join(broken.split())}@broken.test", mail=False)
    with another_plugin(site, LISTS[broken], "10"):
        answers = site.erase(request)

    # completing it would hide that WordPress' own erasers never ran
    assert answers[-1]["data"][0]["code"] == "syncer_erasers"
    assert "another plugin" in answers[-1]["data"][0]["message"]
    assert site.status(request) == "request-confirmed"
    assert [row[1] for row in site.queued(request)] == ["eraser"]
    assert "syncer: another plugin's filter returned no list of erasers" in site.log()


@pytest.mark.parametrize("body", ["throw new TypeError( 'broken' );", "return null;", "exit;"])
@pytest.mark.parametrize("priority", ["10", LAST])
def test_the_click_is_noticed_though_the_filter_of_the_erasers_dies(
    site: Site, installation: Installation, body: str, priority: str
) -> None:
    request = site.create(f"{len(body)}.{len(priority)}@filter.test", mail=False)
    with another_plugin(site, f"if ( wp_doing_ajax() ) {{ {body} }} return $erasers;", priority):
        assert not site.erase(request)[-1]["success"]

    assert [row[1] for row in site.queued(request)] == ["eraser"]


def test_completing_by_hand_is_noticed_though_another_plugin_dies_at_the_same_hook(
    site: Site, installation: Installation
) -> None:
    request = site.create("hook@shop.test", mail=False)
    file = site.content / "mu-plugins" / "a-shop.php"  # loaded before ours
    file.write_text("<?php add_action( 'post_updated', function () { exit; }, 1 );", encoding="utf-8")
    try:
        site.act("complete", request)
    finally:
        file.unlink()

    assert [row[1] for row in site.queued(request)] == ["completed"]


def test_a_forged_click_queues_nothing(site: Site, installation: Installation) -> None:
    request = site.create("forged-click@site.test", mail=False)

    assert not site.call(request, "0123456789")["success"]

    assert site.queued(request) == []


@pytest.mark.parametrize(
    ("role", "post", "eraser", "queued"),
    [
        ("administrator", "remove_personal_data", 1, 1),
        ("editor", "remove_personal_data", 1, 0),
        ("administrator", "export_personal_data", 1, 0),
        ("administrator", "remove_personal_data", 2, 0),
    ],
)
def test_only_the_first_call_for_an_erasure_by_somebody_who_may_is_a_click(
    site: Site, installation: Installation, role: str, post: str, eraser: int, queued: int
) -> None:
    name = f"{role}-{post[:6]}-{eraser}"
    made = site.php(
        f"wp_set_current_user( wp_insert_user( array( 'user_login' => '{name}', 'user_pass' => 'p', 'role' => '{role}',"
        f" 'user_email' => '{name}@site.test' ) ) ); $id = wp_create_user_request( '{name}@site.test', '{post}' );"
        f"$_POST = array( 'id' => $id, 'eraser' => {eraser}, 'page' => 1 );"
        "$_REQUEST['security'] = wp_create_nonce( \"wp-privacy-erase-personal-data-$id\" );"
        "do_action( 'wp_ajax_wp-privacy-erase-personal-data' ); echo $id;"
    )

    assert len(site.queued(int(made))) == queued
